//! One directory, one process: a locked file that says who holds it. The operating system drops the lock with the
//! process, however it dies.

use crate::LogError;
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
};

const FILE: &str = "lock";
const LONGEST_COMMAND: usize = 120;

/// Held until it is dropped.
#[derive(Debug)]
pub(super) struct DirectoryLock {
    file: File,
}

impl DirectoryLock {
    /// Takes the lock, or says who has it.
    pub(super) fn take(dir: &Path) -> Result<Self, LogError> {
        let path = dir.join(FILE);
        let failed = |doing| {
            let path = path.clone();
            move |source| LogError::File { doing, path, source }
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed("open the lock file"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // A holder that has only just begun has not said its name yet.
                if file.read_to_string(&mut holder).is_err() || holder.is_empty() {
                    "another process".clone_into(&mut holder);
                }
                return Err(LogError::Held { dir: dir.to_owned(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(failed("lock")(source)),
        }
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(own_name().as_bytes()))
            .map_err(failed("write"))?;
        Ok(Self { file })
    }
}

impl Drop for DirectoryLock {
    /// Closing the file is not enough: a child process that is just being started has a copy of it.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "cannot unlock the log's directory");
        }
    }
}

/// This process, as its user knows it: `` `blotter demo --city chicago` (pid 123)``.
fn own_name() -> String {
    let mut words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    let program = words.next().unwrap_or_default();
    let program =
        Path::new(&program).file_name().map_or_else(|| program.clone(), |name| name.to_string_lossy().into_owned());
    let mut command: String = std::iter::once(program).chain(words).collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = command.char_indices().nth(LONGEST_COMMAND) {
        command.truncate(cut);
        command.push('…');
    }
    format!("`{command}` (pid {})", std::process::id())
}
