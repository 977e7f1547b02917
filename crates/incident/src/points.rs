//! Where the points of a source's rows lie, so that a person learns why none is on the map.

use blotter_city::BoundingBox;
use serde::{Deserialize, Serialize};

/// Fewer points outside the city say nothing.
const FEWEST: u64 = 3;

/// Counts of points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointTally {
    /// Inside the city's bounding box.
    pub inside: u64,
    /// Outside.
    pub outside: u64,
    /// Outside, and inside with latitude and longitude exchanged.
    pub exchanged: u64,
    /// Outside, and inside with the sign of the longitude, of the latitude or of both changed.
    pub sign_lost: u64,
    /// Fields that hold a text which is not a coordinate in degrees.
    pub unreadable: u64,
}

impl PointTally {
    pub(crate) fn add(&mut self, city: &BoundingBox, latitude: f64, longitude: f64) {
        if city.contains(latitude, longitude) {
            self.inside += 1;
            return;
        }
        self.outside += 1;
        self.exchanged += u64::from(city.contains(longitude, latitude));
        let signs = [(latitude, -longitude), (-latitude, longitude), (-latitude, -longitude)];
        self.sign_lost += u64::from(signs.iter().any(|(latitude, longitude)| city.contains(*latitude, *longitude)));
    }

    /// Adds another tally.
    pub fn merge(&mut self, other: &Self) {
        self.inside += other.inside;
        self.outside += other.outside;
        self.exchanged += other.exchanged;
        self.sign_lost += other.sign_lost;
        self.unreadable += other.unreadable;
    }

    /// What a person should know: most points lie outside the city, with the likely cause; or points are no coordinates.
    pub fn sentence(&self, city: &str) -> Option<String> {
        let all = self.inside + self.outside;
        if self.outside >= FEWEST && self.outside > self.inside {
            let cause = if self.exchanged * 2 > self.outside {
                "latitude and longitude are exchanged: exchange `columns.latitude` and `columns.longitude` in the city's profile"
            } else if self.sign_lost * 2 > self.outside {
                "the sign of a coordinate is lost (west and south are negative): correct the file, or get it again from its source"
            } else {
                "the file is of another city, or its coordinates are not degrees (WGS84): check the city, the file and the profile"
            };
            return Some(format!(
                "{} of {all} points lie outside {city}; they are counted and not on the map. The likely cause: {cause}",
                self.outside
            ));
        }
        if self.unreadable >= FEWEST && self.unreadable > all {
            return Some(format!(
                "{} coordinates are not numbers in degrees; these incidents are counted and not on the map. Check \
                 `columns.latitude` and `columns.longitude` in the city's profile",
                self.unreadable
            ));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likely_cause_is_named() {
        let city = BoundingBox { west: -87.95, south: 41.64, east: -87.52, north: 42.03 };
        let check = |points: &[(f64, f64)], expect: Option<&str>| {
            let mut tally = PointTally::default();
            for (latitude, longitude) in points {
                tally.add(&city, *latitude, *longitude);
            }
            let said = tally.sentence("Chicago");
            match expect {
                None => assert_eq!(said, None),
                Some(cause) => assert!(said.clone().is_some_and(|said| said.contains(cause)), "{said:?}"),
            }
        };
        check(&[(41.9, -87.7); 9], None);
        check(&[(-87.7, 41.9); 5], Some("latitude and longitude are exchanged"));
        check(&[(41.9, 87.7); 5], Some("the sign of a coordinate is lost"));
        check(&[(40.7, -73.9); 5], Some("another city"));
        // A few in Missouri are usual.
        check(&[(41.9, -87.7), (41.9, -87.7), (41.9, -87.7), (36.6, -91.7), (36.6, -91.7), (36.6, -91.7)], None);
        check(&[(36.6, -91.7)], None);
    }
}
