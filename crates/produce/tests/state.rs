//! What the log keeps of a source, from its first moment on.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use blotter_city::Profile;
use blotter_log::{
    EmbeddedLog, EmbeddedOptions, Log, LogError, StoredPosition, Transaction, Writer, fed_by, source_states,
};
use blotter_produce::{begin, writer_of};
use blotter_source::{Simulator, SimulatorOptions, Source};
use std::sync::Arc;

fn log(dir: &std::path::Path) -> Arc<EmbeddedLog> {
    Arc::new(EmbeddedLog::open(dir.join("log"), EmbeddedOptions::default()).unwrap())
}

fn simulator() -> Simulator {
    let profile = Arc::new(Profile::from_toml(include_str!("../../../cities/chicago.toml")).unwrap());
    Simulator::new(SimulatorOptions::new(profile, 7, 100), None).unwrap()
}

fn writer(log: &Arc<EmbeddedLog>, source: &dyn Source) -> Box<dyn Writer> {
    (Arc::clone(log) as Arc<dyn Log>).writer(&writer_of(&source.name())).unwrap()
}

/// Issue 12, 4.6: a simulation that was killed before its first chunk had left "not simulated" behind, and no demo could use the
/// directory again.
#[test]
fn a_source_killed_before_its_first_chunk_leaves_the_truth_and_feeds_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(dir.path());
    let source = simulator();
    for _ in 0..2 {
        begin(log.as_ref(), writer(&log, &source).as_mut(), &source).unwrap();
        let states = source_states(log.as_ref()).unwrap();
        let state = &states[&source.name()];
        assert!(state.simulated && !state.caught_up);
        assert_eq!(state.describe, source.describe());
        assert!(fed_by(log.as_ref()).unwrap().is_empty(), "it has appended nothing yet");
    }
    // As older versions left it.
    let stored = r#"{"source":null,"state":{"caught_up":false,"simulated":false,"describe":"","held":{}}}"#;
    let positions = vec![(format!("source/{}", source.name()), stored.as_bytes().to_vec())];
    log.append(Transaction { positions, ..Transaction::default() }).unwrap();
    assert!(fed_by(log.as_ref()).unwrap().is_empty());
    begin(log.as_ref(), writer(&log, &source).as_mut(), &source).unwrap();
    assert!(source_states(log.as_ref()).unwrap()[&source.name()].simulated, "what it says now is kept");
}

/// Issue 12, 2.3: what could not be read was a source that never began, and was read again from its beginning.
#[test]
fn a_position_that_cannot_be_read_is_an_error_and_no_new_source() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(dir.path());
    let source = simulator();
    let positions = vec![(format!("source/{}", source.name()), b"{\"source\":".to_vec())];
    log.append(Transaction { positions, ..Transaction::default() }).unwrap();
    let check = |outcome: Result<(), LogError>| {
        let error = outcome.unwrap_err();
        assert!(matches!(error, LogError::Position { .. }) && error.to_string().contains(&source.name()), "{error}");
    };
    check(StoredPosition::of(log.as_ref(), &source.name()).map(drop));
    check(source_states(log.as_ref()).map(drop));
    check(fed_by(log.as_ref()).map(drop));
    check(begin(log.as_ref(), writer(&log, &source).as_mut(), &source));
    assert_eq!(StoredPosition::of(log.as_ref(), "another").unwrap(), None);
}
