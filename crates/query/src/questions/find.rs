//! Find: one box for areas, categories, blocks and case numbers, from the data itself.

use crate::{
    Caller, Cost, FromParameters, LoadError, LoadedCity, Parameters, QueryError, Question, Reply, View,
    encode::{Answer, Form, Json, Table},
    parameters::allowed::{FIND, FindLimit, FindText},
    search::{BlockIndex, FoundBlock},
};
use blotter_incident::{Incident, IncidentRecord};
use serde::Serialize;
use std::cmp::Reverse;
use utoipa::{IntoParams, ToSchema};

/// Characters of a text that is looked for.
const MOST_CHARACTERS: usize = 100;
/// Characters from which on a text may be a case number.
const LEAST_OF_A_NUMBER: usize = 5;

/// Where is that?
#[derive(Clone, Debug, IntoParams)]
pub struct Find {
    /// Text to find: part of the name of an area, category or block, an area code, or a whole case number. Capitals make no difference.
    #[param(value_type = FindText, inline)]
    pub q: String,
    /// Maximum number of finds of each kind.
    #[param(value_type = FindLimit, inline, required = false)]
    pub limit: usize,
}

/// What was found, the best of each kind first: names that begin so, then names with a word that begins so, then others.
#[derive(Debug, Serialize, ToSchema)]
pub struct FindAnswer {
    /// Areas of all layers.
    pub areas: Vec<FoundArea>,
    /// Categories.
    pub categories: Vec<String>,
    /// Blocks, those with more incidents first among equals.
    pub blocks: Vec<FoundBlock>,
    /// Incidents with that case number.
    #[schema(value_type = Vec<IncidentRecord>)]
    #[serde(serialize_with = "super::incidents::records")]
    pub incidents: Vec<Incident>,
    /// Number of incidents whose blocks and case numbers were searched: those of the newest local snapshot. What came later is found in
    /// the next one.
    pub searched: u64,
}

/// An area.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FoundArea {
    /// Layer.
    pub layer: String,
    /// Title of the layer.
    pub title: String,
    /// Code, as in incidents.
    pub code: String,
    /// Name to show; the code if the area has no name.
    pub name: String,
}

impl FromParameters for Find {
    const HAS_FILTER: bool = false;

    fn from_parameters(parameters: &Parameters) -> Result<Self, QueryError> {
        let q = parameters.required("q", "a text to find")?;
        let expected = format!("give 1 to {MOST_CHARACTERS} characters to find");
        if q.trim().is_empty() || q.chars().count() > MOST_CHARACTERS {
            return Err(QueryError::parameter("q", format!("`q={q}`: {expected}")));
        }
        Ok(Self { q, limit: FIND.read(parameters, "limit")? })
    }
}

/// How well a name has what is looked for; less is better, none is not at all.
pub(crate) fn rank(name: &str, wanted: &str) -> Option<u8> {
    let name = name.to_uppercase();
    if name.starts_with(wanted) {
        return Some(0);
    }
    let is_word =
        |(at, _): (usize, &str)| name[..at].chars().next_back().is_some_and(|before| !before.is_alphanumeric());
    let mut found = name.match_indices(wanted).peekable();
    found.peek()?;
    if found.any(is_word) { Some(1) } else { Some(2) }
}

impl Find {
    fn areas(&self, city: &LoadedCity, view: &View, wanted: &str) -> Vec<FoundArea> {
        let mut found: Vec<(u8, usize, FoundArea)> = Vec::new();
        for (number, layer) in city.profile.layers.iter().enumerate() {
            for code in view.cube.area_codes(number) {
                let name = layer.names.get(code).map_or(code, String::as_str);
                let by_code = (code.to_uppercase() == wanted).then_some(0);
                if let Some(rank) = by_code.or_else(|| rank(name, wanted)) {
                    let area = FoundArea {
                        layer: layer.name.clone(),
                        title: layer.title.clone(),
                        code: code.to_owned(),
                        name: name.to_owned(),
                    };
                    found.push((rank, number, area));
                }
            }
        }
        // Of layers, the primary one is what people mean.
        let primary = city.profile.primary_layer();
        found.sort_by(|one, other| {
            let order = |(rank, layer, _): &(u8, usize, FoundArea)| (*rank, *layer != primary, *layer);
            order(one).cmp(&order(other)).then_with(|| one.2.name.cmp(&other.2.name))
        });
        found.into_iter().take(self.limit).map(|(_, _, area)| area).collect()
    }

    fn categories(&self, view: &View, wanted: &str) -> Vec<String> {
        let mut found: Vec<(u8, &str)> =
            view.cube.categories().into_iter().filter_map(|name| Some((rank(name, wanted)?, name))).collect();
        found.sort_unstable();
        found.into_iter().take(self.limit).map(|(_, name)| name.to_owned()).collect()
    }

    fn blocks(&self, index: &BlockIndex, wanted: &str) -> Vec<FoundBlock> {
        let mut found: Vec<(u8, Reverse<u64>, &FoundBlock)> = index
            .blocks
            .iter()
            .filter_map(|block| Some((rank(&block.block, wanted)?, Reverse(block.incidents), block)))
            .collect();
        found.sort_by(|one, other| (one.0, one.1, &one.2.block).cmp(&(other.0, other.1, &other.2.block)));
        found.into_iter().take(self.limit).map(|(_, _, block)| block.clone()).collect()
    }
}

impl Question for Find {
    type Answer = FindAnswer;

    const SUMMARY: &'static str = "Find an area, a category, a block or a case number";
    const DESCRIPTION: &'static str = "Looks for a text in the names of areas, categories and blocks, and for an incident with that case \
        number. Blocks and case numbers are those of the newest local snapshot.";
    const HAS_EDITION: bool = false;

    fn cost(&self) -> Cost {
        Cost::Records
    }

    fn ask(&self, city: &LoadedCity, _: &dyn Caller) -> Result<Reply<FindAnswer>, QueryError> {
        let wanted = self.q.trim().to_uppercase();
        let (areas, categories) = {
            let view = city.read();
            (self.areas(city, &view, &wanted), self.categories(&view, &wanted))
        };
        let mut answer = FindAnswer { areas, categories, blocks: Vec::new(), incidents: Vec::new(), searched: 0 };
        let failed = |error: LoadError| QueryError::internal(&error);
        if let Some(snapshot) = city.search.newest(&city.profile).map_err(failed)? {
            answer.blocks = self.blocks(&snapshot.index, &wanted);
            answer.searched = snapshot.index.incidents;
            let is_number = wanted.chars().count() >= LEAST_OF_A_NUMBER
                && wanted.chars().any(|letter| letter.is_ascii_digit())
                && !wanted.contains(' ');
            if is_number {
                let rows = snapshot.rows.rows_of_case(&wanted).map_err(failed)?;
                let rows = &rows[..rows.len().min(self.limit)];
                answer.incidents = snapshot.rows.incidents(rows).map_err(failed)?;
            }
        }
        Ok(Reply::Answer(answer, None))
    }
}

impl Answer for FindAnswer {
    const FORMS: &'static [Form] = Form::OBJECT;

    fn into_json(self) -> Result<Json, QueryError> {
        Json::whole(&self)
    }

    fn into_table(self, _: Form) -> Result<Option<Table>, QueryError> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_begin_so_come_first() {
        let of = |name| rank(name, "LO");
        assert_eq!([of("Loop"), of("Near Loop"), of("Kelvyn Glo"), of("Austin")], [Some(0), Some(1), Some(2), None]);
        // Found within a word before it begins one.
        assert_eq!(of("Glo Loop"), Some(1));
    }
}
