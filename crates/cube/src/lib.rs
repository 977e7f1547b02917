//! In-memory columns and filters: the engine behind every query.
