//! In-memory columns and filters: the engine behind every query of the web app. Pure: no I/O, no async.
//!
//! The present incidents of one civil month and category are a **group**: a bag of rows, column by column. A category
//! or a period selects groups before a row is read, months and categories are counted by the lengths of groups, and a
//! row that is read is read in sequence from columns of one or two bytes. A new incident is appended to its group, a
//! deletion fills its gap with the group's last row, a revision is both: there is nothing to sort, to merge or to
//! clean up, and queries see each change at once.
//!
//! Beside the rows stand totals of each category by cell of resolution 9 and by hour of the week. They are an index that
//! every change updates, not answers that are kept. A query by category and period alone reads the rows inside of the
//! period or, where those are fewer, the rows outside, and takes them from the totals: at most half of the rows, and
//! none without a period. Every other filter (area, arrest, domestic, box, hour of the week) reads the rows of the groups
//! that its categories and period leave.
//!
//! The loops over rows have no branches: a filter makes one byte a row, and counting adds that byte; where few rows of a
//! group are selected, the others are passed over eight at a time. Two threads take pieces of 50,000 rows where there
//! are 150,000 to read.
//!
//! | structure | bytes an incident (Chicago) |
//! | --- | --- |
//! | time: minute of its month 2, second 1, hour of the week 1 | 4 |
//! | category, month | 0, they are the group's |
//! | place 3 to 4, its cell of resolution 9 as a number 2 | 6 |
//! | areas: 1 or 2 a layer | 5 |
//! | flags | 1 |
//! | number, and from the number to group and slot | 4 + 8 |
//! | room to grow (an eighth at most), and 500 bytes for each group | some 2 |
//! | together: the filter columns | 30 |
//! | where its text lies | 8 |
//! | identity: id 4, revision 12, hash table 5 to 6.3; up to 30 for a feed of microseconds | 22 |
//! | places: point 16, cells of five resolutions 12 or more, hash tables; a place for every four incidents | 11 |
//! | totals: by category, 4 a cell and 672 | 0.6, fewer the more incidents there are |
//!
//! [`Cube::memory`] says what they are, and a test holds the columns to 32 and the identity to 24. Categories by the
//! thousand, or a few incidents a month, cost more: a group of one incident is some 500 bytes.
//!
//! Invariant: an answer depends on the winning revisions alone, never on the order in which they came.

mod apply;
mod buckets;
mod calendar;
mod cell_buckets;
mod cells;
mod changes;
mod content;
mod cube;
mod disagreements;
mod filter;
mod group;
mod hourly;
mod hours;
mod hours_of_week;
mod memory;
mod minute;
mod narrow;
mod newest;
mod period;
mod places;
mod points;
mod scan;
mod series;
mod split;
mod tally;
mod totals;
mod vocabulary;

pub use calendar::Bucket;
pub use cell_buckets::CellBuckets;
pub use cells::CellCounts;
pub use changes::{ChangedIncident, Changes, CountedIncident, HourSlot};
pub use cube::{Cube, IncidentTotals, Locator};
pub use disagreements::PlaceAreas;
pub use filter::Filter;
pub use hourly::HourCell;
pub use hours_of_week::{HOURS, HoursOfWeek, NoHoursOfWeek};
pub use memory::Memory;
pub use newest::{Cursor, Page, PageRow};
pub use period::{OutlierGroup, Period};
pub use places::{COARSEST, FINEST};
pub use points::PointCounts;
pub use series::{By, CountedLine, CountsOverTime, TooLarge};
pub use tally::Occurrences;
