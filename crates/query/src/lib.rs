//! The loaded data of a city, and every question that can be asked of them, without HTTP.
//!
//! - [`LoadedCity`] holds the view: the cube, the texts with the snapshot's files, totals by hour, sites and study areas.
//! - [`Follower`] is its one writer: it loads the snapshot, follows the log, and publishes what changed.
//! - [`questions`] has a file a question: what is asked, and the answer, as types. [`Question::ask`] answers from one reading of
//!   the view, so that the figures of an answer and its next offsets belong together.
//! - [`CityTotals`] holds the hourly totals alone, for a command that asks about peaks and ends.
//! - [`Parameters`] reads a question from names and values as a person writes them; [`encode`] writes an answer as JSON, Arrow,
//!   CSV or GeoJSON.
//!
//! Invariant: every answer computed from incidents and every `change` event names the next offsets that it reflects; an event of a
//! published tick has those of the tick.

mod basemap;
mod behind;
mod caught_up;
mod change;
mod city_totals;
mod disagreements;
pub mod encode;
mod error;
mod feed;
mod figures;
mod follower;
mod hourly;
mod live;
mod loaded;
mod log_status;
mod names;
mod next_offsets;
mod opened;
mod outlined;
mod parameters;
mod prose;
mod question;
pub mod questions;
mod search;
mod sites;
mod snapshot;
mod snapshot_columns;
mod study_areas;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod testing;
mod texts;
mod tick_index;
mod ticks;
mod view;

pub use basemap::BasemapFacts;
pub use blotter_peak::PublishedTick;
pub use change::{Change, CountChange, CountedIncident, IncidentChange};
pub use city_totals::CityTotals;
pub use error::{LoadError, QueryError};
pub use feed::{FeedHead, peaks_feed};
pub use figures::{
    Figures, FiguresChange, IncidentFigures, NoticeFigures, OutlierFigures, Outliers, RefusedFigures, SnapshotFigures,
    SourceFigures,
};
pub use follower::{Follower, LoadParts};
pub use live::Event;
pub use loaded::LoadedCity;
pub use log_status::LogStatus;
pub use next_offsets::{NextOffsets, offsets_text};
pub use parameters::{FromParameters, Parameters, Selection};
pub use question::{Caller, Cost, Edition, Patient, Question, Reply};
pub use search::FoundBlock;
pub use study_areas::StudyAreaMethod;
pub use view::{NewestSnapshot, RefusedSnapshot, View};
