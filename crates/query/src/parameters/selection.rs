//! Which incidents a question is about.

use super::allowed::{Areas, BoundingBoxText, Categories, HoursText, Moment};
use crate::QueryError;
use blotter_city::{BoundingBox, CityClock, Profile, UtcMicros, parse_civil, parse_instant};
use blotter_cube::{By, Cube, Filter, HoursOfWeek};
use utoipa::IntoParams;

/// Which incidents, as it is asked: of what kind, where and when. Nothing selects everything.
#[derive(Clone, Debug, Default, IntoParams)]
pub struct Selection {
    /// The first moment: civil time of the city (2016, 2016-07, 2016-07-19, 2016-07-19T13:45 or with seconds), or a moment with its
    /// offset as answers have it.
    #[param(value_type = Moment, inline, required = false)]
    pub from: Option<String>,
    /// The first moment that is no longer selected: later than `from`, and written as it is.
    #[param(value_type = Moment, inline, required = false)]
    pub to: Option<String>,
    /// Any of these categories, which `/api/v1/meta` lists; may be repeated. A category that no incident has is refused.
    #[param(value_type = Categories, inline, required = false)]
    pub category: Vec<String>,
    /// LAYER:CODE, or LAYER:NAME; may be repeated. Areas of one layer are alternatives; of several layers, an incident must lie in one
    /// of each. An area that does not exist is refused.
    #[param(value_type = Areas, inline, required = false)]
    pub area: Vec<String>,
    /// Whether someone was arrested.
    #[param(value_type = bool, required = false)]
    pub arrest: Option<bool>,
    /// Whether it was domestic.
    #[param(value_type = bool, required = false)]
    pub domestic: Option<bool>,
    /// west,south,east,north in degrees; incidents without coordinates are in no box. Hot spots, emerging hot spots and backtests take
    /// it as their study area: the cells whose middle lies in it, each with all of its incidents.
    #[param(value_type = BoundingBoxText, inline, required = false)]
    pub bbox: Option<BoundingBox>,
    /// Hours of the week and ranges of them, in civil time of the city: 0 is Monday from midnight to one, 167 the last hour of Sunday.
    #[param(value_type = HoursText, inline, required = false)]
    pub hour_of_week: Option<HoursOfWeek>,
}

impl Selection {
    /// The filter, in the cube's words. It is given the cube and not the city: taking the view's lock twice deadlocks
    /// with a waiting writer, and the two holds may be of different views.
    pub fn filter(&self, profile: &Profile, cube: &Cube) -> Result<Filter, QueryError> {
        let clock = cube.clock();
        let from = moment("from", self.from.as_deref(), clock)?;
        let to = moment("to", self.to.as_deref(), clock)?;
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            return Err(QueryError::parameter("from", "`from` is after `to`"));
        }
        if from.is_some() && from == to {
            let detail =
                "`from` and `to` are the same moment: what happens at `to` is not included, so give a later one";
            return Err(QueryError::parameter("to", detail));
        }
        let mut categories = Vec::new();
        for text in &self.category {
            if text.is_empty() {
                return Err(QueryError::parameter("category", "`category` is empty: give a category, or leave it out"));
            }
            let category = profile.category_of(text);
            if !cube.has_category(&category) {
                let known = match cube.categories() {
                    none if none.is_empty() => "no incident is known yet".to_owned(),
                    known => format!("there are: {}", known.join(", ")),
                };
                let detail = format!("there is no category `{text}`; {known}");
                return Err(QueryError::parameter("category", detail));
            }
            categories.push(category);
        }
        let mut areas: Vec<(usize, Vec<String>)> = Vec::new();
        for text in &self.area {
            let (name, code) = text.split_once(':').ok_or_else(|| {
                QueryError::parameter("area", format!("`area={text}`: give LAYER:CODE, such as {}", example(profile)))
            })?;
            let layer = layer(profile, "area", name)?;
            let code = profile.layers[layer].asked(code);
            if !(profile.layers[layer].names.contains_key(&code) || cube.has_area(layer, &code)) {
                let known = cube.area_codes(layer).join(", ");
                let detail = format!("there is no area `{code}` of `{name}`; there are: {known}");
                return Err(QueryError::parameter("area", detail));
            }
            match areas.iter_mut().find(|(seen, _)| *seen == layer) {
                Some((_, codes)) => codes.push(code),
                None => areas.push((layer, vec![code])),
            }
        }
        Ok(Filter {
            from,
            to,
            categories,
            areas,
            arrest: self.arrest,
            domestic: self.domestic,
            bbox: self.bbox,
            hours_of_week: self.hour_of_week,
        })
    }

    /// Areas, which are of the layer of the hourly counts, and categories.
    pub(crate) fn areas_and_categories(
        &self,
        profile: &Profile,
        cube: &Cube,
    ) -> Result<(Vec<String>, Vec<String>), QueryError> {
        let filter = self.filter(profile, cube)?;
        let primary = profile.primary_layer();
        if filter.areas.iter().any(|(layer, _)| *layer != primary) {
            let name = profile.layers.get(primary).map_or("", |layer| layer.name.as_str());
            return Err(QueryError::parameter("area", format!("hourly counts have areas of the layer `{name}` only")));
        }
        Ok((filter.areas.into_iter().flat_map(|(_, codes)| codes).collect(), filter.categories))
    }
}

/// A moment as an answer says it, with its offset, or in the city's civil time.
pub(crate) fn moment(name: &str, text: Option<&str>, clock: &CityClock) -> Result<Option<UtcMicros>, QueryError> {
    text.map(|text| {
        // Parsers of times know more ways to write them than we want to promise.
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"-:+.TZ".contains(&byte));
        let parsed = || parse_instant(text).or_else(|| parse_civil(text).map(|civil| clock.to_utc(civil)));
        is_plain.then(parsed).flatten().ok_or_else(|| {
            let detail = format!("`{name}={text}`: give the city's civil time, such as 2016, 2016-07, 2016-07-19 or 2016-07-19T13:45, or a moment with its offset");
            QueryError::parameter(name, detail)
        })
    })
    .transpose()
}

/// What the lines of a series are.
pub(crate) fn by(text: Option<&str>, profile: &Profile) -> Result<By, QueryError> {
    match text {
        None | Some("none") => Ok(By::None),
        Some("category") => Ok(By::Category),
        Some(name) => Ok(By::Layer(layer(profile, "by", name)?)),
    }
}

fn layer(profile: &Profile, parameter: &str, name: &str) -> Result<usize, QueryError> {
    profile.layer(name).ok_or_else(|| {
        let names: Vec<&str> = profile.layers.iter().map(|layer| layer.name.as_str()).collect();
        QueryError::parameter(parameter, format!("there is no layer `{name}`; there are: {}", names.join(", ")))
    })
}

fn example(profile: &Profile) -> String {
    profile.layers.first().map_or_else(|| "beat:0111".to_owned(), |layer| format!("{}:32", layer.name))
}
