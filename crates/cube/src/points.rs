//! Incidents by distinct point.

use crate::{
    cube::Cube,
    filter::{Compiled, Filter},
    places::UNMAPPED,
};

/// Counts by point.
#[derive(Clone, Debug, PartialEq)]
pub struct PointCounts {
    /// Points that have any: latitude, longitude and count. In no order: what adds up more than counts over them brings
    /// them into one first.
    pub points: Vec<(f64, f64, u64)>,
    /// Selected incidents with a place.
    pub mapped: u64,
    /// Selected incidents without.
    pub unmapped: u64,
}

impl Cube {
    /// Selected incidents by the points at which they are.
    pub fn points(&self, filter: &Filter) -> PointCounts {
        let counts = self.count_by_place(&Compiled::new(self, filter));
        let unmapped = u64::from(counts[UNMAPPED as usize]);
        let places = (0..).zip(&counts).filter(|(place, count)| *place != UNMAPPED && **count > 0);
        let points: Vec<(f64, f64, u64)> = places
            .map(|(place, count)| {
                let (latitude, longitude) = self.places.point(place);
                (latitude, longitude, u64::from(*count))
            })
            .collect();
        let mapped = points.iter().map(|(_, _, count)| count).sum();
        PointCounts { points, mapped, unmapped }
    }
}
