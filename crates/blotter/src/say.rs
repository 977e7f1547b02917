//! What a role tells people: a line on standard output. Where log lines are JSON it is one of them, so that all that a
//! container prints can be parsed.

use std::{
    fmt::Arguments,
    sync::atomic::{AtomicBool, Ordering},
};

static IS_JSON: AtomicBool = AtomicBool::new(false);

/// From now on, as log lines.
pub(crate) fn as_json() {
    IS_JSON.store(true, Ordering::Relaxed);
}

/// As `println!`.
macro_rules! say {
    ($($arguments:tt)*) => { $crate::say::tell(format_args!($($arguments)*)) };
}
pub(crate) use say;

/// What [`say`] is made of.
pub(crate) fn tell(words: Arguments<'_>) {
    if IS_JSON.load(Ordering::Relaxed) {
        tracing::info!("{words}");
    } else {
        println!("{words}");
    }
}
