//! The object store and the archive's Delta table.
