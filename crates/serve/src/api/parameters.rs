//! Query parameters: each is known, given once unless it may be repeated, and right, or the answer says which is not.

use blotter_city::{BoundingBox, CityClock, Profile, UtcMicros, parse_civil, parse_instant};
use blotter_cube::{Bucket, By, COARSEST, Cube, Cursor, FINEST, Filter, HoursOfWeek};
use blotter_hotspot::Confidence;
use blotter_runtime::Problem;
use std::{fmt::Display, ops::RangeInclusive, str::FromStr};

/// The names of the filter's parameters.
pub(crate) const FILTER: [&str; 8] = ["from", "to", "category", "area", "arrest", "domestic", "bbox", "hour_of_week"];
/// Characters that name every hour of the week by itself, with room to spare.
const MOST_OF_HOURS: usize = 700;
const REPEATABLE: [&str; 2] = ["category", "area"];

/// The parameters of one request.
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads a query; any name that is none of `known`, or given twice, is refused.
    pub(crate) fn read(query: Option<&str>, known: &[&[&str]]) -> Result<Self, Problem> {
        let pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(query.unwrap_or("").as_bytes()).into_owned().collect();
        for (index, (name, _)) in pairs.iter().enumerate() {
            if !known.iter().any(|names| names.contains(&name.as_str())) {
                let names: Vec<&str> = known.iter().flat_map(|names| names.iter().copied()).collect();
                let detail = if names.is_empty() {
                    "this address has no parameters".to_owned()
                } else {
                    format!("there are: {}", names.join(", "))
                };
                return Err(Problem::parameter(name, format!("this address has no parameter `{name}`; {detail}")));
            }
            if !REPEATABLE.contains(&name.as_str()) && pairs[..index].iter().any(|(before, _)| before == name) {
                return Err(Problem::parameter(name, format!("`{name}` is given twice")));
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

    fn parsed<T: FromStr>(&self, name: &str, expected: &str) -> Result<Option<T>, Problem> {
        self.one(name)
            .map(|text| text.parse().map_err(|_| Problem::parameter(name, format!("`{name}={text}`: give {expected}"))))
            .transpose()
    }

    /// The filter, in the cube's words. It is given the cube and not the state: taking the view's lock twice deadlocks
    /// with a waiting writer, and the two holds may be of different views.
    pub(crate) fn filter(&self, profile: &Profile, cube: &Cube) -> Result<Filter, Problem> {
        let clock = cube.clock();
        let from = self.moment("from", clock)?;
        let to = self.moment("to", clock)?;
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            return Err(Problem::parameter("from", "`from` is after `to`"));
        }
        if from.is_some() && from == to {
            let detail =
                "`from` and `to` are the same moment: what happens at `to` is not included, so give a later one";
            return Err(Problem::parameter("to", detail));
        }
        let mut categories = Vec::new();
        for text in self.all("category") {
            if text.is_empty() {
                return Err(Problem::parameter("category", "`category` is empty: give a category, or leave it out"));
            }
            let category = profile.category_of(text);
            if !cube.has_category(&category) {
                let known = match cube.categories() {
                    none if none.is_empty() => "no incident is known yet".to_owned(),
                    known => format!("there are: {}", known.join(", ")),
                };
                let detail = format!("there is no category `{text}`; {known}");
                return Err(Problem::parameter("category", detail));
            }
            categories.push(category);
        }
        let mut areas: Vec<(usize, Vec<String>)> = Vec::new();
        for text in self.all("area") {
            let (name, code) = text.split_once(':').ok_or_else(|| {
                Problem::parameter("area", format!("`area={text}`: give LAYER:CODE, such as {}", example(profile)))
            })?;
            let layer = layer(profile, "area", name)?;
            let code = profile.layers[layer].asked(code);
            if !(profile.layers[layer].names.contains_key(&code) || cube.has_area(layer, &code)) {
                let known = cube.area_codes(layer).join(", ");
                let detail = format!("there is no area `{code}` of `{name}`; there are: {known}");
                return Err(Problem::parameter("area", detail));
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
            arrest: self.parsed("arrest", "true or false")?,
            domestic: self.parsed("domestic", "true or false")?,
            bbox: self.bbox()?,
            hours_of_week: self.hours_of_week()?,
        })
    }

    fn hours_of_week(&self) -> Result<Option<HoursOfWeek>, Problem> {
        if self.one("hour_of_week").is_some_and(|text| text.len() > MOST_OF_HOURS) {
            let detail = format!("`hour_of_week` has more than {MOST_OF_HOURS} characters: give ranges, such as 20-23");
            return Err(Problem::parameter("hour_of_week", detail));
        }
        let expected = "hours from 0 (Monday at midnight) to 167, and ranges of them, such as 20-23,44-47";
        self.parsed("hour_of_week", expected)
    }

    /// A moment as an answer says it, with its offset, or in the city's civil time.
    fn moment(&self, name: &str, clock: &CityClock) -> Result<Option<UtcMicros>, Problem> {
        self.one(name)
            .map(|text| {
                // Parsers of times know more ways to write them than we want to promise.
                let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"-:+.TZ".contains(&byte));
                let parsed = || parse_instant(text).or_else(|| parse_civil(text).map(|civil| clock.to_utc(civil)));
                is_plain.then(parsed).flatten().ok_or_else(|| {
                    let detail = format!("`{name}={text}`: give the city's civil time, such as 2016, 2016-07, 2016-07-19 or 2016-07-19T13:45, or a moment with its offset");
                    Problem::parameter(name, detail)
                })
            })
            .transpose()
    }

    /// The moment that is asked about.
    pub(crate) fn at(&self, clock: &CityClock) -> Result<Option<UtcMicros>, Problem> {
        self.moment("at", clock)
    }

    /// Whether an answer is to be what was said then, not what is known of then today.
    pub(crate) fn is_as_said(&self) -> Result<bool, Problem> {
        match self.one("as") {
            None | Some("known") => Ok(false),
            Some("said") => Ok(true),
            Some(other) => Err(Problem::parameter("as", format!("`as={other}`: give known or said"))),
        }
    }

    fn bbox(&self) -> Result<Option<BoundingBox>, Problem> {
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
            _ => Err(Problem::parameter(
                "bbox",
                format!("`bbox={text}`: give west,south,east,north in degrees, west ≤ east and south ≤ north"),
            )),
        }
    }

    pub(crate) fn by(&self, profile: &Profile) -> Result<By, Problem> {
        match self.one("by") {
            None | Some("none") => Ok(By::None),
            Some("category") => Ok(By::Category),
            Some(name) => Ok(By::Layer(layer(profile, "by", name)?)),
        }
    }

    pub(crate) fn bucket(&self) -> Result<Bucket, Problem> {
        match self.one("bucket") {
            Some("hour") => Ok(Bucket::Hour),
            Some("day") => Ok(Bucket::Day),
            Some("week") => Ok(Bucket::Week),
            None | Some("month") => Ok(Bucket::Month),
            Some("year") => Ok(Bucket::Year),
            Some(other) => {
                Err(Problem::parameter("bucket", format!("`bucket={other}`: give hour, day, week, month or year")))
            }
        }
    }

    pub(crate) fn resolution(&self) -> Result<u8, Problem> {
        let expected = format!("an H3 resolution from {COARSEST} to {FINEST}");
        let resolution = self.parsed("resolution", &expected)?.unwrap_or(9);
        if (COARSEST..=FINEST).contains(&resolution) {
            Ok(resolution)
        } else {
            Err(Problem::parameter("resolution", format!("`resolution={resolution}`: give {expected}")))
        }
    }

    pub(crate) fn confidence(&self) -> Result<Confidence, Problem> {
        let percent = self.parsed("confidence", "90, 95 or 99")?.unwrap_or(90_u8);
        Confidence::ALL
            .into_iter()
            .find(|confidence| confidence.percent() == percent)
            .ok_or_else(|| Problem::parameter("confidence", format!("`confidence={percent}`: give 90, 95 or 99")))
    }

    /// In which form an answer about places is wanted, where the question says so.
    pub(crate) fn format(&self) -> Option<&str> {
        self.one("format")
    }

    /// A step of a space-time cube.
    pub(crate) fn step(&self) -> Result<Bucket, Problem> {
        match self.one("step") {
            None | Some("month") => Ok(Bucket::Month),
            Some("week") => Ok(Bucket::Week),
            Some(other) => Err(Problem::parameter("step", format!("`step={other}`: give month or week"))),
        }
    }

    /// A number between two others, which are given where it is none; `otherwise` where it is not asked for.
    pub(crate) fn number<T>(&self, name: &str, range: RangeInclusive<T>, otherwise: T) -> Result<T, Problem>
    where
        T: FromStr + PartialOrd + Display,
    {
        let expected = format!("a number from {} to {}", range.start(), range.end());
        let number = self.parsed(name, &expected)?.unwrap_or(otherwise);
        if range.contains(&number) {
            Ok(number)
        } else {
            Err(Problem::parameter(name, format!("`{name}={number}`: give {expected}")))
        }
    }

    /// Selected areas, which are of the layer of the hourly counts, and categories. Nothing selected is everything.
    pub(crate) fn areas_and_categories(
        &self,
        profile: &Profile,
        cube: &Cube,
    ) -> Result<(Vec<String>, Vec<String>), Problem> {
        let filter = self.filter(profile, cube)?;
        let primary = profile.primary_layer();
        if filter.areas.iter().any(|(layer, _)| *layer != primary) {
            let name = profile.layers.get(primary).map_or("", |layer| layer.name.as_str());
            return Err(Problem::parameter("area", format!("hourly counts have areas of the layer `{name}` only")));
        }
        Ok((filter.areas.into_iter().flat_map(|(_, codes)| codes).collect(), filter.categories))
    }

    pub(crate) fn limit(&self) -> Result<usize, Problem> {
        self.number("limit", 1..=1000, 100)
    }

    /// An offset of the log.
    pub(crate) fn offset(&self, name: &str) -> Result<Option<u64>, Problem> {
        self.parsed(name, "an offset, as `next_before` of the page before has it")
    }

    pub(crate) fn cursor(&self) -> Result<Option<Cursor>, Problem> {
        self.one("cursor")
            .map(|text| {
                Cursor::parse(text)
                    .ok_or_else(|| Problem::parameter("cursor", "give the `next_cursor` of the page before"))
            })
            .transpose()
    }
}

fn layer(profile: &Profile, parameter: &str, name: &str) -> Result<usize, Problem> {
    profile.layer(name).ok_or_else(|| {
        let names: Vec<&str> = profile.layers.iter().map(|layer| layer.name.as_str()).collect();
        Problem::parameter(parameter, format!("there is no layer `{name}`; there are: {}", names.join(", ")))
    })
}

fn example(profile: &Profile) -> String {
    profile.layers.first().map_or_else(|| "beat:0111".to_owned(), |layer| format!("{}:32", layer.name))
}
