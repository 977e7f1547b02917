//! The contract suite, on every implementation; what only the embedded log must survive: kills, torn writes, damage; and
//! what only a log of several processes promises.

mod crash;
mod damage;
mod embedded;
mod followers;
mod full;
#[cfg(feature = "kafka")]
mod kafka;
mod model;
mod packing;
mod rebuild;
mod suite;
mod support;

contract_suite!(embedded_log, crate::support::open_embedded);
#[cfg(feature = "kafka")]
contract_suite!(kafka_log, crate::kafka::open);
