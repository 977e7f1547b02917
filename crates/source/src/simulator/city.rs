//! The simulated city: from a slot and a number to an incident, whatever was made before.
//!
//! An incident is one of an outbreak, one of a near-repeat series, or one on its own. Near repeats: after a
//! burglary (Townsley, Homel and Chaseling 2003; Johnson and Bowers 2004), robbery or shooting (Ratcliffe and
//! Rengert 2008) the risk nearby is raised for some weeks. They are modelled as Neyman–Scott clusters that need
//! no memory: every day starts a fixed number of series per group, each a function of day and number, and an
//! incident that repeats joins one of the last four weeks' series, the younger the likelier, taking over its
//! category and its block or one of the next three. How many do is calibrated per group, so that as many more pairs
//! than by chance lie on one block within a week as in the real city.

use super::{
    alias::Alias,
    blocks::{Blocks, POINTS},
    calendar::{HOUR, MINUTE, SECOND, first_of},
    draws::{Draws, Purpose, key, mix, share},
    figures::{Category, CityFigures, Offence, Place, Setting, Zone},
    plan::{PlacedOutbreak, Slot},
    rhythm::Rhythm,
};
use blotter_city::{CivilMicros, UtcMicros};

/// Incidents of a near-repeat series, on average.
const SERIES: f64 = 3.0;

/// Pairs on one block within seven days that an incident of a series adds: three halves of others per incident
/// (half a Poisson series' size), times 0.29 on the same block, times 0.45 in the same week.
const PAIRS: f64 = SERIES / 2.0 * 0.29 * 0.45;

/// Days for which a series lasts.
const SERIES_DAYS: u64 = 28;

/// Coordinates that the real city's geocoder gives to what it cannot find: a field in Missouri.
const ELSEWHERE: (i64, i64) = (36_619_446_395, -91_686_565_684);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Location {
    Mapped,
    Missing,
    Elsewhere,
}

/// An incident in the simulator's own terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) ordinal: u64,
    pub(super) case: u64,
    pub(super) offence: u16,
    pub(super) place: u16,
    pub(super) block: u32,
    pub(super) point: u8,
    pub(super) location: Location,
    pub(super) occurred_at: CivilMicros,
    pub(super) observed_at: UtcMicros,
    pub(super) updated_at: CivilMicros,
    pub(super) arrest: bool,
    pub(super) domestic: bool,
    pub(super) deleted: bool,
}

struct Odds {
    arrest: u64,
    domestic: u64,
    missing: u64,
}

struct GroupChoice {
    first_offence: usize,
    offences: Alias,
    setting: Setting,
    unknown_month: u64,
    unknown_year: u64,
    repeats: u64,
    /// Series that a day starts, in the history and in the live feed.
    series: [u64; 2],
}

struct CategoryChoice {
    first_offence: usize,
    offences: Alias,
    first_place: usize,
    places: Alias,
    areas: Alias,
    homicide: bool,
}

pub(super) struct City {
    seed: u64,
    pub(super) blocks: Blocks,
    pub(super) offences: Vec<Offence>,
    pub(super) places: Vec<Place>,
    pub(super) categories: Vec<Category>,
    pub(super) zones: Vec<Zone>,
    groups: Vec<GroupChoice>,
    choices: Vec<CategoryChoice>,
    odds: Vec<Odds>,
    minutes: Vec<Alias>,
    ages: Alias,
    elsewhere: u64,
    outbreaks: Vec<PlacedOutbreak>,
    anchors: Vec<u64>,
    cluster_keys: Vec<u64>,
}

impl City {
    /// `rates`: incidents per hour in the history and in the live feed.
    pub(super) fn new(
        seed: u64,
        figures: CityFigures,
        shares: &[f64],
        rates: [f64; 2],
        outbreaks: Vec<PlacedOutbreak>,
    ) -> Self {
        let blocks = Blocks::new(seed, &figures);
        let CityFigures { groups, categories, offences, places, minutes, zones, .. } = figures;
        let of = |keep: &dyn Fn(&Offence) -> bool| {
            let first = offences.iter().position(keep).unwrap_or(0);
            let weights: Vec<f64> = offences.iter().filter(|o| keep(o)).map(|offence| offence.weight).collect();
            (first, Alias::new(&weights))
        };
        let group_choices = (groups.iter().enumerate().zip(shares)).map(|((index, group), part)| {
            let (first_offence, alias) = of(&|offence| categories[offence.category].group == index);
            let repeats = (group.repeats / PAIRS).min(0.5);
            GroupChoice {
                first_offence,
                offences: alias,
                setting: Setting::of(&group.name),
                unknown_month: share(group.unknown_month),
                unknown_year: share(group.unknown_year),
                repeats: share(repeats),
                series: rates.map(|rate| ((rate * 24.0 * part * repeats / SERIES).round() as u64).max(1)),
            }
        });
        let group_choices: Vec<_> = group_choices.collect();
        let choices = (categories.iter().enumerate()).map(|(index, category)| {
            let (first_offence, alias) = of(&|offence| offence.category == index);
            let weights: Vec<f64> =
                places.iter().filter(|place| place.category == index).map(|place| place.weight).collect();
            CategoryChoice {
                first_offence,
                offences: alias,
                first_place: places.iter().position(|place| place.category == index).unwrap_or(0),
                places: Alias::new(&weights),
                areas: Alias::new(&category.areas),
                homicide: category.name == "HOMICIDE",
            }
        });
        let choices: Vec<_> = choices.collect();
        let ages: Vec<f64> = (0..SERIES_DAYS).map(|day| 1.0 / (2.0 + day as f64)).collect();
        Self {
            seed,
            blocks,
            groups: group_choices,
            choices,
            odds: (offences.iter())
                .map(|offence| Odds {
                    // Some arrests are made later, by a revision.
                    arrest: share(offence.arrest * 0.97),
                    domestic: share(offence.domestic),
                    missing: share(offence.unmapped),
                })
                .collect(),
            minutes: minutes.iter().map(|weights| Alias::new(weights)).collect(),
            ages: Alias::new(&ages),
            elsewhere: share(161.0 / 1_718_685.0),
            anchors: (0..outbreaks.len() as u64).map(|n| mix(key(seed, Purpose::Outbreak, 1 + n))).collect(),
            outbreaks,
            cluster_keys: (0..groups.len() as u64).map(|group| key(seed, Purpose::Cluster, group)).collect(),
            offences,
            places,
            categories,
            zones,
        }
    }

    /// The key of a slot's records.
    pub(super) fn record_key(&self, slot: u64) -> u64 {
        key(self.seed, Purpose::Record, slot)
    }

    /// When the slot's new incident `index` is reported. In order.
    #[inline]
    pub(super) fn reported_at(record_key: u64, slot: &Slot, index: u64) -> UtcMicros {
        slot.moment(index, slot.count, Draws::single(record_key, index))
    }

    /// The slot's new incident `index`, which is [reported](Self::reported_at) at that moment.
    pub(super) fn incident(
        &self,
        rhythm: &Rhythm,
        record_key: u64,
        slot: &Slot,
        index: u64,
        observed_at: UtcMicros,
    ) -> Draft {
        let mut draws = Draws::new(record_key, index);
        let report_hour = observed_at.0.div_euclid(HOUR);
        let (offence, block, occurred_at) = match Self::outbreak_of(slot, index) {
            Some(outbreak) => self.in_outbreak(outbreak, rhythm, slot, observed_at, &mut draws),
            None => self.usual(rhythm, slot, observed_at, &mut draws),
        };
        let choice = &self.choices[self.offences[offence].category];
        let place = choice.first_place + choice.places.choose(draws.next());
        let odds = &self.odds[offence];
        let arrest = draws.chance(odds.arrest);
        let domestic = draws.chance(odds.domestic);
        let bits = draws.next();
        let location = if (bits as u32 as u64) < odds.missing {
            Location::Missing
        } else if bits >> 32 < self.elsewhere {
            Location::Elsewhere
        } else {
            Location::Mapped
        };
        let ordinal = slot.first + index;
        let bits = draws.next();
        Draft {
            ordinal,
            // One case of homicide may have several victims, each with a row.
            case: if choice.homicide && bits.is_multiple_of(12) { ordinal.saturating_sub(1) } else { ordinal },
            offence: offence as u16,
            place: place as u16,
            block: block as u32,
            point: ((bits >> 32) % POINTS) as u8,
            location,
            occurred_at,
            observed_at,
            updated_at: Self::updated_at(rhythm, report_hour, observed_at),
            arrest,
            domestic,
            deleted: false,
        }
    }

    /// The portal's time of change: when it was observed, to the second, on the city's clock.
    #[inline]
    pub(super) fn updated_at(rhythm: &Rhythm, hour: i64, observed_at: UtcMicros) -> CivilMicros {
        let offset = rhythm.civil_minutes(hour) * MINUTE - hour * HOUR;
        CivilMicros((observed_at.0 + offset).div_euclid(SECOND) * SECOND)
    }

    /// The outbreak whose incident this is. A slot's outbreaks are spread evenly among its other incidents.
    #[inline]
    fn outbreak_of(slot: &Slot, index: u64) -> Option<usize> {
        let extras = slot.extras.as_deref()?;
        let injected: u64 = extras.iter().map(|(_, count)| count).sum();
        let before = |index: u64| (u128::from(index) * u128::from(injected) / u128::from(slot.count)) as u64;
        let mut number = before(index);
        if before(index + 1) == number {
            return None;
        }
        for (outbreak, count) in extras {
            match number.checked_sub(*count) {
                None => return Some(*outbreak),
                Some(rest) => number = rest,
            }
        }
        None
    }

    fn in_outbreak(
        &self,
        outbreak: usize,
        rhythm: &Rhythm,
        slot: &Slot,
        observed_at: UtcMicros,
        draws: &mut Draws,
    ) -> (usize, usize, CivilMicros) {
        let PlacedOutbreak { area, category, .. } = self.outbreaks[outbreak];
        let choice = &self.choices[category];
        let offence = choice.first_offence + choice.offences.choose(draws.next());
        let setting = self.groups[self.categories[category].group].setting;
        let block = if draws.chance(share(0.7)) {
            let anchor = self.blocks.choose(area, setting, self.anchors[outbreak]);
            self.blocks.near(area, anchor, draws.below(13) as i64 - 6)
        } else {
            self.blocks.choose(area, setting, draws.next())
        };
        let delay = draws.below(20 * MINUTE as u64) as i64;
        let at = ((observed_at.0 - delay).div_euclid(MINUTE) * MINUTE).max(slot.start);
        let hour = at.div_euclid(HOUR);
        (offence, block, CivilMicros(rhythm.civil_minutes(hour) * MINUTE + at - hour * HOUR))
    }

    fn usual(
        &self,
        rhythm: &Rhythm,
        slot: &Slot,
        observed_at: UtcMicros,
        draws: &mut Draws,
    ) -> (usize, usize, CivilMicros) {
        let report_hour = observed_at.0.div_euclid(HOUR);
        let moment = rhythm.moment(report_hour, draws);
        let group = &self.groups[moment.group];

        let civil_minutes = rhythm.civil_minutes(moment.hour);
        let minutes = &self.minutes[civil_minutes.div_euclid(60).rem_euclid(24) as usize];
        let mut minute = minutes.choose(draws.next()) as i64;
        if moment.hour == report_hour {
            // Nothing is reported before it occurs.
            let latest = (observed_at.0 - report_hour * HOUR) / MINUTE;
            if minute > latest {
                minute = minute * latest / 60;
            }
        }
        let mut occurred_at = CivilMicros((civil_minutes + minute) * MINUTE);
        let bits = draws.next();
        if (bits as u32 as u64) < group.unknown_year {
            occurred_at = first_of(occurred_at, true);
        } else if bits >> 32 < group.unknown_month {
            occurred_at = first_of(occurred_at, false);
        }

        let repeats = draws.chance(group.repeats);
        let (offence, block) = if repeats {
            let live = usize::from(slot.live);
            let day = moment.hour.div_euclid(24) - self.ages.choose(draws.next()) as i64;
            let number = draws.below(group.series[live]);
            let mut series = Draws::new(self.cluster_keys[moment.group], mix(day as u64) ^ number);
            let (first, area, block) = self.somewhere(group, &mut series);
            let choice = &self.choices[self.offences[first].category];
            let offence = choice.first_offence + choice.offences.choose(draws.next());
            // Half of them on the same block.
            let bits = draws.next();
            let further = if bits & 1 == 0 { 0 } else { ((bits >> 32) % 7) as i64 - 3 };
            (offence, self.blocks.near(area, block, further))
        } else {
            let (offence, _, block) = self.somewhere(group, draws);
            (offence, block)
        };
        (offence, block, occurred_at)
    }

    /// An offence of a group, and an area and block where such things happen.
    #[inline]
    fn somewhere(&self, group: &GroupChoice, draws: &mut Draws) -> (usize, usize, usize) {
        let offence = group.first_offence + group.offences.choose(draws.next());
        let area = 1 + self.choices[self.offences[offence].category].areas.choose(draws.next());
        (offence, area, self.blocks.choose(area, group.setting, draws.next()))
    }

    /// Another offence of the same group.
    pub(super) fn reclassified(&self, offence: u16, bits: u64) -> u16 {
        let group = &self.groups[self.categories[self.offences[usize::from(offence)].category].group];
        (group.first_offence + group.offences.choose(bits)) as u16
    }

    /// A place's kind that fits another category.
    pub(super) fn place_for(&self, offence: u16, bits: u64) -> u16 {
        let choice = &self.choices[self.offences[usize::from(offence)].category];
        (choice.first_place + choice.places.choose(bits)) as u16
    }

    /// A block close by.
    pub(super) fn next_block(&self, block: u32, further: i64) -> u32 {
        let area = self.zones[self.blocks.zone(block as usize)].area;
        self.blocks.near(area, block as usize, further) as u32
    }

    /// Latitude and longitude, in billionths of a degree.
    #[inline]
    pub(super) fn position(&self, draft: &Draft) -> Option<(i64, i64)> {
        match draft.location {
            Location::Mapped => Some(self.blocks.position(draft.block as usize, u64::from(draft.point))),
            Location::Missing => None,
            Location::Elsewhere => Some(ELSEWHERE),
        }
    }
}
