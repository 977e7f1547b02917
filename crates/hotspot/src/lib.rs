//! Hot spots: which hexagons hold more incidents, together with their neighbours, than chance would put there; how dense
//! incidents are; what becomes of hot spots over time; and how good a map of them would have been.
//!
//! Pure: no I/O, no clock, no randomness; the same counts give the same answer, bit for bit, on any number of threads.
//! Counts are whole numbers and all sums of them alone are exact; sums of what is none go over distinct places or cells in
//! an order of their own. So an answer does not depend on the order in which incidents came.
//!
//! Sources: Getis & Ord 1992 and Ord & Getis 1995 (Gi\*); Benjamini & Hochberg 1995 (false discovery rate);
//! Caldas de Castro & Singer 2006 (that rate for local statistics); Silverman 1986 (quartic kernel); Snyder 1987 (the
//! plane); Przyborowski & Wilenski 1940 (two
//! counts); Mann 1945 and Kendall 1975 (trend); ArcGIS Pro (emerging hot spots); Chainey, Tompson & Uhlig 2008 and
//! Hunt 2016 (PAI, PEI).

mod backtest;
mod cell_kernel;
mod density;
mod emerging;
mod error;
mod gi_star;
mod grid;
mod kernel;
mod mann_kendall;
mod pattern;
mod projection;
mod significance;
mod sites;
mod stop;
mod study_area;
mod threads;
mod two_counts;

pub use backtest::{BacktestPlan, BacktestResult, Method, Score, backtest};
pub use density::{DensitySurface, density};
pub use emerging::{Emergence, emerging};
pub use error::{
    Error, GREATEST_EXTENT_DEGREES, GREATEST_LENGTH_M, LEAST_LENGTH_M, LEAST_STEPS, MOST_GRID_CELLS, MOST_PAIRS,
};
pub use gi_star::gi_star;
pub use grid::{Extent, Grid};
pub use mann_kendall::{MannKendall, mann_kendall};
pub use pattern::{Direction, Heat, Kind, Pattern};
pub use projection::Projection;
pub use significance::{Class, Confidence, q_values, two_sided_p};
pub use sites::Sites;
pub use stop::Stop;
pub use study_area::{Neighbors, StudyArea};
pub use two_counts::{at_least_p, two_counts_p};
