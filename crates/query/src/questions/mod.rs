//! Every question: what is asked, and the answer, as types. A file each.

mod backtest;
mod brief;
mod cells;
mod density;
mod emerging;
mod episodes;
mod explain;
mod find;
mod hotspots;
mod hours;
mod incidents;
mod meta;
mod peaks;
mod period_change;
mod rejected;
mod series;
mod statistic;

pub use backtest::{Backtest, BacktestAnswer, MethodScore};
pub use brief::{
    Brief, BriefAnswer, BriefFigure, BriefHead, BriefLine, BriefRevisions, BriefSpan, SpanName, brief_page,
    refusal_page,
};
pub use cells::{Cells, CellsAnswer, CellsSummary};
pub use density::{Density, DensityAnswer, DensityGrid, DensitySummary, DensityUnit};
pub use emerging::{Emerging, EmergingAnswer, EmergingCell, EmergingSummary};
pub use episodes::{Episodes, EpisodesAnswer, FoundEpisode};
pub use explain::{Explain, ExplainAnswer, HolidayPart, HourPart, OtherParts, Part, Parts, ReportedCourse};
pub use find::{Find, FindAnswer, FoundArea};
pub use hotspots::{HotspotCell, Hotspots, HotspotsAnswer, HotspotsSummary};
pub use hours::{Hours, HoursAnswer, HoursLine};
pub use incidents::{Incidents, IncidentsAnswer};
pub use meta::{AreaFacts, CityFacts, LayerFacts, Meta, MetaAnswer};
pub use peaks::{Peaks, PeaksAnswer};
pub use period_change::{ChangeClass, ChangedCell, PeriodChange, PeriodChangeAnswer, PeriodChangeSummary};
pub use rejected::{RejectedAnswer, RejectedRecord, RejectedRecords};
pub use series::{Series, SeriesAnswer, SeriesLine};
