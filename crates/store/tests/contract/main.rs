//! The contract suite, on every implementation; and what only a store of several machines must survive: lost
//! answers, a server that is gone, refusals.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod archive;
mod s3;
mod suite;
mod support;
mod wire;

contract_suite!(directory, crate::support::open_directory);
contract_suite!(s3_server, crate::support::open_s3);
