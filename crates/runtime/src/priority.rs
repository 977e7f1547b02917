//! A lower priority for threads whose work can wait, so that serving stays quick.

/// Raises the calling thread's niceness (0 to 19). Where the system refuses, it stays as it is.
pub fn lower(niceness: i32) {
    // On Linux, niceness belongs to the thread, and "no process" means the calling one.
    if niceness > 0
        && let Err(error) = rustix::process::setpriority_process(None, niceness)
    {
        tracing::debug!(%error, "the thread keeps its priority");
    }
}
