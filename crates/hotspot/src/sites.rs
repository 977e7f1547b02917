//! Where the places of a city lie on its plane: found once for each place, and only counted from then on.

use crate::{Extent, Projection, error::Error, grid::centre_of, threads::in_parallel_chunks};

/// Degrees from the extent that no bandwidth reaches, and where the plane is still one.
const FAR_DEGREES: f64 = 2.0;
/// Places from which a second thread pays.
const MANY: usize = 20_000;

/// Distinct places of a city on its plane, from south to north. They have numbers, from 0 on, in the order in which
/// they were added; counts are given by number. 24 bytes each.
#[derive(Clone, Debug)]
pub struct Sites {
    bounds: Extent,
    projection: Projection,
    from_south: Vec<Site>,
    added: usize,
}

#[derive(Clone, Copy, Debug)]
struct Site {
    north_m: f64,
    east_m: f64,
    number: u32,
}

/// Incidents at a point of the plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spot {
    pub(crate) north_m: f64,
    pub(crate) east_m: f64,
    pub(crate) count: f64,
}

impl Sites {
    /// None yet, of a city of this extent.
    pub fn new(bounds: Extent) -> Result<Self, Error> {
        let (latitude, longitude) = centre_of(bounds)?;
        Ok(Self { bounds, projection: Projection::centred(latitude, longitude), from_south: Vec::new(), added: 0 })
    }

    /// The extent that they were made for.
    pub fn bounds(&self) -> Extent {
        self.bounds
    }

    /// Places that were added, those included that lie nowhere near.
    pub fn added(&self) -> usize {
        self.added
    }

    /// Adds places: latitudes and longitudes, in degrees. What lies degrees beyond the city, or is no point, is at no site,
    /// whatever is counted there; it has a number nonetheless.
    pub fn add(&mut self, points: &[(f64, f64)]) {
        let first = self.added as u32;
        let found = in_parallel_chunks(points, MANY, |begin, points| {
            let numbers = first + begin as u32..;
            numbers.zip(points).filter_map(|(number, point)| self.site(number, *point)).collect::<Vec<_>>()
        });
        self.added += points.len();
        self.from_south.extend(found.into_iter().flatten());
        // What was there is in order already: a stable sort merges what is new.
        self.from_south.sort_by(|a, b| a.north_m.total_cmp(&b.north_m).then(a.east_m.total_cmp(&b.east_m)));
    }

    fn site(&self, number: u32, (latitude, longitude): (f64, f64)) -> Option<Site> {
        let Extent { west, south, east, north } = self.bounds;
        let near = (south - FAR_DEGREES..=north + FAR_DEGREES).contains(&latitude)
            && (west - FAR_DEGREES..=east + FAR_DEGREES).contains(&longitude);
        if !near {
            return None;
        }
        let (east_m, north_m) = self.projection.project(latitude, longitude);
        Some(Site { north_m, east_m, number })
    }

    /// Those where something is counted, from south to north, then from west to east. Counts at the same point of the plane
    /// are one, so that nothing depends on the numbers.
    pub(crate) fn spots(&self, counts: &[u32]) -> Vec<Spot> {
        let mut spots: Vec<Spot> = Vec::with_capacity(self.from_south.len());
        for Site { north_m, east_m, number } in &self.from_south {
            let count = counts.get(*number as usize).copied().unwrap_or(0);
            if count == 0 {
                continue;
            }
            match spots.last_mut() {
                Some(last) if (last.north_m, last.east_m) == (*north_m, *east_m) => last.count += f64::from(count),
                _ => spots.push(Spot { north_m: *north_m, east_m: *east_m, count: f64::from(count) }),
            }
        }
        spots
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    const BOUNDS: Extent = Extent { west: -87.70, south: 41.80, east: -87.60, north: 41.90 };

    #[test]
    fn are_the_same_in_whatever_order_and_steps_they_were_added() {
        let points: Vec<(f64, f64)> = (0..2 * MANY as u32)
            .map(|number| {
                let (a, b) = (number.wrapping_mul(7_919) % 4_001, number.wrapping_mul(104_729) % 3_989);
                (41.79 + f64::from(a) * 3e-5, -87.71 + f64::from(b) * 3e-5)
            })
            .collect();
        let counts: Vec<u32> = (0..points.len() as u32).map(|number| number % 3).collect();
        let mut at_once = Sites::new(BOUNDS).unwrap();
        at_once.add(&points);
        let expect = at_once.spots(&counts);
        assert!(expect.is_sorted_by(|a, b| (a.north_m, a.east_m) < (b.north_m, b.east_m)));
        let mut backwards = Sites::new(BOUNDS).unwrap();
        for points in points.iter().rev().copied().collect::<Vec<_>>().chunks(7_001) {
            backwards.add(points);
        }
        assert_eq!(backwards.added(), points.len());
        assert_eq!(backwards.spots(&counts.iter().rev().copied().collect::<Vec<_>>()), expect);
    }

    #[test]
    fn the_same_point_twice_is_one_spot_and_nowhere_is_none() {
        let mut sites = Sites::new(BOUNDS).unwrap();
        sites.add(&[(f64::NAN, f64::NAN), (41.85, -87.65), (36.6, -91.7), (41.85, -87.65), (41.84, -87.65)]);
        let spots = sites.spots(&[9, 2, 9, 3, 0]);
        assert_eq!(spots.len(), 1);
        assert!(spots[0].north_m.abs() < 1e-6 && spots[0].east_m.abs() < 1e-6);
        assert_eq!(spots[0].count.to_bits(), 5.0_f64.to_bits());
        // Of those added later nothing is counted yet.
        assert_eq!(sites.spots(&[9, 2]).len(), 1);
        assert_eq!(sites.spots(&[]), []);
    }

    #[test]
    fn what_is_no_extent_is_refused() {
        assert_eq!(Sites::new(Extent { south: 89.0, north: 90.0, ..BOUNDS }).unwrap_err(), Error::Extent);
        assert_eq!(Sites::new(Extent { west: f64::NAN, ..BOUNDS }).unwrap_err(), Error::Extent);
    }
}
