//! What every role runs in: how it is stopped, is run again after a failure, is watched, and answers over HTTP.
//!
//! - [`Shutdown`]: the token by which a process asks its roles to close; [`signals`] trigger it;
//! - [`Crew`]: the threads of the roles of one process; [`supervise()`]: running a role again;
//! - [`Operations`] and [`OpsServer`]: `/metrics`, `/healthz` and `/readyz`; [`Exposition`]: figures for Prometheus;
//! - [`http`]: a server that bounds what strangers can hold; [`Hosts`]: which names it answers to; [`Lane`]: queues of
//!   questions; [`Problem`]: what a client sees of an error;
//! - [`sentence()`]: an error and its causes, for people;
//! - [`priority`] and [`open_files`]: what the process asks of the system.

mod crew;
mod exposition;
mod hosts;
pub mod http;
mod lane;
pub mod open_files;
mod operations;
mod ops;
pub mod priority;
mod problem;
mod sentence;
mod shutdown;
pub mod signals;
mod supervise;

pub use crew::Crew;
pub use exposition::Exposition;
pub use hosts::Hosts;
pub use lane::{AnswerMemory, Demand, Lane};
pub use operations::Operations;
pub use ops::{OpsServer, RoleStatus};
pub use problem::{Problem, ProblemDetails, RETRY_AFTER_S};
pub use sentence::sentence;
pub use shutdown::Shutdown;
pub use supervise::{Failure, supervise};
