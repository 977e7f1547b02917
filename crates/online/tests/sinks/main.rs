//! One suite for every sink, on real servers, and what a sink does where there is none.

#![expect(clippy::expect_used, reason = "a test may stop at the first surprise")]

mod answers;
mod suite;
mod support;

sink_suite!(memory, crate::support::memory);
sink_suite!(influxdb, crate::support::influxdb);
sink_suite!(kairosdb, crate::support::kairosdb);
sink_suite!(victoriametrics, crate::support::victoriametrics);
