//! What a source hands out.

use crate::SourceError;
use arrow::array::RecordBatch;
use blotter_health::{Notice, Reports, SourceReport};
use blotter_incident::Rejected;
use std::time::Duration;

/// A source of one city's records. Blocking; one thread drives it.
pub trait Source: Send {
    /// What it is, for people: a path, an address, `simulator, seed 7`.
    fn describe(&self) -> String;

    /// Its name in the log, under which its position is kept. Stable from start to start.
    fn name(&self) -> String;

    /// Whether its records are made up.
    fn simulated(&self) -> bool {
        false
    }

    /// Whether it hands out its records as they happened, and not as fast as it can: nobody needs to wait for its end to look
    /// at them.
    fn is_paced(&self) -> bool {
        false
    }

    /// What a person should know of its rows.
    fn notices(&self) -> Vec<Notice> {
        Vec::new()
    }

    /// The states of its parts, by name.
    fn reports(&self) -> Reports {
        let report = SourceReport { describe: self.describe(), notices: self.notices(), ..SourceReport::default() };
        Reports::from([(self.name(), report)])
    }

    /// Takes up what was kept of its states: since when it fails is not forgotten at a restart.
    fn recall(&mut self, _before: &Reports) {}

    /// The next step. Never blocks for much longer than a network timeout; a source with nothing to say
    /// yet returns [`Step::Wait`], so that its driver can stop it.
    fn next(&mut self) -> Result<Step, SourceError>;
}

/// What to do next.
pub enum Step {
    /// Append this.
    Chunk(Chunk),
    /// Ask again after this long (or when stopped). `caught_up`: all that the source holds was handed out.
    Wait {
        /// How long, on the wall clock.
        pause: Duration,
        /// Nothing is left until the source changes.
        caught_up: bool,
    },
    /// The source has an end, and this is it.
    End,
}

/// Rows that belong together, and where the source stands behind them.
#[derive(Debug, Default)]
pub struct Chunk {
    /// Incident batches by log partition.
    pub incidents: Vec<(u32, RecordBatch)>,
    /// Rows that could not be accepted.
    pub rejected: Vec<Rejected>,
    /// Opaque to all but the source: handed back when it is opened again.
    pub position: Vec<u8>,
    /// How far it is.
    pub progress: Progress,
    /// Incidents that the source no longer has, by [`hash_of_id`](crate::hash_of_id) of their ids: whoever appends the chunk
    /// says them deleted, with their last fields.
    pub vanished: Vec<u64>,
    /// Of a live feed: nothing is left behind it until the source changes.
    pub caught_up: bool,
}

impl Chunk {
    /// Accepted rows.
    pub fn rows(&self) -> usize {
        self.incidents.iter().map(|(_, batch)| batch.num_rows()).sum()
    }
}

/// How far a source is, in units of its own (bytes of a file, rows of a query).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Done so far.
    pub done: u64,
    /// In all, where it is known.
    pub total: Option<u64>,
}
