//! Which polygon a point lies in.
//!
//! A ray from the point to the east crosses an odd number of a polygon's edges where the polygon contains it, holes left out.
//! Edges are kept by bands of latitude, so that a point is compared with those of its band alone.
//!
//! An edge has its southern end and not its northern one, and is crossed at the same longitude whichever polygon it is of, as
//! its ends are put in order first. So a point on an edge that two polygons share lies in exactly one of them.

/// A ring of a polygon, as (longitude, latitude).
pub(crate) type Ring = Vec<(f64, f64)>;

/// Edges for each band, were none in two.
const BAND_EDGES: usize = 4;
const MOST_BANDS: usize = 8192;
/// Times that an edge may be kept, on average: many long ones make wider bands.
const MOST_COPIES: usize = 6;

/// From south to north; a horizontal one is crossed by nothing.
#[derive(Clone, Copy, Debug)]
struct Edge {
    south: f64,
    north: f64,
    /// At its southern end.
    longitude: f64,
    /// Degrees of longitude a degree of latitude.
    slope: f64,
    polygon: u32,
}

impl Edge {
    fn new(polygon: u32, a: (f64, f64), b: (f64, f64)) -> Self {
        let (south, north) = if a.1 <= b.1 { (a, b) } else { (b, a) };
        let slope = (north.0 - south.0) / (north.1 - south.1);
        Self { south: south.1, north: north.1, longitude: south.0, slope, polygon }
    }

    #[expect(clippy::needless_bitwise_bool, reason = "a branch here is mispredicted half of the time")]
    fn is_crossed(&self, longitude: f64, latitude: f64) -> bool {
        // Without branches: which way they go is a matter of chance.
        let is_beside = (self.south <= latitude) & (latitude < self.north);
        is_beside & (longitude < self.longitude + (latitude - self.south) * self.slope)
    }
}

/// Equal bands of latitude.
#[derive(Clone, Copy, Debug, Default)]
struct Bands {
    south: f64,
    per_degree: f64,
    last: usize,
}

impl Bands {
    fn new(edges: &[Edge], number: usize) -> Self {
        let south = edges.iter().map(|edge| edge.south).fold(f64::INFINITY, f64::min);
        let north = edges.iter().map(|edge| edge.north).fold(f64::NEG_INFINITY, f64::max);
        Self { south, per_degree: number as f64 / (north - south), last: number - 1 }
    }

    /// Never falls as the latitude rises, which is all that it takes.
    fn of(&self, latitude: f64) -> usize {
        (((latitude - self.south) * self.per_degree) as usize).min(self.last)
    }

    fn of_edge(&self, edge: &Edge) -> std::ops::RangeInclusive<usize> {
        self.of(edge.south)..=self.of(edge.north)
    }
}

/// Numbered polygons.
#[derive(Clone, Debug, Default)]
pub(crate) struct Polygons {
    bands: Bands,
    /// Where the edges of each band begin, and where the last ends.
    starts: Vec<usize>,
    /// By band, and in it by polygon.
    edges: Vec<Edge>,
}

impl Polygons {
    /// Polygons in the order of their numbers, each by its outer ring and its holes, closed or not.
    pub(crate) fn new<'a>(polygons: impl IntoIterator<Item = &'a [Ring]>) -> Self {
        let mut all = Vec::new();
        for (polygon, rings) in (0..).zip(polygons) {
            for ring in rings {
                let ends = ring.iter().zip(ring.iter().cycle().skip(1));
                let edges = ends.map(|(a, b)| Edge::new(polygon, *a, *b));
                all.extend(edges.filter(|edge| edge.south < edge.north));
            }
        }
        if all.is_empty() {
            return Self::default();
        }
        let mut number = (all.len() / BAND_EDGES).clamp(1, MOST_BANDS);
        let mut bands = Bands::new(&all, number);
        while number > 1 && all.iter().map(|edge| bands.of_edge(edge).count()).sum::<usize>() > all.len() * MOST_COPIES
        {
            number /= 2;
            bands = Bands::new(&all, number);
        }
        let mut starts = vec![0; number + 1];
        for band in all.iter().flat_map(|edge| bands.of_edge(edge)) {
            starts[band + 1] += 1;
        }
        for band in 0..number {
            starts[band + 1] += starts[band];
        }
        let mut next = starts.clone();
        let mut edges = vec![all[0]; starts[number]];
        for edge in &all {
            for band in bands.of_edge(edge) {
                edges[next[band]] = *edge;
                next[band] += 1;
            }
        }
        Self { bands, starts, edges }
    }

    /// The first polygon that contains a point.
    pub(crate) fn at(&self, longitude: f64, latitude: f64) -> Option<u32> {
        if self.edges.is_empty() {
            return None;
        }
        let band = self.bands.of(latitude);
        let edges = &self.edges[self.starts[band]..self.starts[band + 1]];
        let contains =
            |edges: &&[Edge]| edges.iter().filter(|edge| edge.is_crossed(longitude, latitude)).count() % 2 == 1;
        edges.chunk_by(|one, other| one.polygon == other.polygon).find(contains).map(|edges| edges[0].polygon)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn square(west: f64, south: f64, east: f64, north: f64) -> Ring {
        vec![(west, south), (east, south), (east, north), (west, north), (west, south)]
    }

    #[test]
    fn holes_are_outside_and_the_first_of_two_wins() {
        let polygons = [
            vec![square(0.0, 0.0, 10.0, 10.0), square(4.0, 4.0, 6.0, 6.0)],
            // Not closed.
            vec![vec![(20.0, 0.0), (22.0, 0.0), (21.0, 5.0)]],
            vec![square(5.0, 5.0, 30.0, 9.0)],
        ];
        let polygons = Polygons::new(polygons.iter().map(Vec::as_slice));
        for (point, expect) in [
            ((1.0, 1.0), Some(0)),
            ((4.5, 4.5), None),
            ((3.9, 5.0), Some(0)),
            ((5.5, 5.5), Some(2)),
            ((9.0, 8.0), Some(0)),
            ((11.0, 3.0), None),
            ((11.0, 8.0), Some(2)),
            ((21.0, 3.0), Some(1)),
            ((20.1, 3.0), None),
            ((21.0, -3.0), None),
            ((f64::NAN, 3.0), None),
            ((3.0, f64::NAN), None),
        ] {
            assert_eq!(polygons.at(point.0, point.1), expect, "{point:?}");
        }
        assert_eq!(Polygons::default().at(0.0, 0.0), None);
        assert_eq!(Polygons::new([&[square(1.0, 1.0, 2.0, 1.0)][..], &[]]).at(1.5, 1.0), None);
    }

    /// How often a ring winds around a point, by the angles between the point and the ring's ends.
    fn winds(ring: &Ring, (x, y): (f64, f64)) -> bool {
        let turns = ring.iter().zip(ring.iter().cycle().skip(1)).map(|(a, b)| {
            let (a, b) = ((a.0 - x, a.1 - y), (b.0 - x, b.1 - y));
            (a.0 * b.1 - a.1 * b.0).atan2(a.0 * b.0 + a.1 * b.1)
        });
        (turns.sum::<f64>() / std::f64::consts::TAU).round() as i64 != 0
    }

    /// A star: a ring around a middle that never crosses itself.
    fn star() -> impl Strategy<Value = Ring> {
        (-5.0..5.0_f64, -5.0..5.0_f64, prop::collection::vec(0.1..4.0_f64, 3..60)).prop_map(|(x, y, radii)| {
            let step = std::f64::consts::TAU / radii.len() as f64;
            let at = |(number, radius): (usize, f64)| {
                let (sine, cosine) = (number as f64 * step).sin_cos();
                (x + radius * cosine, y + radius * sine)
            };
            radii.into_iter().enumerate().map(at).collect()
        })
    }

    proptest! {
        #[test]
        fn is_where_the_winding_number_says(
            stars in prop::collection::vec(star(), 1..6),
            points in prop::collection::vec((-9.0..9.0_f64, -9.0..9.0_f64), 50),
        ) {
            let polygons = Polygons::new(stars.iter().map(std::slice::from_ref));
            for point in points {
                let expect = stars.iter().position(|ring| winds(ring, point)).map(|found| found as u32);
                prop_assert_eq!(polygons.at(point.0, point.1), expect, "{:?}", point);
            }
        }

        /// The cells of a bent net, whose edges go either way, cover what it covers once, corners and edges included.
        #[test]
        fn what_is_shared_is_of_one(
            bends in prop::collection::vec((-0.4..0.4_f64, -0.4..0.4_f64), 25),
            turned in prop::collection::vec(any::<bool>(), 16),
            along in prop::collection::vec(0.0..=1.0_f64, 20),
        ) {
            let corner = |x: usize, y: usize| {
                // Corners of the border stay in place, and some inner ones share a latitude.
                let inner = (1..4).contains(&x) && (1..4).contains(&y);
                let (dx, dy) = if inner { bends[y * 5 + x] } else { (0.0, 0.0) };
                (x as f64 + dx, y as f64 + if x.is_multiple_of(2) { dy } else { 0.0 })
            };
            let mut cells = Vec::new();
            let mut edges = Vec::new();
            for (x, y) in (0..4).flat_map(|y| (0..4).map(move |x| (x, y))) {
                let mut ring = vec![corner(x, y), corner(x + 1, y), corner(x + 1, y + 1), corner(x, y + 1)];
                edges.extend([(ring[0], ring[1]), (ring[0], ring[3])]);
                if turned[y * 4 + x] {
                    ring.reverse();
                }
                cells.push(vec![ring]);
            }
            let each: Vec<Polygons> = cells.iter().map(|cell| Polygons::new([cell.as_slice()])).collect();
            let together = Polygons::new(cells.iter().map(Vec::as_slice));
            let on_edges = edges.iter().flat_map(|(a, b)| along.iter().map(move |share| (a.0 + (b.0 - a.0) * share, a.1 + (b.1 - a.1) * share)));
            for (x, y) in on_edges.filter(|(x, y)| (0.0..4.0).contains(x) && (0.0..4.0).contains(y)) {
                let of: Vec<usize> = (0..16).filter(|cell| each[*cell].at(x, y).is_some()).collect();
                prop_assert_eq!(of.len(), 1, "{} {}: {:?}", x, y, of);
                prop_assert_eq!(together.at(x, y), Some(of[0] as u32));
            }
        }
    }
}
