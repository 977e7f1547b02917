//! Coordinates in a city's own system, in metres or feet.

use proj4rs::{Proj, adaptors::transform_xy};
use serde::Deserialize;

/// A projected coordinate reference system, by its EPSG code or as a PROJ string.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Projection {
    system: Proj,
    degrees: Proj,
}

/// A text that names no projected system.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no coordinate system that is known here ({why}): give an EPSG code such as `EPSG:26916`, or a PROJ string such as \
     `+proj=utm +zone=16 +datum=NAD83`; https://epsg.io has both"
)]
pub struct UnknownProjection {
    text: String,
    why: String,
}

impl TryFrom<String> for Projection {
    type Error = UnknownProjection;

    fn try_from(text: String) -> Result<Self, UnknownProjection> {
        let unknown = |why: String| UnknownProjection { text: text.clone(), why };
        let upper = text.trim().to_ascii_uppercase();
        // Codes are registered in capital letters.
        let name = if upper.starts_with("EPSG:") { upper.as_str() } else { text.trim() };
        let system = Proj::from_user_string(name).map_err(|error| unknown(error.to_string()))?;
        if system.is_latlong() || system.is_geocent() {
            return Err(unknown(
                "its coordinates are degrees, which `columns.latitude` and `columns.longitude` name".into(),
            ));
        }
        if !system.has_inverse() {
            return Err(unknown("it has no way back to degrees".into()));
        }
        let degrees =
            Proj::from_user_string("+proj=longlat +datum=WGS84").map_err(|error| unknown(error.to_string()))?;
        Ok(Self { system, degrees })
    }
}

impl Projection {
    /// Latitude and longitude in degrees (WGS84) of a point in the system's own unit; none where it lies outside the system.
    pub fn degrees(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let (longitude, latitude) = transform_xy(&self.system, &self.degrees, x, y).ok()?;
        let (latitude, longitude) = (latitude.to_degrees(), longitude.to_degrees());
        (latitude.abs() <= 90.0 && longitude.abs() <= 180.0).then_some((latitude, longitude))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    /// A centimetre on the ground, in degrees of latitude.
    const CENTIMETRE: f64 = 9e-8;

    /// Points as PROJ 9.5.1 has them.
    #[test]
    fn degrees_are_those_of_proj_to_a_centimetre() {
        let st_louis = "+proj=tmerc +lat_0=35.8333333333333 +lon_0=-90.5 +k=0.999933333333333 +x_0=250000 +y_0=0 +datum=NAD83 \
                        +units=us-ft";
        for (system, x, y, latitude, longitude) in [
            ("epsg:26916", 447_000.5, 4_636_000.25, 41.874_147_015_99, -87.638_695_948_79),
            ("EPSG:32618", 585_000.0, 4_511_000.0, 40.745_560_810_26, -73.993_186_445_25),
            ("EPSG:2248", 1_420_000.0, 592_000.0, 39.291_561_097_17, -76.619_591_569_30),
            ("EPSG:26986", 236_000.0, 900_000.0, 42.349_666_772_25, -71.063_067_725_42),
            ("EPSG:3857", -8_238_310.24, 4_970_071.58, 40.712_800_005_84, -74.006_000_039_10),
            ("EPSG:2263", 987_654.3, 201_234.5, 40.719_018_248_46, -73.987_719_051_99),
            ("EPSG:2950", 300_000.0, 5_040_000.0, 45.499_905_578_13, -73.561_420_048_18),
            ("EPSG:26910", 491_000.0, 5_458_000.0, 49.274_691_262_15, -123.123_729_294_80),
            ("EPSG:3435", 1_170_000.0, 1_880_000.0, 41.826_215_673_95, -87.651_811_471_02),
            (st_louis, 908_297.3, 1_018_623.0, 38.630_654_901_19, -90.191_629_693_72),
        ] {
            let found = Projection::try_from(system.to_owned()).unwrap().degrees(x, y).unwrap();
            let metres = ((found.0 - latitude).abs(), (found.1 - longitude).abs() * latitude.to_radians().cos());
            assert!(metres.0 < CENTIMETRE && metres.1 < CENTIMETRE, "{system}: {found:?}");
        }
    }

    /// Another datum: without its grid, the shift is good to a few metres.
    #[test]
    fn another_datum_is_shifted() {
        let (latitude, longitude) =
            Projection::try_from("EPSG:27700".to_owned()).unwrap().degrees(530_000.0, 180_000.0).unwrap();
        assert!(
            (latitude - 51.503_990_8).abs() < 5e-5 && (longitude + 0.128_353_9).abs() < 8e-5,
            "{latitude} {longitude}"
        );
    }

    #[test]
    fn what_lies_nowhere_has_no_degrees() {
        let projection = Projection::try_from("EPSG:26916".to_owned()).unwrap();
        for (x, y) in [(f64::NAN, 0.0), (1e300, 1e300), (f64::INFINITY, 0.0)] {
            assert_eq!(projection.degrees(x, y), None, "{x} {y}");
        }
    }

    #[test]
    fn what_is_no_projected_system_is_refused_with_what_would_be() {
        for (text, expect) in [
            ("EPSG:99", "EPSG:26916"),
            ("", "epsg.io"),
            ("NAD83 Missouri East", "PROJ string"),
            ("+proj=nonsense", "+proj=utm"),
            ("EPSG:4326", "columns.latitude"),
        ] {
            let refusal = Projection::try_from(text.to_owned()).unwrap_err().to_string();
            assert!(refusal.contains(expect), "{refusal}");
        }
    }
}
