//! The binary: one command per role, configuration and wiring.
fn main() {}
