//! The city: its profile, its clock and calendar, and the outlines of its areas.
//!
//! Everything here is pure: no I/O, no async, no clock of its own.
//!
//! Invariants:
//! - A city is data: [`Profile`] reads a TOML file, and no code knows a city by name.
//! - A civil time is kept exactly as published; its instant is derived by [`CityClock`] and by nothing else.

mod civil;
pub mod clean;
mod date;
mod holiday;
mod missing;
mod outlines;
mod polygons;
mod profile;
mod projection;

pub use civil::{CityClock, CivilMicros, UtcMicros, format_civil, format_utc, parse_civil, parse_instant};
pub use date::{DateFormat, Moment, iso, split_offset};
pub use holiday::{DayOfWeek, Holiday};
pub use missing::Missing;
pub use outlines::{Outlines, OutlinesError};
pub use profile::{
    BoundaryDataset, BoundingBox, CategoryRules, Columns, Layer, Portal, Profile, ProfileError, ReportedShares,
};
pub use projection::{Projection, UnknownProjection};
