//! The roles of the design, one file each: its arguments and its run.

pub(crate) mod archive;
pub(crate) mod count;
pub(crate) mod detect;
pub(crate) mod fetch;
pub(crate) mod online;
pub(crate) mod produce;
mod repeat;
pub(crate) mod serve;
pub(crate) mod snapshot;
