//! What all questions have in common.

use crate::{LoadedCity, NextOffsets, QueryError, encode::Answer};
use utoipa::ToSchema;

/// A question of the loaded data.
pub trait Question {
    /// What answers it.
    type Answer: Answer + ToSchema;

    /// What it is about, in a line of the API's document.
    const SUMMARY: &'static str;
    /// How the answer is found, for that document.
    const DESCRIPTION: &'static str;
    /// Whether a caller can have the answer already: it has an [`Edition`].
    const HAS_EDITION: bool = true;
    /// What may not be there, where that is possible.
    const NOT_FOUND: Option<&'static str> = None;

    /// What answering takes.
    fn cost(&self) -> Cost {
        Cost::Quick
    }

    /// Answers from one reading of the view.
    fn ask(&self, city: &LoadedCity, caller: &dyn Caller) -> Result<Reply<Self::Answer>, QueryError>;
}

/// What answering takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Milliseconds.
    Quick,
    /// Reads records from the log or from disk.
    Records,
    /// Maybe seconds of all cores.
    Heavy,
}

/// What an answer is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edition {
    /// Fingerprints of what the question is about: the slices of the data that it reaches. Two answers to one question with equal
    /// fingerprints are equal but for their next offsets.
    pub content: Vec<u64>,
    /// Which records it reflects. They move with every record, also with one that the question is not about.
    pub next_offsets: NextOffsets,
}

/// An answer, unless the caller has it already.
#[derive(Debug)]
pub enum Reply<A> {
    /// The answer. Without an edition it may change although the data do not.
    Answer(A, Option<Edition>),
    /// The caller has the answer of this edition.
    Known(Edition),
}

/// Whoever asks.
pub trait Caller: Sync {
    /// Whether it has the answer of this edition already.
    fn has(&self, edition: &Edition) -> bool;

    /// Whether it has left or waits no longer. Long work looks every few milliseconds, and gives up.
    fn is_over(&self) -> bool;

    /// Long work begins, and no lock is held.
    fn long_work_begins(&self);
}

/// Waits for any answer.
#[derive(Clone, Copy, Debug)]
pub struct Patient;

impl Caller for Patient {
    fn has(&self, _: &Edition) -> bool {
        false
    }

    fn is_over(&self) -> bool {
        false
    }

    fn long_work_begins(&self) {}
}
