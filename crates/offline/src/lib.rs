//! The offline path: archive, snapshot, fetch.
