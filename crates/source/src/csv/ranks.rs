//! How many rows of each key the files before have, so that keys that lie in several files are counted right.
//!
//! A file gets a rank when it is numbered first: `NAME.keys` has the rank and, ascending, the hash of each key with its
//! rows (twelve bytes). The ordinals of a file begin behind the rows of the files of lower rank. A file keeps its rank.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;

/// The counts of the files before, and of this one.
pub(crate) struct Ranks {
    earlier: Vec<Counts>,
    own: Option<Own>,
}

struct Own {
    path: PathBuf,
    out: BufWriter<NamedTempFile>,
    group: Option<(u64, u32)>,
}

struct Counts {
    file: BufReader<File>,
    next: Option<(u64, u32)>,
}

impl Ranks {
    /// Of a source that is read alone.
    pub(crate) fn none() -> Self {
        Self { earlier: Vec::new(), own: None }
    }

    /// Of a file of that name among those of a folder.
    pub(crate) fn open(folder: &Path, name: &str) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join(format!("{name}.keys"));
        let mut others = Vec::new();
        let mut rank = None;
        for entry in fs::read_dir(folder)? {
            let found = entry?.path();
            if found.extension().is_none_or(|extension| extension != "keys") {
                continue;
            }
            let mut file = BufReader::new(File::open(&found)?);
            let mut number = [0; 8];
            if file.read_exact(&mut number).is_err() {
                continue;
            }
            let number = u64::from_le_bytes(number);
            if found == path {
                rank = Some(number);
            } else {
                others.push((number, file));
            }
        }
        let rank = rank.unwrap_or_else(|| others.iter().map(|(number, _)| number + 1).max().unwrap_or(0));
        let mut earlier = Vec::new();
        for (_, file) in others.into_iter().filter(|(number, _)| *number < rank) {
            let mut counts = Counts { file, next: None };
            counts.turn()?;
            earlier.push(counts);
        }
        let mut out = BufWriter::new(NamedTempFile::new_in(folder)?);
        out.write_all(&rank.to_le_bytes())?;
        Ok(Self { earlier, own: Some(Own { path, out, group: None }) })
    }

    /// Rows of a key in the files before. Hashes are asked for in ascending order.
    pub(crate) fn before(&mut self, hash: u64) -> io::Result<u64> {
        let mut rows = 0;
        for counts in &mut self.earlier {
            while counts.next.is_some_and(|(next, _)| next < hash) {
                counts.turn()?;
            }
            rows += counts.next.filter(|(next, _)| *next == hash).map_or(0, |(_, rows)| u64::from(rows));
        }
        Ok(rows)
    }

    /// One more row of a key in this file. Hashes come in ascending order.
    pub(crate) fn count(&mut self, hash: u64) -> io::Result<()> {
        let Some(own) = &mut self.own else { return Ok(()) };
        match &mut own.group {
            Some((before, rows)) if *before == hash => *rows += 1,
            _ => {
                own.write()?;
                own.group = Some((hash, 1));
            }
        }
        Ok(())
    }

    /// All rows of this file were counted.
    pub(crate) fn finish(self) -> io::Result<()> {
        let Some(mut own) = self.own else { return Ok(()) };
        own.write()?;
        let file = own.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.persist(&own.path).map_err(|error| error.error)?;
        Ok(())
    }
}

impl Own {
    fn write(&mut self) -> io::Result<()> {
        if let Some((hash, rows)) = self.group.take() {
            self.out.write_all(&hash.to_le_bytes())?;
            self.out.write_all(&rows.to_le_bytes())?;
        }
        Ok(())
    }
}

impl Counts {
    fn turn(&mut self) -> io::Result<()> {
        let mut bytes = [0; 12];
        self.next = match self.file.read_exact(&mut bytes) {
            Ok(()) => {
                let (hash, rows) = bytes.split_at(8);
                let hash = hash.try_into().map_or(0, u64::from_le_bytes);
                Some((hash, rows.try_into().map_or(0, u32::from_le_bytes)))
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
            Err(error) => return Err(error),
        };
        Ok(())
    }
}
