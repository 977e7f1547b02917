//! Where things happen: a made-up city of blocks that lies on Chicago's area.
//!
//! Every cell of the figures' grid (some 500 m) gets a few blocks at random about the cell's mean, on a street
//! grid, with weights of a heavy tail, so that few blocks see much of what happens ("the law of crime
//! concentration at places", Weisburd 2015), shops more so than homes. A block has twelve points along its street,
//! as coarse as the city's own; street names are invented, and no block is a real one. Blocks of one area are in the order of its
//! cells, so neighbours in the list are neighbours on the map.

use super::{
    alias::Alias,
    draws::{Draws, Purpose, key},
    figures::{AREAS, CityFigures, Setting},
};

/// Points along a block.
pub(super) const POINTS: u64 = 12;

const NANO: i64 = 1_000_000_000;
/// The step between streets, and between points along one, in billionths of a degree of latitude.
const STREET: i64 = 900_000;
const STEP: i64 = 120_000;
/// The crossing from which house numbers count.
const ORIGIN: (i64, i64) = (41_881_900_000, -87_627_800_000);
/// Eight hundred numbers a mile.
const NUMBERS_PER_DEGREE: (i64, i64) = (55_230, 41_160);

const STREETS: [&str; 56] = [
    "ACORN", "ALDER", "AMBER", "ANVIL", "ARROW", "ASPEN", "BADGER", "BARLEY", "BEACON", "BIRCH", "BRAMBLE", "CANDLE",
    "CASTOR", "CEDAR", "CINDER", "CLOVER", "COBALT", "COPPER", "CRANE", "DAHLIA", "EMBER", "FALCON", "FENNEL", "FERN",
    "FLINT", "FOXGLOVE", "GARNET", "HAZEL", "HERON", "INDIGO", "IVY", "JASPER", "JUNIPER", "KESTREL", "LANTERN",
    "LARCH", "LINNET", "MARLOW", "MEADOW", "NETTLE", "OPAL", "ORCHARD", "OTTER", "PEWTER", "PLOVER", "QUARRY", "QUILL",
    "RAVEN", "ROWAN", "SORREL", "TALLOW", "THISTLE", "UMBER", "VIOLET", "WILLOW", "YARROW",
];

struct Block {
    zone: u16,
    points: u8,
    north_south: bool,
    /// Of its first point, in billionths of a degree.
    latitude: i64,
    longitude: i64,
    text: (u32, u32),
}

pub(super) struct Blocks {
    all: Vec<Block>,
    texts: String,
    /// By area: the first block, and the choice among its blocks by setting.
    areas: Vec<(usize, [Alias; 4])>,
}

impl Blocks {
    pub(super) fn new(seed: u64, figures: &CityFigures) -> Self {
        let mut city = Self { all: Vec::new(), texts: String::new(), areas: Vec::new() };
        let key = key(seed, Purpose::Block, 0);
        let mut cells = figures.cells.iter().enumerate().peekable();
        for area in 1..=AREAS {
            let first = city.all.len();
            let mut weights = [const { Vec::new() }; 4];
            while let Some((number, cell)) = cells.next_if(|(_, cell)| figures.zones[cell.zone].area == area) {
                let mut draws = Draws::new(key, number as u64);
                let count = 4 + (cell.weights.iter().sum::<f64>() / 100.0).min(8.0) as u64;
                let tails: Vec<[f64; 4]> = (0..count)
                    .map(|_| {
                        // Powers of one uniform, so that a busy corner is busy for all; cut at a thousandth. Roots
                        // are the same on every machine, other powers are not.
                        let u = draws.unit().max(0.001);
                        let root = 1.0 / u.sqrt();
                        [root / u, root.sqrt(), root, root / u].map(|tail| tail * (0.3 + draws.unit()))
                    })
                    .collect();
                for (kind, weight) in cell.weights.into_iter().enumerate() {
                    let sum: f64 = tails.iter().map(|tail| tail[kind]).sum();
                    weights[kind].extend(tails.iter().map(|tail| weight * tail[kind] / sum));
                }
                for _ in 0..count {
                    let mut about = |milli: i64, reach: u64| {
                        milli * 1_000_000 + (draws.below(reach) + draws.below(reach)) as i64 - reach as i64
                    };
                    let (latitude, longitude) = (about(cell.latitude, 1_900_000), about(cell.longitude, 2_500_000));
                    city.build(cell.zone, latitude, longitude, &mut draws);
                }
            }
            for point in figures.points.iter().filter(|point| point.area == area) {
                let zone = city.all.last().map_or(0, |block| usize::from(block.zone));
                let mut draws = Draws::new(key, u64::MAX - area as u64);
                city.build(zone, point.latitude * 1_000_000, point.longitude * 1_000_000, &mut draws);
                if let Some(block) = city.all.last_mut() {
                    block.points = 1;
                }
                for weights in &mut weights {
                    let sum: f64 = weights.iter().sum();
                    weights.push(sum * point.share / (1.0 - point.share));
                }
            }
            city.areas.push((first, weights.map(|weights| Alias::new(&weights))));
        }
        city
    }

    fn build(&mut self, zone: usize, latitude: i64, longitude: i64, draws: &mut Draws) {
        use std::fmt::Write as _;
        let north_south = draws.chance(1 << 31);
        let snapped = |value: i64, step: i64| value.div_euclid(step) * step + step / 2;
        let fraction = draws.below(STEP as u64 / 2) as i64;
        let street_step = STREET * 4 / 3;
        let (latitude, longitude) = if north_south {
            (latitude, snapped(longitude, street_step) + fraction)
        } else {
            (snapped(latitude, STREET) + fraction, longitude)
        };
        let number =
            |value: i64, origin: i64, per_degree: i64| ((value - origin) * per_degree / NANO).unsigned_abs() / 100;
        let (number, direction, street, kind) = if north_south {
            let direction = if latitude >= ORIGIN.0 { 'N' } else { 'S' };
            let street = longitude.div_euclid(street_step);
            (number(latitude, ORIGIN.0, NUMBERS_PER_DEGREE.0), direction, street, "AVE")
        } else {
            let direction = if longitude >= ORIGIN.1 { 'E' } else { 'W' };
            let street = latitude.div_euclid(STREET) * 3 + 1;
            (number(longitude, ORIGIN.1, NUMBERS_PER_DEGREE.1), direction, street, "ST")
        };
        let name = STREETS[street.rem_euclid(STREETS.len() as i64) as usize];
        let start = self.texts.len() as u32;
        // Writing to a string cannot fail.
        let _ = write!(self.texts, "{number:03}XX {direction} {name} {kind}");
        self.all.push(Block {
            zone: zone as u16,
            points: POINTS as u8,
            north_south,
            latitude,
            longitude,
            text: (start, self.texts.len() as u32),
        });
    }

    /// A block of an area (from 1).
    #[inline]
    pub(super) fn choose(&self, area: usize, setting: Setting, bits: u64) -> usize {
        let (first, kinds) = &self.areas[area - 1];
        first + kinds[setting as usize].choose(bits)
    }

    /// The block that is some places further in the same area's list, or as near to that as the area allows.
    #[inline]
    pub(super) fn near(&self, area: usize, block: usize, further: i64) -> usize {
        let (first, kinds) = &self.areas[area - 1];
        let last = first + kinds[0].len() - 1;
        ((block as i64 + further).max(0) as usize).clamp(*first, last)
    }

    #[inline]
    pub(super) fn zone(&self, block: usize) -> usize {
        usize::from(self.all[block].zone)
    }

    #[inline]
    pub(super) fn text(&self, block: usize) -> &str {
        let (start, end) = self.all[block].text;
        &self.texts[start as usize..end as usize]
    }

    /// Latitude and longitude of one of a block's points, in billionths of a degree.
    #[inline]
    pub(super) fn position(&self, block: usize, point: u64) -> (i64, i64) {
        let block = &self.all[block];
        let along = (point % u64::from(block.points)) as i64;
        if block.north_south {
            (block.latitude + along * STEP, block.longitude)
        } else {
            (block.latitude, block.longitude + along * STEP * 4 / 3)
        }
    }
}
