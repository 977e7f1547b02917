//! When things happen: the rate of each group of categories by the hour, and the time until it is reported.
//!
//! A group's rate is hour of the week × month × yearly trend × a random factor per day, of the size that the real
//! city's days have beyond Poisson noise (half of its variance common to all groups, as weather is). An incident
//! reported in hour `s` with a lag of `l` hours occurred in hour `s - l`, so drawing a group, a lag and then
//! accepting in proportion to the group's rate in `s - l` gives, over all `s`, a Poisson process of occurrences
//! with that rate, thinned by lag, in the order of the reports. The factors of one hour are one small row, made
//! once.

use super::{
    alias::Alias,
    calendar::{HOUR, date, hour_of_week},
    draws::{Draws, Purpose, key},
    figures::CityFigures,
};
use blotter_city::{CityClock, UtcMicros};

/// Factors of the groups, and in the last place the civil offset in minutes.
type Factors = [u16; 16];

const OFFSET: usize = 15;

/// A trend holds for so many hours, then steps.
const TREND_STEP: i64 = 720;

/// Lag classes below this bound follow the hour; longer lags blur it.
const SHORT_LAG: i64 = 24;

struct Beat {
    weight: f64,
    slope: f64,
    sigma: f64,
    hours: Vec<f64>,
    months: Vec<f64>,
    /// Bound of the factor.
    greatest: f64,
    lag: Alias,
    /// Shares of the short classes, with a representative lag.
    short: Vec<(f64, i64)>,
    long: f64,
}

pub(super) struct Rhythm {
    seed: u64,
    clock: CityClock,
    beats: Vec<Beat>,
    lag_hours: Vec<i64>,
    first_hour: i64,
    trend_from: i64,
    rows: Vec<Factors>,
    mixes: Vec<Alias>,
}

/// When an incident occurred, and of which group it is.
pub(super) struct Moment {
    pub(super) group: usize,
    /// Since the epoch, UTC.
    pub(super) hour: i64,
}

impl Rhythm {
    /// For reports from `first_hour` on; the trend starts at `trend_from`.
    pub(super) fn new(seed: u64, clock: CityClock, figures: &CityFigures, first_hour: i64, trend_from: i64) -> Self {
        let greatest_of = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
        let lag_hours = figures.lag_hours.clone();
        let beats: Vec<Beat> = (figures.groups.iter().enumerate())
            .map(|(index, group)| {
                let total: f64 = group.lags.iter().sum();
                let short = (group.lags.iter().zip(lag_hours.windows(2)))
                    .filter(|(_, bounds)| bounds[1] <= SHORT_LAG)
                    .map(|(share, bounds)| (share / total, i64::midpoint(bounds[0], bounds[1] - 1)));
                let short: Vec<_> = short.collect();
                Beat {
                    weight: (figures.offences.iter())
                        .filter(|offence| figures.categories[offence.category].group == index)
                        .map(|offence| offence.weight)
                        .sum(),
                    slope: group.slope,
                    sigma: group.day_sigma,
                    greatest: greatest_of(&group.hours) * greatest_of(&group.months) * (1.0 + 2.5 * group.day_sigma),
                    hours: group.hours.clone(),
                    months: group.months.clone(),
                    lag: Alias::new(&group.lags),
                    long: 1.0 - short.iter().map(|(share, _)| share).sum::<f64>(),
                    short,
                }
            })
            .collect();
        assert!(beats.len() <= OFFSET, "a row of factors has room for {OFFSET} groups");
        let longest = lag_hours.last().copied().unwrap_or(0);
        Self {
            seed,
            clock,
            beats,
            lag_hours,
            first_hour: first_hour - longest - 1,
            trend_from,
            rows: Vec::new(),
            mixes: Vec::new(),
        }
    }

    /// Makes ready for reports up to and in an hour.
    pub(super) fn extend_to(&mut self, hour: i64) {
        let city_noise = key(self.seed, Purpose::Noise, 0);
        let mut of_day: Option<(i64, Vec<f64>)> = None;
        while self.first_hour + self.rows.len() as i64 <= hour {
            let at = self.first_hour + self.rows.len() as i64;
            let offset = self.clock.offset_seconds(UtcMicros(at * HOUR)) / 60;
            let civil_hour = (at * 60 + offset).div_euclid(60);
            let day = civil_hour.div_euclid(24);
            let (_, month, _) = date(day);
            if of_day.as_ref().is_none_or(|(known, _)| *known != day) {
                let common = Draws::new(city_noise, day as u64).normal();
                let factors = (self.beats.iter().zip(1_u64..)).map(|(beat, group)| {
                    let own = Draws::new(key(self.seed, Purpose::Noise, group), day as u64).normal();
                    let noise = (common + own) * 0.5_f64.sqrt();
                    (1.0 + beat.sigma * noise.clamp(-2.5, 2.5)) * beat.months[month as usize - 1] / beat.greatest
                });
                of_day = Some((day, factors.collect()));
            }
            let mut row = Factors::default();
            if let Some((_, factors)) = &of_day {
                for ((value, beat), factor) in row.iter_mut().zip(&self.beats).zip(factors) {
                    *value = (factor * beat.hours[hour_of_week(civil_hour)] * 65_535.0).clamp(1.0, 65_535.0) as u16;
                }
            }
            row[OFFSET] = offset as i16 as u16;
            self.rows.push(row);
        }
        while self.trend_from + self.mixes.len() as i64 * TREND_STEP <= hour {
            let step = self.mixes.len() as i64;
            let weights: Vec<f64> =
                self.beats.iter().map(|beat| beat.weight * trend(beat.slope, step) * beat.greatest).collect();
            self.mixes.push(Alias::new(&weights));
        }
    }

    fn trend_step(&self, hour: i64) -> usize {
        ((hour - self.trend_from).max(0) / TREND_STEP) as usize
    }

    fn row(&self, hour: i64) -> &Factors {
        &self.rows[(hour - self.first_hour).max(0) as usize]
    }

    /// The city's rate of reports in an hour, up to a constant.
    pub(super) fn intensity(&self, hour: i64) -> f64 {
        let step = self.trend_step(hour) as i64;
        let civil_day = (hour * 60 + i64::from(self.row(hour)[OFFSET] as i16)).div_euclid(1440);
        let month = date(civil_day).1 as usize - 1;
        (self.beats.iter().enumerate())
            .map(|(group, beat)| {
                let short: f64 =
                    (beat.short.iter()).map(|(share, lag)| share * f64::from(self.row(hour - lag)[group])).sum();
                let rate = short * beat.greatest / 65_535.0 + beat.long * beat.months[month];
                beat.weight * trend(beat.slope, step) * rate
            })
            .sum()
    }

    /// What a report in that hour is about.
    #[inline]
    pub(super) fn moment(&self, report_hour: i64, draws: &mut Draws) -> Moment {
        let mix = &self.mixes[self.trend_step(report_hour)];
        let mut tries = 0;
        loop {
            let group = mix.choose(draws.next());
            let class = self.beats[group].lag.choose(draws.next());
            let bits = draws.next();
            let (low, high) = (self.lag_hours[class], self.lag_hours[class + 1]);
            let lag = low + (((bits >> 32) * (high - low) as u64) >> 32) as i64;
            let hour = report_hour - lag;
            tries += 1;
            // The bound keeps a pathological hour from looping for ever; it is never met in practice.
            if (bits as u16) < self.row(hour)[group] || tries == 256 {
                return Moment { group, hour };
            }
        }
    }

    /// The civil time of an hour, in minutes since the epoch.
    #[inline]
    pub(super) fn civil_minutes(&self, hour: i64) -> i64 {
        hour * 60 + i64::from(self.row(hour)[OFFSET] as i16)
    }

    /// Groups by their share of all incidents.
    pub(super) fn shares(&self) -> Vec<f64> {
        let total: f64 = self.beats.iter().map(|beat| beat.weight).sum();
        self.beats.iter().map(|beat| beat.weight / total).collect()
    }
}

/// Linear, and flat where it would lead too far.
fn trend(slope: f64, step: i64) -> f64 {
    (1.0 + slope * (step * TREND_STEP) as f64 / 8766.0).clamp(0.6, 1.4)
}
