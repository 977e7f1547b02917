//! Several sources as one, each with its own position: the files of several `--data`.
//!
//! Its name and its position do not depend on which sources there are: a file that is added later is read from
//! its beginning, and the others go on where they were.

use crate::{
    Chunk, Progress, Source, SourceError, Step,
    watched::{RetryPolicy, RetryingSource, SourceParts},
};
use blotter_health::{Notice, Reports};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

const VERSION: u32 = 1;

/// The positions of all sources that ever were part of it, by name.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Position {
    version: u32,
    sources: BTreeMap<String, String>,
}

/// Several sources, one after the other. One that waits or fails lets the others go on.
pub struct SourceChain {
    sources: Vec<Link>,
    position: Position,
    turn: usize,
}

struct Link {
    source: RetryingSource,
    ended: bool,
    /// Why a batch job cannot have all of it.
    fault: Option<SourceError>,
    progress: Progress,
}

impl SourceChain {
    /// The name in the log.
    pub const NAME: &'static str = "data";

    /// Opens the sources, each behind the position kept for its name.
    pub fn open(parts: Vec<SourceParts>, position: Option<&[u8]>, retry: &RetryPolicy) -> Result<Self, SourceError> {
        let wrong = |why: String| SourceError::Position { what: Self::NAME.into(), why };
        let position = match position {
            None => Position { version: VERSION, sources: BTreeMap::new() },
            Some(bytes) => serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?,
        };
        if position.version != VERSION {
            return Err(wrong(format!("version {} is not {VERSION}", position.version)));
        }
        let mut sources: Vec<Link> = Vec::new();
        for part in parts {
            // The same file given twice is one file.
            if sources.iter().any(|link| link.source.name() == part.name) {
                continue;
            }
            let own = position.sources.get(&part.name).map(String::as_bytes);
            let source = RetryingSource::open(part, own, !position.sources.is_empty(), retry.clone())?;
            sources.push(Link { source, ended: false, fault: None, progress: Progress::default() });
        }
        Ok(Self { sources, position, turn: 0 })
    }

    fn progress(&self) -> Progress {
        let parts = || self.sources.iter().map(|link| link.progress);
        Progress { done: parts().map(|part| part.done).sum(), total: parts().map(|part| part.total).sum() }
    }
}

impl Source for SourceChain {
    fn describe(&self) -> String {
        self.sources.iter().map(|link| link.source.describe()).collect::<Vec<_>>().join(", ")
    }

    fn name(&self) -> String {
        Self::NAME.into()
    }

    fn simulated(&self) -> bool {
        self.sources.iter().any(|link| link.source.simulated())
    }

    fn is_paced(&self) -> bool {
        self.sources.iter().all(|link| link.source.is_paced())
    }

    fn next(&mut self) -> Result<Step, SourceError> {
        let mut wait: Option<(Duration, bool)> = None;
        for _ in 0..self.sources.len() {
            let turn = self.turn % self.sources.len();
            let link = &mut self.sources[turn];
            if link.ended {
                self.turn = turn + 1;
                continue;
            }
            match link.source.next() {
                Ok(Step::Chunk(chunk)) => {
                    link.progress = chunk.progress;
                    let text = String::from_utf8_lossy(&chunk.position).into_owned();
                    self.position.sources.insert(link.source.name(), text);
                    let position = serde_json::to_vec(&self.position)
                        .map_err(|error| SourceError::Position { what: Self::NAME.into(), why: error.to_string() })?;
                    return Ok(Step::Chunk(Chunk { position, progress: self.progress(), caught_up: false, ..chunk }));
                }
                Ok(Step::Wait { pause, caught_up }) => {
                    let (least, all) = wait.unwrap_or((pause, true));
                    wait = Some((least.min(pause), all && caught_up));
                }
                Ok(Step::End) => link.ended = true,
                // The others have their turn before a batch job ends with this.
                Err(error) => {
                    link.ended = true;
                    link.fault = Some(error);
                }
            }
            self.turn = turn + 1;
        }
        if let Some((pause, caught_up)) = wait {
            return Ok(Step::Wait { pause, caught_up });
        }
        match self.sources.iter_mut().find_map(|link| link.fault.take()) {
            Some(error) => Err(error),
            None => Ok(Step::End),
        }
    }

    fn notices(&self) -> Vec<Notice> {
        self.sources.iter().flat_map(|link| link.source.notices()).collect()
    }

    fn reports(&self) -> Reports {
        self.sources.iter().flat_map(|link| link.source.reports()).collect()
    }

    fn recall(&mut self, before: &Reports) {
        self.sources.iter_mut().for_each(|link| link.source.recall(before));
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use crate::{
        OpenOptions, open_sources,
        testing::{HEADER, city, row, rows_of},
    };

    #[test]
    fn several_files_resume_each_and_a_new_one_joins() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, ids: std::ops::Range<u64>| {
            let path = folder.path().join(name);
            let rows: String = ids.map(|id| row(id) + "\n").collect();
            std::fs::write(&path, format!("{HEADER}\n{rows}")).unwrap();
            path.to_string_lossy().into_owned()
        };
        let mut data = vec![file("a.csv", 0..30), file("b.csv", 30..60), file("a.csv", 0..30)];
        let mut options = OpenOptions::new(4, folder.path().join("spool"));
        options.chunk_rows = 8;
        let run = |data: &[String], position: Option<&[u8]>| {
            let mut source = open_sources(data, &city("chicago"), position, &options).unwrap();
            let (mut ids, mut positions) = (Vec::new(), Vec::new());
            while let Step::Chunk(chunk) = source.next().unwrap() {
                ids.extend(rows_of(&chunk).into_iter().map(|incident| incident.id));
                positions.push((ids.len(), chunk.position));
            }
            (ids, positions)
        };
        let (ids, positions) = run(&data, None);
        assert_eq!(ids.len(), 60);
        for (seen, position) in &positions {
            assert_eq!(run(&data, Some(position)).0.len(), 60 - seen);
        }
        data.push(file("c.csv", 60..65));
        assert_eq!(run(&data, Some(&positions.last().unwrap().1)).0.len(), 5);
    }

    /// A source that breaks, and one that goes on without end.
    struct Scripted(&'static str, u32);

    impl Source for Scripted {
        fn describe(&self) -> String {
            self.0.into()
        }

        fn name(&self) -> String {
            self.0.into()
        }

        fn next(&mut self) -> Result<Step, SourceError> {
            self.1 += 1;
            if self.0 == "broken" {
                let why = "a test breaks it".to_owned();
                return Err(SourceError::Http { url: "x".into(), why, retryable: false, retry_after: None });
            }
            Ok(Step::Chunk(Chunk { position: self.1.to_string().into_bytes(), ..Chunk::default() }))
        }
    }

    fn scripted(name: &'static str) -> SourceParts {
        let open: crate::Open = Box::new(move |_| Ok(Box::new(Scripted(name, 0))));
        SourceParts { name: name.into(), describe: name.into(), open }
    }

    #[test]
    fn a_source_that_fails_does_not_starve_the_others() {
        let parts = vec![scripted("broken"), scripted("endless")];
        let mut source = SourceChain::open(parts, None, &RetryPolicy::new()).unwrap();
        for _ in 0..3 {
            assert!(matches!(source.next().unwrap(), Step::Chunk(_)));
        }
        let conditions: Vec<_> = source.reports().values().map(|report| report.condition).collect();
        assert_eq!(conditions, [blotter_health::Condition::SourceFailure, blotter_health::Condition::Loading]);
    }

    #[test]
    fn a_batch_job_loads_the_other_files_before_it_ends_with_the_failure() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, format!("{HEADER}\n{}\n", row(7))).unwrap();
        let file = path.to_string_lossy().into_owned();
        let csv: crate::Open = Box::new(move |position| {
            let options = OpenOptions::new(4, folder.path().join("spool"));
            open_sources(std::slice::from_ref(&file), &city("chicago"), position, &options)
        });
        let parts = vec![scripted("broken"), SourceParts { name: "a".into(), describe: "a".into(), open: csv }];
        let retry = RetryPolicy { patient: false, ..RetryPolicy::new() };
        let mut source = SourceChain::open(parts, None, &retry).unwrap();
        assert!(matches!(source.next().unwrap(), Step::Chunk(chunk) if chunk.rows() == 1));
        let error = source.next().map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("a test breaks it"), "{error}");
    }

    #[test]
    fn a_file_that_is_gone_fails_where_something_was_loaded_and_is_refused_where_nothing_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let data = [path.to_string_lossy().into_owned()];
        let options = OpenOptions::new(4, folder.path().join("spool"));
        let error = open_sources(&data, &city("chicago"), None, &options).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("a.csv"), "{error}");
        std::fs::write(&path, format!("{HEADER}\n{}\n", row(7))).unwrap();
        let mut source = open_sources(&data, &city("chicago"), None, &options).unwrap();
        let Step::Chunk(chunk) = source.next().unwrap() else { panic!() };
        std::fs::remove_file(&path).unwrap();
        let mut source = open_sources(&data, &city("chicago"), Some(&chunk.position), &options).unwrap();
        assert!(matches!(source.next().unwrap(), Step::Wait { caught_up: false, .. }));
        let report = source.reports().into_values().next().unwrap();
        assert_eq!(report.condition, blotter_health::Condition::SourceFailure);
        assert!(report.failing.unwrap().why.contains("a.csv"));
    }
}
