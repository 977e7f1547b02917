//! A source's announcement in the log: written before its first row is read, so that the other roles wait for the source.

use blotter_log::{Log, LogError, SourceState, StoredPosition, Transaction, Writer};
use blotter_source::Source;

/// Announces in the log, before a source is read, that it may hold more. On a log with one process all other sources are
/// retired: an earlier command line named them, and this one does not. Their positions stay, so that they resume when a later
/// command line names them again.
pub fn begin(log: &dyn Log, writer: &mut dyn Writer, source: &dyn Source) -> Result<(), LogError> {
    let name = source.name();
    let mut stored = StoredPosition::all(log)?;
    // Complete from the beginning: a process that is killed before the first chunk leaves no false state behind.
    let before = stored.remove(&name);
    let known = before.as_ref().map(|before| before.state.clone()).unwrap_or_default();
    let state = SourceState {
        simulated: source.simulated(),
        paced: source.is_paced(),
        describe: source.describe(),
        caught_up: false,
        retired: false,
        ..known
    };
    let announced = StoredPosition { source: before.and_then(|before| before.source), state };
    let mut transaction = Transaction::default();
    transaction.positions.push(announced.entry(&name)?);
    if !log.is_shared() {
        for (name, mut other) in stored {
            other.state.retired = true;
            transaction.positions.push(other.entry(&name)?);
        }
    }
    writer.append(transaction)?;
    Ok(())
}
