//! City profiles: everything that one city's portal does differently, as a TOML file (`cities/*.toml`).

use crate::{
    civil::CityClock,
    clean,
    date::DateFormat,
    holiday::{self, Holiday},
    missing::Missing,
    projection::Projection,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One city. A new city is a file, never code.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Short name in keys, topics and addresses: lower case, digits and hyphens.
    pub slug: String,
    /// The name that people read.
    pub name: String,
    /// IANA time zone of the published times.
    pub time_zone: String,
    /// What the portal asks everyone to say wherever its data is shown.
    pub disclaimer: String,
    /// Points outside are *unmapped*: kept, counted, not drawn.
    pub bounding_box: BoundingBox,
    /// Where the data lives, if it has an API.
    pub portal: Option<Portal>,
    /// Header names of each field, the first that a file has is taken; compared without case, spaces and punctuation.
    pub columns: Columns,
    /// Date formats of `occurred_at` and `updated_at`, tried in order.
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    pub date_formats: Vec<DateFormat>,
    /// Times without an offset are UTC, not the city's own.
    #[serde(default)]
    pub times_are_utc: bool,
    /// Texts that stand for a missing value in every column, besides `NULL`, `NA` and their like: `["REDACTED", "-1"]`.
    #[serde(default)]
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    pub missing: Missing,
    /// The system of `columns.x` and `columns.y`: an EPSG code (`EPSG:26916`) or a PROJ string.
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub projection: Option<Projection>,
    /// Digits of offence codes, which lose leading zeros in spreadsheets: with 4, `110` is `0110`.
    #[serde(default)]
    pub code_width: usize,
    /// Clean-ups of the category.
    #[serde(default)]
    pub category: CategoryRules,
    /// Area layers, such as community areas, districts and beats. Without any, the city as a whole is the one area.
    #[serde(default)]
    pub layers: Vec<Layer>,
    /// How late incidents become known, where that is known of the city; else all counts as known at once.
    pub reporting_lag: Option<ReportedShares>,
    /// Days that are expected to be like themselves in other years, not like others of their week.
    #[serde(default)]
    pub holidays: Vec<Holiday>,
}

/// What share of incidents is known at which age, behind the data's own clock.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReportedShares {
    /// From so many hours of age on, that share is known: `[[0, 0.4], [24, 0.8], [168, 1.0]]`. None is known before the
    /// first age.
    pub share_by_age_hours: Vec<(u32, f64)>,
}

/// Ten years: what becomes known later than that is no lag.
const MOST_AGE_HOURS: u32 = 87_660;

impl ReportedShares {
    /// The share known at each age in whole hours; the last holds for all that is older.
    pub fn by_hour(&self) -> Vec<f64> {
        let last = self.share_by_age_hours.last().map_or(0, |(age, _)| *age);
        let share = |age: u32| {
            let known = self.share_by_age_hours.iter().take_while(|(from, _)| *from <= age).last();
            known.map_or(0.0, |(_, share)| *share)
        };
        (0..=last).map(share).collect()
    }

    fn fault(&self) -> Option<String> {
        let ages: Vec<u32> = self.share_by_age_hours.iter().map(|(age, _)| *age).collect();
        let shares: Vec<f64> = self.share_by_age_hours.iter().map(|(_, share)| *share).collect();
        let named = |what: &str| Some(format!("`reporting_lag.share_by_age_hours`: {what}"));
        if !ages.is_sorted_by(|one, other| one < other) || ages.last().is_none_or(|last| *last > MOST_AGE_HOURS) {
            return named("give [age in hours, share] with ages that rise, up to ten years");
        }
        if !shares.iter().all(|share| (0.0..=1.0).contains(share)) || !shares.is_sorted() {
            return named("shares lie from 0 to 1 and never fall");
        }
        if shares.last() != Some(&1.0) {
            return named("the last share must be 1: at some age all is known");
        }
        None
    }
}

/// West, south, east, north in degrees (WGS84).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BoundingBox {
    /// Least longitude.
    pub west: f64,
    /// Least latitude.
    pub south: f64,
    /// Greatest longitude.
    pub east: f64,
    /// Greatest latitude.
    pub north: f64,
}

impl BoundingBox {
    /// Whether the point lies inside, borders included.
    pub fn contains(&self, latitude: f64, longitude: f64) -> bool {
        (self.south..=self.north).contains(&latitude) && (self.west..=self.east).contains(&longitude)
    }
}

/// A Socrata portal's dataset.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Portal {
    /// Host name.
    pub domain: String,
    /// Four-by-four id.
    pub dataset: String,
    /// The page where a person reads about it.
    pub page: String,
    /// The API's name of the date of occurrence, for "the last twelve months".
    pub occurred_field: String,
}

/// Header names of each field.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Columns {
    /// The source's own unique id. Where it has none, `key` names columns that identify an event.
    pub id: Vec<String>,
    /// Columns of a source without unique ids: ids are their values and an ordinal in content order.
    pub key: Vec<String>,
    /// Date, or date and time.
    pub occurred_at: Vec<String>,
    /// Time of day, where it has a column of its own; joined to the date with a space.
    pub occurred_time: Vec<String>,
    /// The portal's time of change.
    pub updated_at: Vec<String>,
    /// Case number, not unique.
    pub case_number: Vec<String>,
    /// Type of crime.
    pub category: Vec<String>,
    /// Its description.
    pub description: Vec<String>,
    /// Kind of place.
    pub place: Vec<String>,
    /// Offence code.
    pub code: Vec<String>,
    /// Coarsened address.
    pub block: Vec<String>,
    /// Whether someone was arrested.
    pub arrest: Vec<String>,
    /// Whether it was domestic.
    pub domestic: Vec<String>,
    /// Degrees north.
    pub latitude: Vec<String>,
    /// Degrees east.
    pub longitude: Vec<String>,
    /// Both in one column: `(41.88, -87.63)`, WKT or GeoJSON. Read where a row has no coordinates in columns of their own.
    pub location: Vec<String>,
    /// Eastward, in the unit of `projection`.
    pub x: Vec<String>,
    /// Northward, in the unit of `projection`.
    pub y: Vec<String>,
}

/// Clean-ups of the published category.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct CategoryRules {
    /// The one category of a dataset that has no such column.
    pub constant: Option<String>,
    /// Published name to the name in use (compared in upper case).
    pub renamed: BTreeMap<String, String>,
}

/// A layer of areas.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Its name in filters: `community_area`.
    pub name: String,
    /// Its name for people: `Community area`.
    pub title: String,
    /// Header names.
    pub columns: Vec<String>,
    /// Codes are padded with zeros to this many digits.
    #[serde(default)]
    pub width: usize,
    /// Codes that mean "none".
    #[serde(default)]
    pub missing: Vec<String>,
    /// The layer of the hourly counts; exactly one.
    #[serde(default)]
    pub primary: bool,
    /// Names by code.
    #[serde(default)]
    pub names: BTreeMap<String, String>,
    /// Where the portal publishes its outlines.
    pub boundaries: Option<BoundaryDataset>,
    /// The whole city is its one area, in which every incident lies.
    #[serde(skip)]
    pub is_whole: bool,
}

/// The code of the one area of a city without area layers.
const WHOLE: &str = "ALL";

/// The properties of a boundary file that hold an area's code and name.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BoundaryDataset {
    /// The portal's dataset id.
    pub dataset: Option<String>,
    /// Property with the code.
    pub code: String,
    /// Property with the name.
    pub name: Option<String>,
}

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Not TOML, an unknown key, or a missing one.
    #[error("the city profile cannot be read: {0}")]
    Toml(#[from] Box<toml::de::Error>),
    /// Read, but it contradicts itself.
    #[error("city profile `{slug}`: {what}")]
    Invalid {
        /// Which.
        slug: String,
        /// What to change.
        what: String,
    },
}

impl Layer {
    /// The layer of a city without others.
    fn whole(city: &str) -> Self {
        Self {
            name: "city".to_owned(),
            title: "City".to_owned(),
            columns: Vec::new(),
            width: 0,
            missing: Vec::new(),
            primary: true,
            names: BTreeMap::from([(WHOLE.to_owned(), city.to_owned())]),
            boundaries: None,
            is_whole: true,
        }
    }

    /// A published code as it is kept, none where it means "none".
    pub fn code(&self, published: &str) -> Option<String> {
        if self.is_whole {
            return Some(WHOLE.to_owned());
        }
        let width = if published.trim().is_empty() { 0 } else { self.width };
        Some(clean::area(published, width)).filter(|code| !code.is_empty() && !self.missing.contains(code))
    }

    /// The code of an area that somebody asks for: by its name, or by a code as it is published.
    pub fn asked(&self, area: &str) -> String {
        let name = area.trim();
        let named = self.names.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(code, _)| code.clone());
        named.or_else(|| self.code(area)).unwrap_or_else(|| area.to_owned())
    }
}

impl Profile {
    /// A category as incidents have it: without spaces around it, in upper case, and with the name that it has today.
    pub fn category_of(&self, raw: &str) -> String {
        let upper = clean::trimmed(raw).to_uppercase();
        self.category.renamed.get(&upper).cloned().unwrap_or(upper)
    }

    /// Whether the text says that there is no value. An empty one is not asked about.
    pub fn is_missing(&self, text: &str) -> bool {
        self.missing.is(text.as_bytes())
    }

    /// Whether times of day stand in the column as whole numbers: `5` is 00:05, `2330` is 23:30.
    pub fn has_number_times(&self) -> bool {
        self.date_formats.iter().any(DateFormat::ends_in_a_number)
    }

    /// Reads and checks a profile.
    pub fn from_toml(text: &str) -> Result<Self, ProfileError> {
        let mut profile: Self = toml::from_str(text).map_err(Box::new)?;
        profile.fold_case();
        if profile.layers.is_empty() {
            profile.layers.push(Layer::whole(&profile.name));
        }
        match profile.fault() {
            None => Ok(profile),
            Some(what) => Err(ProfileError::Invalid { slug: profile.slug, what }),
        }
    }

    /// Published names and codes are compared as incidents have them, in whatever case the profile writes them.
    fn fold_case(&mut self) {
        let renamed = std::mem::take(&mut self.category.renamed);
        self.category.renamed =
            renamed.into_iter().map(|(published, name)| (clean::trimmed(&published).to_uppercase(), name)).collect();
        for layer in &mut self.layers {
            let width = layer.width;
            layer.missing = layer.missing.iter().map(|code| clean::area(code, width)).collect();
            let names = std::mem::take(&mut layer.names);
            layer.names = names.into_iter().map(|(code, name)| (clean::area(&code, width), name)).collect();
        }
    }

    fn fault(&self) -> Option<String> {
        if let Some(fault) = self.date_formats.iter().find_map(DateFormat::fault) {
            return Some(format!("`date_formats`: {fault}"));
        }
        let plain = |name: &str| {
            !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
        };
        if !plain(&self.slug) {
            return Some("`slug` must be lower-case letters, digits and hyphens".into());
        }
        if let Err(error) = CityClock::new(&self.time_zone) {
            return Some(format!("`time_zone`: {error}"));
        }
        if self.columns.id.is_empty() == self.columns.key.is_empty() {
            return Some("give either `columns.id` or `columns.key`, and not both".into());
        }
        if self.columns.category.is_empty() && self.category.constant.is_none() {
            return Some("give `columns.category` or `category.constant`".into());
        }
        if self.columns.occurred_at.is_empty() || self.date_formats.is_empty() {
            return Some("give `columns.occurred_at` and `date_formats`".into());
        }
        let has_plane = [!self.columns.x.is_empty(), !self.columns.y.is_empty(), self.projection.is_some()];
        if has_plane.contains(&true) && has_plane.contains(&false) {
            return Some("give `columns.x`, `columns.y` and `projection` together".into());
        }
        let BoundingBox { west, south, east, north } = self.bounding_box;
        if !(west < east && south < north) {
            return Some("`bounding_box` must have west < east and south < north".into());
        }
        if self.layers.iter().filter(|layer| layer.primary).count() != 1 {
            return Some("exactly one of `layers` must have `primary = true`".into());
        }
        let mut names: Vec<_> = self.layers.iter().map(|layer| layer.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        if names.len() != self.layers.len() || !names.iter().all(|name| plain(name)) {
            return Some("`layers` need distinct names of lower-case letters, digits and underscores".into());
        }
        if self.holidays.len() > holiday::MOST {
            return Some(format!("there are at most {} `holidays`", holiday::MOST));
        }
        let lag = self.reporting_lag.as_ref().and_then(ReportedShares::fault);
        lag.or_else(|| self.holidays.iter().find_map(Holiday::fault))
    }

    /// The fields and layers for which it names columns, each with the names.
    pub fn named_columns(&self) -> Vec<(String, &[String])> {
        let Columns {
            id,
            key,
            occurred_at,
            occurred_time,
            updated_at,
            case_number,
            category,
            description,
            place,
            code,
            block,
            arrest,
            domestic,
            latitude,
            longitude,
            location,
            x,
            y,
        } = &self.columns;
        let fields: [(&str, &[String]); 17] = [
            ("id", id),
            ("occurred_at", occurred_at),
            ("occurred_time", occurred_time),
            ("updated_at", updated_at),
            ("case_number", case_number),
            ("category", category),
            ("description", description),
            ("place", place),
            ("code", code),
            ("block", block),
            ("arrest", arrest),
            ("domestic", domestic),
            ("latitude", latitude),
            ("longitude", longitude),
            ("location", location),
            ("x", x),
            ("y", y),
        ];
        let keys = key.iter().map(|name| ("key", std::slice::from_ref(name)));
        let layers = self.layers.iter().map(|layer| (layer.name.as_str(), layer.columns.as_slice()));
        let all = keys.chain(fields).chain(layers).filter(|(_, names)| !names.is_empty());
        all.map(|(field, names)| (field.to_owned(), names)).collect()
    }

    /// The clock of its time zone, which was checked when the profile was read.
    #[expect(clippy::expect_used, reason = "the zone was found when the profile was read")]
    pub fn clock(&self) -> CityClock {
        CityClock::new(&self.time_zone).expect("a checked time zone")
    }

    /// The position of the layer of the hourly counts in `layers`.
    pub fn primary_layer(&self) -> usize {
        self.layers.iter().position(|layer| layer.primary).unwrap_or(0)
    }

    /// The position of a layer by name.
    pub fn layer(&self, name: &str) -> Option<usize> {
        self.layers.iter().position(|layer| layer.name == name)
    }

    /// The log's key of one incident: `city/id`.
    pub fn key(&self, id: &str) -> String {
        format!("{}/{id}", self.slug)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]
mod docs;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn shipped_profiles_are_valid() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../cities");
        let mut found = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let profile = Profile::from_toml(&std::fs::read_to_string(&path).unwrap()).unwrap();
            assert_eq!(Some(profile.slug.as_str()), path.file_stem().and_then(|stem| stem.to_str()));
            found += 1;
        }
        assert!(found >= 2);
    }

    /// A miniature beside the checkout; nothing where there is none, which is said.
    fn case(name: &str) -> Option<String> {
        let path = format!("{}/../../../shared/cases/{name}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).ok();
        if text.is_none() {
            blotter_testing::skipped(&format!("the case {name} is not beside the checkout"));
        }
        text
    }

    #[test]
    fn profile_bad_date_format() {
        let Some(text) = case("profile_bad_date_format.toml") else { return };
        let error = Profile::from_toml(&text).unwrap_err().to_string();
        assert!(error.contains("`MM/dd/yyyy HH:mm`") && error.contains("`%m/%d/%Y %H:%M`"), "{error}");
        assert!(Profile::from_toml(&text.replace("MM/dd/yyyy HH:mm", "%m/%d/%Y %H:%M")).is_ok());
        assert!(Profile::from_toml(&text.replace("MM/dd/yyyy HH:mm", "%m/%d/%!")).is_err());
    }

    #[test]
    fn profile_case_trap() {
        let Some(text) = case("profile_case_trap.toml") else { return };
        let profile = Profile::from_toml(&text).unwrap();
        assert_eq!(profile.category_of("larceny"), "THEFT");
        let layer = &profile.layers[profile.layer("neighborhood").unwrap()];
        assert_eq!(layer.code("dia"), None);
        let code = layer.code("five-points").unwrap();
        assert_eq!(layer.names.get(&code).map(String::as_str), Some("Five Points"));
    }

    #[test]
    fn faults_are_named() {
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../cities/chicago.toml")).unwrap();
        let check = |from: &str, to: &str, expect: &str| {
            assert!(text.contains(from), "{from}");
            let error = Profile::from_toml(&text.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        };
        check("America/Chicago", "America/Springfield", "time_zone");
        check("slug =", "slugg =", "slugg");
        check("primary = true", "primary = false", "primary");
        check("west = -87.95", "west = -80.0", "bounding_box");
        for shares in
            ["", "[24, 1.0], [0, 0.5]", "[0, 0.5], [24, 1.5]", "[0, 0.5], [24, 0.4]", "[0, 0.5]", "[90000, 1.0]"]
        {
            let lag = format!("[reporting_lag]\nshare_by_age_hours = [{shares}]\n[portal]");
            check("[portal]", &lag, "reporting_lag.share_by_age_hours");
        }
    }

    #[test]
    fn shares_hold_from_their_age_on() {
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../cities/chicago.toml")).unwrap();
        assert_eq!(Profile::from_toml(&text).unwrap().reporting_lag, None);
        let check = |shares: &str, expect: &[f64]| {
            let lag = format!("[reporting_lag]\nshare_by_age_hours = [{shares}]\n[portal]");
            let profile = Profile::from_toml(&text.replacen("[portal]", &lag, 1)).unwrap();
            assert_eq!(profile.reporting_lag.unwrap().by_hour(), expect);
        };
        check("[0, 0.25], [2, 0.5], [3, 1]", &[0.25, 0.25, 0.5, 1.0]);
        check("[2, 1.0]", &[0.0, 0.0, 1.0]);
        check("[0, 1.0]", &[1.0]);
    }
}
