//! In-memory columns and filters: the engine behind every query of the web app. Pure: no I/O, no async.
//!
//! Incidents are rows in order of arrival, in blocks of 65,536, and change in place: a revision overwrites its
//! row, a deletion clears a bit. Each block knows its least and greatest time, so that a period skips blocks.
//!
//! | structure | bytes an incident |
//! | --- | --- |
//! | time (minute, second) | 5 |
//! | place | 4 |
//! | category | 2 |
//! | areas | 2 a layer |
//! | flags | 1 |
//! | where its text lies | 8 |
//! | identity: id, revision, hash table | 4 + 16 + some 8 |
//!
//! Invariant: an answer depends on the winning revisions alone, never on the order in which they came.

mod apply;
mod block;
mod calendar;
mod cell_buckets;
mod cells;
mod cube;
mod filter;
mod hourly;
mod newest;
mod places;
mod points;
mod scan;
mod series;
mod vocabulary;

pub use apply::{Changes, HourSlot};
pub use calendar::Bucket;
pub use cell_buckets::CellBuckets;
pub use cells::CellCounts;
pub use cube::{Cube, Figures, Locator};
pub use filter::Filter;
pub use hourly::HourCell;
pub use newest::Cursor;
pub use places::{COARSEST, FINEST};
pub use points::PointCounts;
pub use series::{By, Series, SeriesLine, TooLarge};
