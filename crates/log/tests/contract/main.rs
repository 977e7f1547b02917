//! The contract suite, on every implementation; and what only the embedded log must survive: kills, torn writes, damage.

mod crash;
mod damage;
mod embedded;
mod followers;
mod model;
mod suite;
mod support;

contract_suite!(embedded_log, crate::support::open_embedded);
