//! In-memory columns and filters: the engine behind every query of the web app. Pure: no I/O, no async.
//!
//! The present incidents of one civil month and category are a **group**: a bag of rows, column by column. A category
//! or a period selects groups before a row is read, months and categories are counted by the lengths of groups, and a
//! row that is read is read in sequence from columns of one or two bytes. A new incident is appended to its group, a
//! deletion fills its gap with the group's last row, a revision is both: there is nothing to sort, to merge or to
//! clean up, and queries see each change at once. No answer is kept; all are counted from the rows.
//!
//! The loops over rows have no branches: a filter makes one byte a row, and counting adds that byte. Two threads take
//! pieces of 50,000 rows where there are 150,000 to read.
//!
//! | structure | bytes an incident (Chicago) |
//! | --- | --- |
//! | time: minute of its month 2, second 1, hour of the week 1 | 4 |
//! | category, month | 0, they are the group's |
//! | place 3 to 4, its cell of resolution 9 as a number 2 | 6 |
//! | areas: 1 or 2 a layer | 5 |
//! | flags | 1 |
//! | number, and from the number to group and slot | 4 + 8 |
//! | room to grow (an eighth at most), the groups themselves | some 2 |
//! | where its text lies | 8 |
//! | identity: see `blotter_incident::IdentityIndex` | 24 at most for a file |
//! | places: point 16, cells of five resolutions some 12, hash table 5 to 11 | a place, of which there is one for every five incidents |
//!
//! [`Cube::memory`] says what they are.
//!
//! Invariant: an answer depends on the winning revisions alone, never on the order in which they came.

mod apply;
mod buckets;
mod calendar;
mod cells;
mod cube;
mod filter;
mod group;
mod hours;
mod memory;
mod narrow;
mod newest;
mod places;
mod scan;
mod series;
mod totals;
mod vocabulary;

pub use apply::{Changes, HourSlot};
pub use calendar::Bucket;
pub use cells::CellCounts;
pub use cube::{Cube, Figures, Locator};
pub use filter::Filter;
pub use hours::{HOURS, HoursOfWeek};
pub use memory::Memory;
pub use newest::Cursor;
pub use places::{COARSEST, FINEST};
pub use series::{By, Series, SeriesLine, TooLarge};
