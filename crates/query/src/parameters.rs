//! A question by names and values, as a person writes it: each name is known, given once unless it may be repeated, and its value
//! right, or the answer says which is not.

use crate::QueryError;
use blotter_city::{BoundingBox, CityClock, Profile, UtcMicros, parse_civil, parse_instant};
use blotter_cube::{Bucket, By, COARSEST, Cube, Cursor, FINEST, Filter, HoursOfWeek};
use blotter_hotspot::Confidence;
use std::{fmt::Display, ops::RangeInclusive, str::FromStr};

/// The names of the filter's parameters.
pub const FILTER: [&str; 8] = ["from", "to", "category", "area", "arrest", "domestic", "bbox", "hour_of_week"];
/// Characters that name every hour of the week by itself, with room to spare.
const MOST_OF_HOURS: usize = 700;
const REPEATABLE: [&str; 2] = ["category", "area"];

/// A question that can be read from names and values.
pub trait FromParameters: Sized {
    /// The names that it has beside those of [`FILTER`].
    const NAMES: &'static [&'static str];
    /// Whether it has those, too.
    const HAS_FILTER: bool;

    /// Reads it.
    fn from_parameters(parameters: &Parameters) -> Result<Self, QueryError>;
}

/// Names and values.
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads a query string; any name that is none of `known`, or given twice, is refused.
    pub fn read(query: Option<&str>, known: &[&[&str]]) -> Result<Self, QueryError> {
        Self::new(url::form_urlencoded::parse(query.unwrap_or("").as_bytes()).into_owned().collect(), known)
    }

    /// Names and values; any name that is none of `known`, or given twice, is refused.
    pub fn new(pairs: Vec<(String, String)>, known: &[&[&str]]) -> Result<Self, QueryError> {
        for (index, (name, _)) in pairs.iter().enumerate() {
            if !known.iter().any(|names| names.contains(&name.as_str())) {
                let names: Vec<&str> = known.iter().flat_map(|names| names.iter().copied()).collect();
                let detail = if names.is_empty() {
                    "this address has no parameters".to_owned()
                } else {
                    format!("there are: {}", names.join(", "))
                };
                return Err(QueryError::parameter(name, format!("this address has no parameter `{name}`; {detail}")));
            }
            if !REPEATABLE.contains(&name.as_str()) && pairs[..index].iter().any(|(before, _)| before == name) {
                return Err(QueryError::parameter(name, format!("`{name}` is given twice")));
            }
        }
        Ok(Self(pairs))
    }

    fn one(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn parsed<T: FromStr>(&self, name: &str, expected: &str) -> Result<Option<T>, QueryError> {
        self.one(name)
            .map(|text| {
                text.parse().map_err(|_| QueryError::parameter(name, format!("`{name}={text}`: give {expected}")))
            })
            .transpose()
    }

    /// Which incidents.
    pub fn selection(&self) -> Result<Selection, QueryError> {
        Ok(Selection {
            from: self.one("from").map(ToOwned::to_owned),
            to: self.one("to").map(ToOwned::to_owned),
            category: self.all("category").map(ToOwned::to_owned).collect(),
            area: self.all("area").map(ToOwned::to_owned).collect(),
            arrest: self.parsed("arrest", "true or false")?,
            domestic: self.parsed("domestic", "true or false")?,
            bbox: self.bbox()?,
            hour_of_week: self.hours_of_week()?,
        })
    }

    fn hours_of_week(&self) -> Result<Option<HoursOfWeek>, QueryError> {
        if self.one("hour_of_week").is_some_and(|text| text.len() > MOST_OF_HOURS) {
            let detail = format!("`hour_of_week` has more than {MOST_OF_HOURS} characters: give ranges, such as 20-23");
            return Err(QueryError::parameter("hour_of_week", detail));
        }
        let expected = "hours from 0 (Monday at midnight) to 167, and ranges of them, such as 20-23,44-47";
        self.parsed("hour_of_week", expected)
    }

    /// A text as it stands.
    pub fn text(&self, name: &str) -> Option<String> {
        self.one(name).map(ToOwned::to_owned)
    }

    /// Whether an answer is to be what was said then, not what is known of then today.
    pub fn is_as_said(&self) -> Result<bool, QueryError> {
        match self.one("as") {
            None | Some("known") => Ok(false),
            Some("said") => Ok(true),
            Some(other) => Err(QueryError::parameter("as", format!("`as={other}`: give known or said"))),
        }
    }

    fn bbox(&self) -> Result<Option<BoundingBox>, QueryError> {
        let Some(text) = self.one("bbox") else { return Ok(None) };
        let numbers: Vec<f64> = text
            .split(',')
            .filter_map(|number| number.trim().parse().ok())
            .filter(|number: &f64| number.is_finite())
            .collect();
        match numbers.as_slice() {
            [west, south, east, north] if west <= east && south <= north && text.split(',').count() == 4 => {
                Ok(Some(BoundingBox { west: *west, south: *south, east: *east, north: *north }))
            }
            _ => Err(QueryError::parameter(
                "bbox",
                format!("`bbox={text}`: give west,south,east,north in degrees, west ≤ east and south ≤ north"),
            )),
        }
    }

    /// How long buckets of time are.
    pub fn bucket(&self) -> Result<Bucket, QueryError> {
        match self.one("bucket") {
            Some("hour") => Ok(Bucket::Hour),
            Some("day") => Ok(Bucket::Day),
            Some("week") => Ok(Bucket::Week),
            None | Some("month") => Ok(Bucket::Month),
            Some("year") => Ok(Bucket::Year),
            Some(other) => {
                Err(QueryError::parameter("bucket", format!("`bucket={other}`: give hour, day, week, month or year")))
            }
        }
    }

    /// Of H3 cells.
    pub fn resolution(&self) -> Result<u8, QueryError> {
        let expected = format!("an H3 resolution from {COARSEST} to {FINEST}");
        let resolution = self.parsed("resolution", &expected)?.unwrap_or(9);
        if (COARSEST..=FINEST).contains(&resolution) {
            Ok(resolution)
        } else {
            Err(QueryError::parameter("resolution", format!("`resolution={resolution}`: give {expected}")))
        }
    }

    /// From which on something is significant.
    pub fn confidence(&self) -> Result<Confidence, QueryError> {
        let percent = self.parsed("confidence", "90, 95 or 99")?.unwrap_or(90_u8);
        Confidence::ALL
            .into_iter()
            .find(|confidence| confidence.percent() == percent)
            .ok_or_else(|| QueryError::parameter("confidence", format!("`confidence={percent}`: give 90, 95 or 99")))
    }

    /// In which form the answer is wanted, where the question says so.
    pub fn format(&self) -> Option<&str> {
        self.one("format")
    }

    /// A step of a space-time cube.
    pub fn step(&self) -> Result<Bucket, QueryError> {
        match self.one("step") {
            None | Some("month") => Ok(Bucket::Month),
            Some("week") => Ok(Bucket::Week),
            Some(other) => Err(QueryError::parameter("step", format!("`step={other}`: give month or week"))),
        }
    }

    /// A number between two others, which are given where it is none; `otherwise` where it is not asked for.
    pub fn number<T>(&self, name: &str, range: RangeInclusive<T>, otherwise: T) -> Result<T, QueryError>
    where
        T: FromStr + PartialOrd + Display,
    {
        let expected = format!("a number from {} to {}", range.start(), range.end());
        let number = self.parsed(name, &expected)?.unwrap_or(otherwise);
        if range.contains(&number) {
            Ok(number)
        } else {
            Err(QueryError::parameter(name, format!("`{name}={number}`: give {expected}")))
        }
    }

    /// Rows of a page.
    pub fn limit(&self) -> Result<usize, QueryError> {
        self.number("limit", 1..=1000, 100)
    }

    /// An offset of the log.
    pub fn offset(&self, name: &str) -> Result<Option<u64>, QueryError> {
        self.parsed(name, "an offset, as `next_before` of the page before has it")
    }

    /// Where the page before ended.
    pub fn cursor(&self) -> Result<Option<Cursor>, QueryError> {
        self.one("cursor")
            .map(|text| {
                Cursor::parse(text)
                    .ok_or_else(|| QueryError::parameter("cursor", "give the `next_cursor` of the page before"))
            })
            .transpose()
    }
}

/// Which incidents, as it is asked: of what kind, where and when. Nothing selects everything.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The first moment: civil time such as `2016-07`, or a moment with its offset.
    pub from: Option<String>,
    /// The first moment that is no longer selected.
    pub to: Option<String>,
    /// Any of these categories.
    pub category: Vec<String>,
    /// `LAYER:CODE`: any of these areas of a layer, and of each layer that is named.
    pub area: Vec<String>,
    /// With an arrest, or without.
    pub arrest: Option<bool>,
    /// Domestic, or not.
    pub domestic: Option<bool>,
    /// In this box, in degrees.
    pub bbox: Option<BoundingBox>,
    /// In these hours of the week, in civil time.
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
