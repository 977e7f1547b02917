//! The quartic kernel, in two dimensions: 3/(π h²) (1 − d²/h²)² for d < h, else nothing. Its integral is one.
//!
//! Source: Silverman, *Density Estimation for Statistics and Data Analysis* (1986), equation 4.5.

use std::f64::consts::PI;

/// Square metres of a square kilometre.
const SQUARE_KM: f64 = 1e6;

/// The kernel's height in the middle, per km².
pub(crate) fn peak_per_km2(bandwidth_m: f64) -> f64 {
    3.0 / (PI * (bandwidth_m * bandwidth_m / SQUARE_KM))
}

/// (1 − d²/h²)² from 1 − d²/h², and nothing where that is negative. Without a branch, so that loops over it widen.
#[inline]
pub(crate) fn falloff(inside: f64) -> f64 {
    let inside = if inside > 0.0 { inside } else { 0.0 };
    inside * inside
}
