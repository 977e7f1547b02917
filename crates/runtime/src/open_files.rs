//! The limit of open files. A log, an archive, and connections need more than the 1,024 that most systems begin with.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More than Blotter ever opens.
const ENOUGH: u64 = 65_536;

/// Raises this process's limit as far as the system lets it, and no further than is of use. Before roles begin: they divide
/// what they find.
pub fn raise() {
    let now = getrlimit(Resource::Nofile);
    let wanted = now.maximum.map_or(ENOUGH, |most| most.min(ENOUGH));
    if now.current.is_none_or(|current| current >= wanted) {
        return;
    }
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: now.maximum }) {
        tracing::warn!(%error, "the limit of open files stays as it is: raise it with `ulimit -n`");
    }
}
