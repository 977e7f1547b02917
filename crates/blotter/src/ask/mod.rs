//! The commands that ask.

pub(crate) mod brief;
pub(crate) mod counts;
pub(crate) mod emerging;
pub(crate) mod hotspots;
pub(crate) mod peaks;
pub(crate) mod question;
pub(crate) mod rejected;
mod report;
pub(crate) mod reporting_lag;
mod table;
mod topic;
