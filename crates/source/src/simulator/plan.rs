//! How many incidents are reported in each hour: the only state that grows, by a number an hour.
//!
//! A slot is an hour counted from the history's end. The history's counts are Poisson around the rhythm's
//! intensity, scaled so that they add up to exactly the incidents asked for; those of the live feed are Poisson.
//! A slot's counts depend on the options alone, so a plan is made again, not kept.

use super::{
    calendar::HOUR,
    draws::{Draws, Purpose, key},
    rhythm::Rhythm,
};
use blotter_city::UtcMicros;
use std::{collections::HashMap, sync::Arc};

/// The length of a slot, whose start is a whole number of slots from the history's end.
const SLOT: i64 = HOUR;

/// An outbreak as the simulation sees it.
#[derive(Clone, Debug)]
pub(super) struct PlacedOutbreak {
    pub(super) area: usize,
    pub(super) category: usize,
    pub(super) first_slot: u64,
    pub(super) hours: u64,
    pub(super) extra: u64,
}

impl PlacedOutbreak {
    /// How many of its incidents belong to a slot.
    pub(super) fn in_slot(&self, slot: u64) -> u64 {
        let before = |slots: u64| self.extra * slots / self.hours;
        match slot.checked_sub(self.first_slot) {
            Some(hour) if hour < self.hours => before(hour + 1) - before(hour),
            _ => 0,
        }
    }
}

pub(super) struct Plan {
    key: u64,
    starts_at: i64,
    history: u64,
    live_rate: Option<f64>,
    mean_intensity: f64,
    /// `cumulative[slot]`: new incidents before the slot.
    cumulative: Vec<u64>,
    /// Outbreak and number of its incidents, by slot.
    extras: HashMap<u64, Arc<[(usize, u64)]>>,
}

/// One hour.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) index: u64,
    /// Microseconds, UTC.
    pub(super) start: i64,
    /// The ordinal of its first incident.
    pub(super) first: u64,
    pub(super) count: u64,
    /// Whether it belongs to the live feed.
    pub(super) live: bool,
    /// Outbreaks, and how many of its incidents are theirs.
    pub(super) extras: Option<Arc<[(usize, u64)]>>,
}

impl Slot {
    /// Stands for no slot at all.
    pub(super) fn none() -> Self {
        Self { index: u64::MAX, start: 0, first: 0, count: 0, live: false, extras: None }
    }

    /// The moment of the `index`-th of `count` events of the slot: in order, each at random in its own part.
    #[inline]
    pub(super) fn moment(&self, index: u64, count: u64, bits: u64) -> UtcMicros {
        let jitter = ((bits >> 32) * SLOT as u64) >> 32;
        // It fits: no slot has more than four billion events.
        UtcMicros(self.start + ((index * SLOT as u64 + jitter) / count.max(1)) as i64)
    }
}

impl Plan {
    pub(super) fn new(seed: u64, starts_at: UtcMicros, ends_at: UtcMicros, live_rate: Option<f64>) -> Self {
        let history = (ends_at.0 - starts_at.0) / SLOT;
        Self {
            key: key(seed, Purpose::Plan, 0),
            starts_at: ends_at.0 - history * SLOT,
            history: history as u64,
            live_rate,
            mean_intensity: 1.0,
            cumulative: vec![0],
            extras: HashMap::new(),
        }
    }

    /// Slots of the history.
    pub(super) fn history(&self) -> u64 {
        self.history
    }

    pub(super) fn is_endless(&self) -> bool {
        self.live_rate.is_some()
    }

    pub(super) fn start_of(&self, slot: u64) -> UtcMicros {
        UtcMicros(self.starts_at + slot as i64 * SLOT)
    }

    pub(super) fn slot_at(&self, at: UtcMicros) -> Option<u64> {
        u64::try_from((at.0 - self.starts_at).div_euclid(SLOT)).ok()
    }

    /// The hour of UTC in which the greater part of a slot lies.
    pub(super) fn hour_of(&self, slot: u64) -> i64 {
        (self.start_of(slot).0 + SLOT / 2).div_euclid(HOUR)
    }

    /// Plans the history.
    pub(super) fn fill(&mut self, incidents: u64, outbreaks: &[PlacedOutbreak], rhythm: &Rhythm) {
        let mut extras: HashMap<u64, Vec<(usize, u64)>> = HashMap::new();
        for (index, outbreak) in outbreaks.iter().enumerate() {
            for slot in outbreak.first_slot..outbreak.first_slot + outbreak.hours {
                let count = outbreak.in_slot(slot);
                if count > 0 && (slot < self.history || self.is_endless()) {
                    extras.entry(slot).or_default().push((index, count));
                }
            }
        }
        self.extras = extras.into_iter().map(|(slot, of)| (slot, of.into())).collect();
        let injected: u64 = self.extras.iter().filter(|(slot, _)| **slot < self.history).map(|(_, of)| sum(of)).sum();
        let base = incidents.saturating_sub(injected);
        let intensities: Vec<f64> = (0..self.history).map(|slot| rhythm.intensity(self.hour_of(slot))).collect();
        let total: f64 = intensities.iter().sum();
        let mut drawn: Vec<u64> = (intensities.iter().zip(0..))
            .map(|(intensity, slot)| Draws::new(self.key, slot).poisson(base as f64 * intensity / total))
            .collect();
        if drawn.iter().all(|count| *count == 0) {
            drawn.fill(1);
        }
        let all: u64 = drawn.iter().sum();
        let scaled = |count: u64| (u128::from(count) * u128::from(base) / u128::from(all)) as u64;
        let (mut before, mut planned) = (0, 0);
        for (count, slot) in drawn.into_iter().zip(0..) {
            let here = scaled(before + count) - scaled(before) + self.extras.get(&slot).map_or(0, |of| sum(of));
            before += count;
            planned += here;
            self.cumulative.push(planned);
        }
        // A year of the rhythm before the end says what "on average" is for the live feed.
        let last = self.hour_of(self.history);
        if self.is_endless() {
            self.mean_intensity = (last - 8736..last).map(|hour| rhythm.intensity(hour)).sum::<f64>() / 8736.0;
        }
    }

    /// Whether the slot's count is known already.
    pub(super) fn knows(&self, slot: u64) -> bool {
        slot + 1 < self.cumulative.len() as u64
    }

    /// Plans the live feed up to and with a slot.
    pub(super) fn extend_to(&mut self, slot: u64, rhythm: &mut Rhythm) {
        let Some(rate) = self.live_rate else { return };
        while !self.knows(slot) {
            let next = self.cumulative.len() as u64 - 1;
            let hour = self.hour_of(next);
            rhythm.extend_to(hour + 1);
            let mean = rate * rhythm.intensity(hour) / self.mean_intensity;
            let count = Draws::new(self.key, next).poisson(mean) + self.extras.get(&next).map_or(0, |of| sum(of));
            self.cumulative.push(self.cumulative[next as usize] + count);
        }
    }

    /// New incidents of a slot that is known.
    pub(super) fn count(&self, slot: u64) -> u64 {
        self.cumulative[slot as usize + 1] - self.cumulative[slot as usize]
    }

    /// A slot that is known.
    pub(super) fn slot(&self, slot: u64) -> Slot {
        Slot {
            index: slot,
            start: self.start_of(slot).0,
            first: self.cumulative[slot as usize],
            count: self.count(slot),
            live: slot >= self.history,
            extras: self.extras.get(&slot).cloned(),
        }
    }
}

fn sum(of: &[(usize, u64)]) -> u64 {
    of.iter().map(|(_, count)| count).sum()
}
