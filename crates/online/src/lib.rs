//! The online path: count, and the sinks.
