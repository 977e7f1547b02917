//! Which incidents a question is about.

use super::allowed::{Areas, BoundingBoxText, Categories, HoursText, Moment};
use crate::QueryError;
use blotter_city::{BoundingBox, CityClock, Profile, UtcMicros, parse_civil, parse_instant};
use blotter_cube::{By, Cube, Filter, HoursOfWeek};
use utoipa::IntoParams;

/// Which incidents, as it is asked: of what kind, where and when. Nothing selects everything.
#[derive(Clone, Debug, Default, IntoParams)]
pub struct Selection {
    /// Include incidents from this time on: city time (`2016` means 2016-01-01T00:00; also 2016-07, 2016-07-19, 2016-07-19T13:45, with
    /// seconds) or a time with offset (write `+` as `%2B`). Default: no limit.
    #[param(value_type = Moment, inline, required = false)]
    pub from: Option<String>,
    /// Include incidents before this time, which must be later than `from`. Same formats; `to=2017` ends with 2016. Default: no limit.
    #[param(value_type = Moment, inline, required = false)]
    pub to: Option<String>,
    /// Include these categories (see `/api/v1/meta`); may be repeated. An unknown category is refused. Default: all.
    #[param(value_type = Categories, inline, required = false)]
    pub category: Vec<String>,
    /// Include this area: LAYER:CODE or LAYER:NAME; may be repeated. Areas of one layer are combined with OR, layers with AND. An unknown
    /// area is refused.
    #[param(value_type = Areas, inline, required = false)]
    pub area: Vec<String>,
    /// Include only incidents with (`true`) or without (`false`) an arrest.
    #[param(value_type = bool, required = false)]
    pub arrest: Option<bool>,
    /// Include only domestic (`true`) or other (`false`) incidents.
    #[param(value_type = bool, required = false)]
    pub domestic: Option<bool>,
    /// Bounding box `west,south,east,north`, in degrees. Incidents without coordinates are excluded. Hot spots, emerging hot spots and
    /// backtests select whole cells by their centre.
    #[param(value_type = BoundingBoxText, inline, required = false)]
    pub bbox: Option<BoundingBox>,
    /// Include these hours of the week, city time: 0 is Monday 00:00–01:00, 167 is Sunday 23:00–24:00. Numbers and ranges, separated by
    /// commas.
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
