//! Incidents whose area is another than the one in which their place lies.
//!
//! Where a place lies, who knows the outlines says, once per distinct place ([`PlaceAreas`]); counting then reads the rows.

use crate::{
    cube::Cube,
    filter::{CompiledFilter, Filter},
    narrow::{Narrow, with_values},
    scan::{self, Reads},
    vocabulary::NONE,
};

/// The number of no area.
const NOWHERE: u32 = 0;
/// The code of an area that no incident ever had.
const UNSEEN: u16 = u16::MAX;

/// In which area of a layer each place lies. Places at the end may be missing.
#[derive(Clone, Debug, Default)]
pub struct PlaceAreas(Narrow);

impl PlaceAreas {
    /// The next place lies in the area of that position among the layer's areas, or in none.
    pub fn push(&mut self, area: Option<usize>) {
        self.0.push(area.map_or(NOWHERE, |area| area as u32 + 1));
    }

    /// Number of places that were pushed.
    pub fn len(&self) -> usize {
        with_values!(&self.0, numbers => numbers.len())
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Cube {
    /// Incidents of a layer's areas whose place lies in another area of it. `codes`: the layer's areas; `places`: in which of
    /// them each place lies. A missing place lies in none.
    pub fn disagreeing(&self, layer: usize, codes: &[String], places: &PlaceAreas) -> u64 {
        let words = &self.areas[layer];
        let codes: Vec<u16> =
            std::iter::once(NONE).chain(codes.iter().map(|code| words.known(code).unwrap_or(UNSEEN))).collect();
        let mut expected = vec![NONE; self.places()];
        with_values!(&places.0, numbers => {
            for (expected, number) in expected.iter_mut().zip(numbers) {
                *expected = codes[*number as usize];
            }
        });
        scan::fold(
            self,
            &CompiledFilter::new(self, &Filter::default()),
            Reads::Rows,
            || 0,
            |count, group, _| {
                with_values!(&group.place, places => with_values!(&group.areas[layer], codes => {
                    *count += others(places, codes, &expected);
                }));
            },
            |one, other| one + other,
        )
    }
}

/// Rows that have a code, and another than the one that is expected of their place.
fn others<P: Copy + Into<u32>, C: Copy + Into<u32>>(places: &[P], codes: &[C], expected: &[u16]) -> u64 {
    let is_other = |(place, code): (&P, &C)| {
        let (expected, code) = (u32::from(expected[(*place).into() as usize]), (*code).into());
        u64::from(expected != u32::from(NONE)) & u64::from(code != u32::from(NONE)) & u64::from(code != expected)
    };
    places.iter().zip(codes).map(is_other).sum()
}
