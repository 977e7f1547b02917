//! Incidents by distinct point.

use crate::{
    cube::Cube,
    filter::{Compiled, Filter},
    places::UNMAPPED,
    scan,
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
        let counts = self.count_by_place(filter);
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

    /// Selected incidents by the number of their place.
    fn count_by_place(&self, filter: &Filter) -> Vec<u32> {
        let compiled = Compiled::new(self, filter);
        let places = self.places.len();
        scan::fold(
            self,
            &compiled,
            || vec![0_u32; places],
            |counts, block, selected| {
                for (selected, place) in selected.iter().zip(&block.place) {
                    counts[*place as usize] += u32::from(*selected);
                }
            },
            |mut one, other| {
                for (one, other) in one.iter_mut().zip(other) {
                    *one += other;
                }
                one
            },
        )
    }
}
