//! Incidents by distinct point.

use crate::{
    cube::Cube,
    filter::{CompiledFilter, Filter},
    places::UNMAPPED,
};

/// Counts by point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointCounts {
    /// Selected incidents by the number of their point, as [`Cube::place_points`] has them; none where there is no point.
    pub counts: Vec<u32>,
    /// Selected incidents with a place.
    pub mapped: u64,
    /// Selected incidents without.
    pub unmapped: u64,
}

impl Cube {
    /// The points of places from a number on, as latitude and longitude. Numbers stay; the first is no place and its point
    /// nowhere.
    pub fn place_points(&self, from: usize) -> &[(f64, f64)] {
        self.places.points().get(from..).unwrap_or_default()
    }

    /// Selected incidents by the points at which they are.
    pub fn points(&self, filter: &Filter) -> PointCounts {
        let mut counts = self.count_by_place(&CompiledFilter::new(self, filter));
        let unmapped = u64::from(std::mem::take(&mut counts[UNMAPPED as usize]));
        let mapped = counts.iter().map(|count| u64::from(*count)).sum();
        PointCounts { counts, mapped, unmapped }
    }
}
