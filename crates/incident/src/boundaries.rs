//! The outlines that are known of a city, by layer, and the codes that they fill in.
//!
//! An incident whose source says no area of a layer has that of the outline that contains its point. What the source says stands,
//! and the content hash is that of what it says: which revision wins does not depend on the outlines that were known.

use crate::batch::{FIXED, IncidentBatch};
use arrow::{
    array::{Array, ArrayRef, AsArray, DictionaryArray, PrimitiveArray, RecordBatch, StringArray},
    buffer::{NullBuffer, ScalarBuffer},
    datatypes::UInt16Type,
    error::ArrowError,
};
use blotter_city::{Outlines, Profile};
use hashbrown::HashMap;
use std::sync::Arc;

/// The outlines that are known of a city.
#[derive(Clone, Debug, Default)]
pub struct Boundaries {
    /// By the layer's position in the profile.
    layers: Vec<Option<Arc<Outlines>>>,
}

impl Boundaries {
    /// Those of a layer, by its position in the profile, are known from now on.
    pub fn insert(&mut self, layer: usize, outlines: Outlines) {
        if layer >= self.layers.len() {
            self.layers.resize(layer + 1, None);
        }
        self.layers[layer] = Some(Arc::new(outlines));
    }

    /// Those of a layer, by its position in the profile.
    pub fn of(&self, layer: usize) -> Option<&Arc<Outlines>> {
        self.layers.get(layer)?.as_ref()
    }

    /// Whether none are known.
    pub fn is_empty(&self) -> bool {
        self.known().next().is_none()
    }

    /// Layers whose outlines are known, by their positions in the profile.
    pub fn known(&self) -> impl Iterator<Item = (usize, &Arc<Outlines>)> {
        self.layers.iter().enumerate().filter_map(|(layer, outlines)| Some((layer, outlines.as_ref()?)))
    }

    /// The city's own: that of the primary layer, else of the first layer whose outlines are known.
    pub fn city(&self, profile: &Profile) -> Option<&Arc<Outlines>> {
        self.of(profile.primary_layer()).or_else(|| self.known().next().map(|(_, outlines)| outlines))
    }

    /// The batch with the codes that it lacks, and how many of its incidents were given any.
    pub fn fill(&self, batch: RecordBatch) -> Result<(RecordBatch, u64), ArrowError> {
        let incidents = IncidentBatch::try_new(&batch)?;
        let mut given = vec![false; incidents.len];
        let mut columns: Option<Vec<ArrayRef>> = None;
        for (layer, outlines) in self.known().filter(|(layer, _)| *layer < incidents.areas.len()) {
            let column: &DictionaryArray<UInt16Type> = batch.column(FIXED + layer).as_dictionary();
            if column.null_count() == 0 {
                continue;
            }
            let found: Vec<(usize, &str)> = (0..incidents.len)
                .filter(|row| column.is_null(*row))
                .filter_map(|row| {
                    let (latitude, longitude) = incidents.position(row)?;
                    Some((row, outlines.codes()[outlines.area_at(latitude, longitude)?].as_str()))
                })
                .collect();
            if found.is_empty() {
                continue;
            }
            for (row, _) in &found {
                given[*row] = true;
            }
            columns.get_or_insert_with(|| batch.columns().to_vec())[FIXED + layer] = filled(column, &found)?;
        }
        let count = given.iter().map(|given| u64::from(*given)).sum();
        let Some(columns) = columns else { return Ok((batch, 0)) };
        Ok((RecordBatch::try_new(batch.schema(), columns)?, count))
    }
}

/// The column with these texts in these rows.
fn filled(column: &DictionaryArray<UInt16Type>, found: &[(usize, &str)]) -> Result<ArrayRef, ArrowError> {
    let mut texts: Vec<&str> = column.values().as_string::<i32>().iter().map(Option::unwrap_or_default).collect();
    let mut numbers: HashMap<&str, usize> = texts.iter().enumerate().map(|(number, text)| (*text, number)).collect();
    let mut keys = column.keys().values().to_vec();
    let mut valid: Vec<bool> = (0..column.len()).map(|row| column.is_valid(row)).collect();
    for (row, text) in found {
        let number = *numbers.entry(text).or_insert_with(|| {
            texts.push(text);
            texts.len() - 1
        });
        keys[*row] = u16::try_from(number).map_err(|_| ArrowError::DictionaryKeyOverflowError)?;
        valid[*row] = true;
    }
    let nulls = Some(NullBuffer::from(valid)).filter(|nulls| nulls.null_count() > 0);
    let keys = PrimitiveArray::<UInt16Type>::new(ScalarBuffer::from(keys), nulls);
    Ok(Arc::new(DictionaryArray::try_new(keys, Arc::new(StringArray::from(texts)))?))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use crate::{
        IdentityIndex, Incident, MessageParser, Observation, Parser, TypedRow, UpsertOutcome, Word, WordColumn,
    };
    use blotter_city::{CivilMicros, UtcMicros};
    use serde_json::json;

    const NOW: UtcMicros = UtcMicros(1_700_000_000_000_000);

    fn profile() -> Arc<Profile> {
        Arc::new(Profile::from_toml(include_str!("../../../cities/chicago.toml")).unwrap())
    }

    /// Community area 8 west of -87.6 and 32 east of it, and beat 1831 around both.
    fn boundaries(profile: &Profile) -> Boundaries {
        let area = |properties: serde_json::Value, west: f64, east: f64| {
            let ring = json!([[west, 41.8], [east, 41.8], [east, 42.0], [west, 42.0], [west, 41.8]]);
            json!({ "type": "Feature", "properties": properties, "geometry": { "type": "Polygon", "coordinates": [ring] } })
        };
        let mut boundaries = Boundaries::default();
        for (name, features) in [
            (
                "community_area",
                vec![
                    area(json!({ "area_numbe": "8" }), -87.8, -87.6),
                    area(json!({ "area_numbe": "32" }), -87.6, -87.5),
                ],
            ),
            ("beat", vec![area(json!({ "beat_num": "1831" }), -87.8, -87.5)]),
        ] {
            let layer = profile.layer(name).unwrap();
            let text = json!({ "type": "FeatureCollection", "features": features }).to_string();
            boundaries.insert(layer, Outlines::read(&profile.layers[layer], text.as_bytes()).unwrap());
        }
        boundaries
    }

    type Row<'a> = (&'a str, &'a str, &'a str, Option<(f64, f64)>);

    /// Id, community area, beat and point.
    fn batch(profile: &Arc<Profile>, rows: &[Row<'_>]) -> RecordBatch {
        let mut parser = Parser::new(Arc::clone(profile), 1);
        for (id, community_area, beat, position) in rows {
            let mut words: Vec<Word> =
                [WordColumn::Category, WordColumn::CategoryPublished].map(|column| parser.word(column, "THEFT")).into();
            words.extend(
                [WordColumn::Description, WordColumn::Place, WordColumn::Code].map(|column| parser.word(column, "")),
            );
            for (number, layer) in profile.layers.iter().enumerate() {
                let code = match layer.name.as_str() {
                    "community_area" => community_area,
                    "beat" => beat,
                    _ => "",
                };
                words.push(parser.word(WordColumn::Layer(number), code));
            }
            let row = TypedRow {
                id,
                case_number: "",
                occurred_at: CivilMicros(1_500_000_000_000_000),
                updated_at: None,
                words: &words,
                block: "",
                arrest: None,
                domestic: None,
                position: *position,
            };
            parser.push_typed(&row, &Observation { observed_at: NOW, deleted: false, id: None }, NOW).unwrap();
        }
        parser.finish().unwrap().remove(0).1
    }

    fn incidents(batch: &RecordBatch) -> Vec<Incident> {
        let batch = IncidentBatch::try_new(batch).unwrap();
        (0..batch.len).map(|row| batch.incident(row)).collect()
    }

    #[test]
    fn a_missing_area_comes_from_the_outline_and_a_published_one_stays() {
        let profile = profile();
        let rows = [
            ("1", "", "", Some((41.9, -87.7))),
            ("2", "", "0111", Some((41.9, -87.55))),
            ("3", "77", "0111", Some((41.9, -87.7))),
            ("4", "", "", None),
            ("5", "", "", Some((36.6, -91.7))),
            ("6", "0", "1831", Some((41.9, -87.6))),
        ];
        let before = batch(&profile, &rows);
        let (after, given) = boundaries(&profile).fill(before.clone()).unwrap();
        assert_eq!(given, 3);
        let codes: Vec<_> = incidents(&after)
            .iter()
            .map(|incident| {
                ["community_area", "beat"].map(|layer| incident.areas.get(layer).cloned().unwrap_or_default())
            })
            .collect();
        assert_eq!(codes, [["8", "1831"], ["32", "0111"], ["77", "0111"], ["", ""], ["", ""], ["32", "1831"]]);
        // All else is as it was.
        for (before, mut after) in incidents(&before).into_iter().zip(incidents(&after)) {
            after.areas.clone_from(&before.areas);
            assert_eq!(before, after);
        }
        assert_eq!(boundaries(&profile).fill(after.clone()).unwrap(), (after, 0));
        assert_eq!(Boundaries::default().fill(before.clone()).unwrap(), (before, 0));
    }

    /// Two records of one incident that only their content tells apart: the same one wins, filled or not, on every log.
    #[test]
    fn filling_leaves_the_winning_revision_alone() {
        let profile = profile();
        let boundaries = boundaries(&profile);
        let mut won = [0; 2];
        for number in 0..64 {
            let latitude = 41.85 + f64::from(number) * 1e-3;
            let rows = [("1", "", "", Some((latitude, -87.7))), ("1", "", "", Some((latitude, -87.55)))];
            let before = batch(&profile, &rows);
            let (after, given) = boundaries.fill(before.clone()).unwrap();
            assert_eq!(given, 2);
            let mut reader = MessageParser::new(Arc::clone(&profile), 0, 1);
            for row in 0..2 {
                let mut value = Vec::new();
                IncidentBatch::try_new(&after).unwrap().write_message(row, &mut value).unwrap();
                reader.push(Some(b"chicago/1"), Some(&value), NOW).unwrap();
            }
            let winners = [before, after.clone(), reader.finish().unwrap()].map(|batch| {
                let rows = IncidentBatch::try_new(&batch).unwrap();
                let mut index = IdentityIndex::default();
                (0..2).filter(|row| index.offer("1", rows.revision(*row)) != UpsertOutcome::Stale).last().unwrap()
            });
            assert_eq!(winners, [winners[0]; 3]);
            won[winners[0]] += 1;
        }
        // Each has its turn, so that the test could fail.
        assert!(won.iter().all(|won| *won > 10), "{won:?}");
    }
}
