//! What to simulate.

use super::{calendar, outbreak::Outbreak, refused};
use crate::SourceError;
use blotter_city::{Profile, UtcMicros, parse_civil};
use blotter_incident::MAX_BATCH_ROWS;
use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

/// Says what time it is, and how much has passed. The simulator asks nothing else for the time.
#[derive(Clone)]
pub struct WallClock {
    now: Arc<dyn Fn() -> UtcMicros + Send + Sync>,
    steady_micros: Arc<dyn Fn() -> i64 + Send + Sync>,
}

impl WallClock {
    /// A clock of one's own, for tests.
    pub fn new(now: impl Fn() -> UtcMicros + Send + Sync + 'static) -> Self {
        let now = Arc::new(now);
        Self { now: Arc::clone(&now) as _, steady_micros: Arc::new(move || now().0) }
    }

    /// The machine's clock.
    pub fn system() -> Self {
        let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        let started = Instant::now();
        Self {
            now: Arc::new(move || {
                UtcMicros(micros(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()))
            }),
            steady_micros: Arc::new(move || micros(started.elapsed())),
        }
    }

    /// The time.
    pub fn now(&self) -> UtcMicros {
        (self.now)()
    }

    /// Microseconds since some moment, by a clock that nobody sets: for what passes.
    pub fn steady_micros(&self) -> i64 {
        (self.steady_micros)()
    }
}

impl fmt::Debug for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WallClock({})", blotter_city::format_utc(self.now()))
    }
}

/// What follows the history, which itself is always handed out as fast as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Nothing: the source ends.
    Max,
    /// A live feed without end, of so many new incidents a second on average over the year (more in the
    /// evening than before dawn), observed from the history's end on. Whatever is due by now is handed out at
    /// once. A city of that size has more crime than its history if the rate differs from the history's.
    PerSecond(f64),
    /// A live feed without end at the history's own rate. Its time starts at the history's end when the feed is
    /// first asked, and passes so many times faster than the wall clock until it has reached now; from there on
    /// it is now. Let the history end some days ago to watch those days pass.
    Realtime {
        /// Seconds of the city per second of the wall clock, at least 1.
        speed: f64,
    },
}

/// What to simulate. The same options, clock and speed apart, give the same records byte for byte.
#[derive(Clone, Debug)]
pub struct SimulatorOptions {
    /// The city; a profile whose columns are those of Chicago's portal.
    pub city: Arc<Profile>,
    /// The same seed makes the same city.
    pub seed: u64,
    /// Partitions of the log.
    pub partitions: u32,
    /// Rows of the largest chunk.
    pub chunk_rows: usize,
    /// New incidents of the history, revisions and deletions not counted. Exactly so many.
    pub incidents: u64,
    /// When the history begins: the first report. Moved to whole hours before `ends_at`.
    pub starts_at: UtcMicros,
    /// When the history ends, exclusively: `now` for a live city. Cut to whole seconds.
    pub ends_at: UtcMicros,
    /// What follows the history.
    pub pace: Pace,
    /// What time it is, for a live feed.
    pub clock: WallClock,
    /// Share of incidents that are ever revised, from a day to five months after their report.
    pub revisions: f64,
    /// Share of incidents that are ever deleted.
    pub deletions: f64,
    /// Outbreaks to inject; none for the simulator's own choice, an empty list for no outbreak at all.
    pub outbreaks: Option<Vec<Outbreak>>,
}

/// Incidents per hour in the real city, 2012 to 2017.
const REAL_RATE: f64 = 1_718_685.0 / 52_608.0;

/// The least and the greatest moment of a simulated history.
const YEARS: (&str, &str) = ("2001-01-01", "2100-01-01");

impl SimulatorOptions {
    /// A finite history that ends on 1 January 2024 and has the real city's rate, up to twenty years long (from
    /// there on the rate grows); 8 % of its incidents are revised and 0.2 % deleted.
    pub fn new(city: Arc<Profile>, seed: u64, incidents: u64) -> Self {
        let ends_at = UtcMicros(1_704_067_200 * calendar::SECOND);
        let hours = (incidents as f64 / REAL_RATE).clamp(24.0, 20.0 * 8766.0) as i64;
        Self {
            city,
            seed,
            partitions: 8,
            chunk_rows: 32_768,
            incidents,
            starts_at: UtcMicros(ends_at.0 - hours * calendar::HOUR),
            ends_at,
            pace: Pace::Max,
            clock: WallClock::system(),
            revisions: 0.08,
            deletions: 0.002,
            outbreaks: None,
        }
    }

    /// The same with another history.
    #[must_use]
    pub fn history(mut self, starts_at: UtcMicros, ends_at: UtcMicros) -> Self {
        self.starts_at = starts_at;
        self.ends_at = ends_at;
        self
    }

    pub(super) fn check(&self) -> Result<(), SourceError> {
        let fault = |why: String| Err(refused(why));
        if self.partitions == 0 {
            return fault("a log has at least one partition".into());
        }
        if self.chunk_rows == 0 || self.chunk_rows > MAX_BATCH_ROWS {
            return fault(format!("a chunk has 1 to {MAX_BATCH_ROWS} rows, not {}", self.chunk_rows));
        }
        let [least, greatest] =
            [YEARS.0, YEARS.1].map(|year| UtcMicros(parse_civil(year).map_or(i64::MAX, |civil| civil.0)));
        if self.starts_at < least || self.ends_at > greatest {
            return fault(format!("its history lies between {} and {}", YEARS.0, YEARS.1));
        }
        if self.ends_at.0 - self.starts_at.0 < calendar::HOUR {
            return fault("its history must last an hour at least, from `starts_at` to `ends_at`".into());
        }
        if self.incidents > 4_000_000_000 {
            return fault(format!("{} incidents are too many; four billion are possible", self.incidents));
        }
        for (name, share) in [("revisions", self.revisions), ("deletions", self.deletions)] {
            if !(0.0..=1.0).contains(&share) {
                return fault(format!("`{name}` is a share between 0 and 1, not {share}"));
            }
        }
        if self.revisions + self.deletions > 1.0 {
            return fault("`revisions` and `deletions` together cannot be more than all incidents".into());
        }
        match self.pace {
            Pace::PerSecond(rate) if !(rate > 0.0 && rate <= 1e5) => {
                fault(format!("a live feed has more than 0 and at most 100,000 incidents a second, not {rate}"))
            }
            Pace::Realtime { speed } if !(1.0..=1e9).contains(&speed) => {
                fault(format!("a live feed's time passes 1 to a billion times as fast as the clock, not {speed} times"))
            }
            _ => Ok(()),
        }
    }

    /// New incidents per hour of the live feed.
    pub(super) fn live_rate(&self) -> Option<f64> {
        match self.pace {
            Pace::Max => None,
            Pace::PerSecond(rate) => Some(rate * 3600.0),
            Pace::Realtime { .. } if self.incidents == 0 => Some(REAL_RATE),
            Pace::Realtime { .. } => {
                Some(self.incidents as f64 / ((self.ends_at.0 - self.starts_at.0) / calendar::HOUR) as f64)
            }
        }
    }
}
