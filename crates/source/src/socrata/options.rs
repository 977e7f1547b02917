//! How to ask a Socrata portal.

use super::known::Shelf;
use crate::{Brake, WallClock};
use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

/// A portal's app token. Sent to the portal and written nowhere.
#[derive(Clone)]
pub struct AppToken(pub(super) String);

impl AppToken {
    /// A token.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }
}

impl fmt::Debug for AppToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppToken(…)")
    }
}

/// How to ask a Socrata portal.
#[derive(Clone)]
pub struct SocrataOptions {
    /// What time it is.
    pub clock: WallClock,
    /// Rows of one answer.
    pub page_rows: usize,
    /// Months before the first start, counted from the day, whose incidents are asked for.
    pub months: u32,
    /// Pause between two polls for changes.
    pub poll_every: Duration,
    /// A row can become visible so much later than its `:updated_at` says.
    pub overlap: Duration,
    /// Pause between two comparisons of one month's ids.
    pub sweep_every: Duration,
    /// When deletions are believed.
    pub brake: Brake,
    /// Where what is known of the portal's rows is kept, unless `shelf` is given.
    pub spool: PathBuf,
    /// Where it is kept on a cluster, whose disks come and go.
    pub shelf: Option<Arc<dyn Shelf>>,
    /// Without one the portal throttles sooner.
    pub token: Option<AppToken>,
    /// Instead of the profile's domain.
    pub base: Option<String>,
}

impl SocrataOptions {
    /// The last twelve months, polled every five minutes, without a token.
    pub fn new(spool: PathBuf) -> Self {
        Self {
            clock: WallClock::system(),
            page_rows: 10_000,
            months: 12,
            poll_every: Duration::from_mins(5),
            overlap: Duration::from_mins(10),
            sweep_every: Duration::from_mins(15),
            brake: Brake::default(),
            spool,
            shelf: None,
            token: None,
            base: None,
        }
    }
}
