//! Every question: what is asked, and the answer, as types. A file each.

mod backtest;
mod cells;
mod density;
mod emerging;
mod hotspots;
mod incidents;
mod meta;
mod peaks;
mod rejected;
mod series;
mod statistic;

pub use backtest::{Backtest, BacktestAnswer, MethodScore};
pub use cells::{Cells, CellsAnswer, CellsSummary};
pub use density::{Density, DensityAnswer, DensityGrid, DensitySummary, DensityUnit};
pub use emerging::{Emerging, EmergingAnswer, EmergingCell, EmergingSummary};
pub use hotspots::{HotspotCell, Hotspots, HotspotsAnswer, HotspotsSummary};
pub use incidents::{Incidents, IncidentsAnswer};
pub use meta::{AreaFacts, CityFacts, LayerFacts, Meta, MetaAnswer};
pub use peaks::{Peaks, PeaksAnswer};
pub use rejected::{RejectedAnswer, RejectedRecord, RejectedRecords};
pub use series::{Series, SeriesAnswer, SeriesLine};
