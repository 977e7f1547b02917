//! The commands that ask.

pub(crate) mod counts;
pub(crate) mod questions;
pub(crate) mod rejected;
pub(crate) mod reporting_lag;
mod table;
mod topic;
