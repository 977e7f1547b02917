//! Metres instead of degrees: the transverse Mercator projection of a city, centred on it.
//!
//! Source: Snyder, *Map Projections: A Working Manual* (USGS Professional Paper 1395, 1987), equations 8-9, 8-10, with the
//! scale 1 on the central meridian; the arc of the meridian by Helmert's series in the third flattening, to n⁴. Ellipsoid
//! WGS 84. The series themselves are good to a micrometre within a degree of the centre. Shapes are kept; lengths at a
//! distance x from the central meridian are too great by x²/2R²: 3 millionths at 15 km, 11 at 30 km, 123 at 100 km.

/// Semi-major axis, metres.
const A: f64 = 6_378_137.0;
const FLATTENING: f64 = 1.0 / 298.257_223_563;
/// First eccentricity, squared.
const E2: f64 = FLATTENING * (2.0 - FLATTENING);
/// Second.
const EP2: f64 = E2 / (1.0 - E2);
/// Third flattening.
const N: f64 = FLATTENING / (2.0 - FLATTENING);
const N2: f64 = N * N;
const N3: f64 = N2 * N;
const N4: f64 = N2 * N2;
/// Steps of the inverse at most; each brings some two more decimal places, in the middle of a city more.
const INVERSE_STEPS: usize = 12;
/// Degrees from which on a step changes nothing that matters: a hundredth of a micrometre.
const EXACT_DEGREES: f64 = 1e-13;

/// A city's plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Projection {
    latitude: f64,
    longitude: f64,
    /// Sine and cosine of the centre's latitude.
    sin: f64,
    cos: f64,
    /// From the equator to the centre.
    arc_m: f64,
}

impl Projection {
    /// Centred on a point; less than 85° from the equator, and finite.
    pub(crate) fn centred(latitude: f64, longitude: f64) -> Self {
        let phi = latitude.to_radians();
        let (sin, cos) = libm::sincos(phi);
        Self { latitude, longitude, sin, cos, arc_m: meridian_arc_m(phi, sin, cos) }
    }

    /// Latitude and longitude of the centre: the plane's origin.
    pub fn centre(&self) -> (f64, f64) {
        (self.latitude, self.longitude)
    }

    /// Metres east and north of the centre, of a point near by.
    pub fn project(&self, latitude: f64, longitude: f64) -> (f64, f64) {
        let (sin, cos) = self.sin_cos(latitude);
        let n = A / (1.0 - E2 * sin * sin).sqrt();
        let tan = sin / cos;
        let (t, c) = (tan * tan, EP2 * cos * cos);
        let a = (longitude - self.longitude).to_radians() * cos;
        let a2 = a * a;
        let east =
            n * a * (1.0 + a2 * ((1.0 - t + c) / 6.0 + a2 * (5.0 - 18.0 * t + t * t + 72.0 * c - 58.0 * EP2) / 120.0));
        let curved = n
            * tan
            * a2
            * (0.5
                + a2 * ((5.0 - t + 9.0 * c + 4.0 * c * c) / 24.0
                    + a2 * (61.0 - 58.0 * t + t * t + 600.0 * c - 330.0 * EP2) / 720.0));
        (east, meridian_arc_m(latitude.to_radians(), sin, cos) - self.arc_m + curved)
    }

    /// Latitude and longitude of a point of the plane.
    pub fn unproject(&self, east_m: f64, north_m: f64) -> (f64, f64) {
        // The plane is all but the ellipsoid here, so that what is missing in metres is what is missing in degrees.
        let (mut latitude, mut longitude) = (self.latitude, self.longitude);
        for _ in 0..INVERSE_STEPS {
            let (east, north) = self.project(latitude, longitude);
            let (sin, cos) = self.sin_cos(latitude);
            let under = 1.0 - E2 * sin * sin;
            let n = A / under.sqrt();
            let up = ((north_m - north) / (n * (1.0 - E2) / under)).to_degrees();
            let right = ((east_m - east) / (n * cos)).to_degrees();
            latitude += up;
            longitude += right;
            if up.abs() + right.abs() < EXACT_DEGREES {
                break;
            }
        }
        (latitude, longitude)
    }

    /// Sine and cosine of a latitude less than some eight degrees from the centre's, from those of the centre and the power
    /// series of the difference: to the last bits, and several times faster than from nothing.
    fn sin_cos(&self, latitude: f64) -> (f64, f64) {
        let x = (latitude - self.latitude).to_radians();
        let x2 = x * x;
        let sin = x * (1.0 - x2 / 6.0 * (1.0 - x2 / 20.0 * (1.0 - x2 / 42.0 * (1.0 - x2 / 72.0))));
        let cos = 1.0 - x2 / 2.0 * (1.0 - x2 / 12.0 * (1.0 - x2 / 30.0 * (1.0 - x2 / 56.0 * (1.0 - x2 / 90.0))));
        (self.sin * cos + self.cos * sin, self.cos * cos - self.sin * sin)
    }
}

/// Metres along the meridian from the equator.
fn meridian_arc_m(phi: f64, sin: f64, cos: f64) -> f64 {
    // Sines of multiples of 2φ by their recurrence: one sine is dearer than all else here.
    let (sin2, cos2) = (2.0 * sin * cos, 1.0 - 2.0 * sin * sin);
    let sin4 = 2.0 * sin2 * cos2;
    let sin6 = 2.0 * cos2 * sin4 - sin2;
    let sin8 = 2.0 * cos2 * sin6 - sin4;
    A / (1.0 + N)
        * ((1.0 + N2 / 4.0 + N4 / 64.0) * phi - 1.5 * (N - N3 / 8.0) * sin2 + 15.0 / 16.0 * (N2 - N4 / 4.0) * sin4
            - 35.0 / 48.0 * N3 * sin6
            + 315.0 / 512.0 * N4 * sin8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Against PROJ 9: `+proj=tmerc +ellps=WGS84 +k=1 +lat_0=41.835 +lon_0=-87.735`.
    #[test]
    fn is_the_transverse_mercator_of_the_field() {
        let city = Projection::centred(41.835, -87.735);
        let check = |latitude, longitude, east: f64, north: f64| {
            let (x, y) = city.project(latitude, longitude);
            assert!((x - east).abs() < 1e-6 && (y - north).abs() < 1e-6, "{x} {y}, not {east} {north}");
        };
        check(41.835, -87.735, 0.0, 0.0);
        check(42.03, -87.52, 17_804.548_931_013, 21_681.400_401_199);
        check(41.64, -87.95, -17_912.965_820_781, -21_635.965_516_309);
        check(41.883_500_187, -87.627_876_698, 8_891.417_789_609, 5_392.491_712_014);
        check(40.835, -86.735, 84_345.279_680_197, -110_579.074_737_204);
    }

    #[test]
    fn a_degree_of_the_meridian() {
        // From the equator to the pole: 10,001,965.729 m on WGS 84.
        let quarter = meridian_arc_m(std::f64::consts::FRAC_PI_2, 1.0, 0.0);
        assert!((quarter - 10_001_965.729).abs() < 1e-3, "{quarter}");
    }

    proptest! {
        #[test]
        fn there_and_back(
            centre in (-80.0_f64..80.0, -180.0_f64..180.0),
            offset in (-1.0_f64..1.0, -1.0_f64..1.0),
        ) {
            let city = Projection::centred(centre.0, centre.1);
            let (east, north) = city.project(centre.0 + offset.0, centre.1 + offset.1);
            let (latitude, longitude) = city.unproject(east, north);
            prop_assert!((latitude - centre.0 - offset.0).abs() < 1e-9, "{latitude}");
            prop_assert!((longitude - centre.1 - offset.1).abs() < 1e-9, "{longitude}");
        }
    }
}
