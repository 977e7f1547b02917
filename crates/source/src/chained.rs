//! Several sources as one, each with its own position: the files of several `--data`.
//!
//! Its name and its position do not depend on which sources there are: a file that is added later is read from
//! its beginning, and the others go on where they were.

use crate::{Chunk, Progress, Source, SourceError, Step};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

const VERSION: u32 = 1;

/// The positions of all sources that ever were part of it, by name.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Position {
    version: u32,
    sources: BTreeMap<String, String>,
}

/// Several sources, one after the other; one that waits lets the others go on.
pub struct Chained {
    sources: Vec<Link>,
    position: Position,
    turn: usize,
}

struct Link {
    source: Box<dyn Source>,
    name: String,
    ended: bool,
    progress: Progress,
}

/// Opens one source at its position in a chain.
pub type Opener<'a> = dyn FnMut(usize, Option<&[u8]>) -> Result<Box<dyn Source>, SourceError> + 'a;

impl Chained {
    /// The name in the log.
    pub const NAME: &'static str = "data";

    /// Opens the sources of these names with `open` (the number of the name, and the position kept for it).
    pub fn open(names: &[String], position: Option<&[u8]>, open: &mut Opener<'_>) -> Result<Self, SourceError> {
        let wrong = |why: String| SourceError::Position { what: Self::NAME.into(), why };
        let position = match position {
            None => Position { version: VERSION, sources: BTreeMap::new() },
            Some(bytes) => serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?,
        };
        if position.version != VERSION {
            return Err(wrong(format!("version {} is not {VERSION}", position.version)));
        }
        let mut sources: Vec<Link> = Vec::new();
        for (index, name) in names.iter().enumerate() {
            // The same file given twice is one file.
            if sources.iter().any(|link| link.name == *name) {
                continue;
            }
            let source = open(index, position.sources.get(name).map(String::as_bytes))?;
            sources.push(Link { source, name: name.clone(), ended: false, progress: Progress::default() });
        }
        Ok(Self { sources, position, turn: 0 })
    }

    fn progress(&self) -> Progress {
        let parts = || self.sources.iter().map(|link| link.progress);
        Progress { done: parts().map(|part| part.done).sum(), total: parts().map(|part| part.total).sum() }
    }
}

impl Source for Chained {
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
            match link.source.next()? {
                Step::Chunk(chunk) => {
                    link.progress = chunk.progress;
                    let text = String::from_utf8_lossy(&chunk.position).into_owned();
                    self.position.sources.insert(link.name.clone(), text);
                    let position = serde_json::to_vec(&self.position)
                        .map_err(|error| SourceError::Position { what: Self::NAME.into(), why: error.to_string() })?;
                    return Ok(Step::Chunk(Chunk { position, progress: self.progress(), caught_up: false, ..chunk }));
                }
                Step::Wait { pause, caught_up } => {
                    let (least, all) = wait.unwrap_or((pause, true));
                    wait = Some((least.min(pause), all && caught_up));
                }
                Step::End => link.ended = true,
            }
            self.turn = turn + 1;
        }
        Ok(wait.map_or(Step::End, |(pause, caught_up)| Step::Wait { pause, caught_up }))
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
}
