//! Dropping the torn end of fjall's newest journal.
//!
//! fjall drops an end that is cut off or followed by zeros. A machine that loses power may also leave the last batch
//! with its end but with holes inside, because pages reach the disk in any order before they are synced; fjall then
//! refuses to open. Nothing in such a batch was acknowledged, so it is dropped here: the last batch, if its checksum
//! does not match and nothing follows it. Damage anywhere else is left alone and reported.
//!
//! Elsewhere fjall may take damage for the end and cut the file there, with everything behind it. So every journal is looked
//! through before fjall opens it: batches follow each other whole, in the order of their sequence numbers, and behind a batch
//! that is not whole nothing whole may come. A write is synced before the next one begins, so that a whole batch proves that
//! everything before it had reached the disk.
//!
//! When the log is closed, the journal is emptied once all of it is in the tables. It stays as a file: fjall takes the next
//! sequence number from the tables only where it finds a journal.
//!
//! The format is that of fjall 3, little-endian:
//!
//! ```text
//! batch    start, item or clear …, end
//! start    1, items u32, sequence number u64
//! item     2, value type u8, compression u8, keyspace u64, key length u16, value length u32, stored length u32, key, value
//! clear    4, keyspace u64
//! end      3, XXH3 of the items as stored u64, `FJL` 3
//! ```

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};
use xxhash_rust::xxh3::xxh3_64;

const TRAILER: &[u8] = &[b'F', b'J', b'L', 3];

/// Drops a torn last batch of the newest journal; whether there was one.
pub(super) fn drop_torn_end(store: &Path) -> io::Result<bool> {
    let Some(path) = newest(store)? else { return Ok(false) };
    let bytes = fs::read(&path)?;
    let Some(start) = torn_from(&bytes) else { return Ok(false) };
    tracing::warn!(journal = %path.display(), bytes = bytes.len() - start, "dropped a write that was torn and never acknowledged");
    let file = OpenOptions::new().write(true).open(&path)?;
    file.set_len(start as u64)?;
    file.sync_all()?;
    Ok(true)
}

/// The first journal that is damaged, and at which byte. The torn end of the newest is no damage.
pub(super) fn damage(store: &Path) -> io::Result<Option<(PathBuf, usize)>> {
    let mut journals = all(store)?;
    let newest = journals.pop();
    for (path, is_newest) in journals.into_iter().map(|path| (path, false)).chain(newest.map(|path| (path, true))) {
        if let Some(at) = damaged_at(&fs::read(&path)?, is_newest) {
            return Ok(Some((path, at)));
        }
    }
    Ok(None)
}

/// Bytes of the journals, without the zeros that are reserved behind them.
pub(super) fn bytes(store: &Path) -> io::Result<u64> {
    let allocated = |path: PathBuf| Ok(path.metadata()?.blocks() * 512);
    all(store)?.into_iter().map(allocated).sum()
}

/// Empties the only journal of a closed store whose tables have everything.
pub(super) fn empty(store: &Path) -> io::Result<()> {
    let [journal] = &all(store)?[..] else { return Ok(()) };
    let file = OpenOptions::new().write(true).open(journal)?;
    file.set_len(0)?;
    file.sync_all()
}

fn newest(store: &Path) -> io::Result<Option<PathBuf>> {
    Ok(all(store)?.pop())
}

/// The journals, oldest first.
fn all(store: &Path) -> io::Result<Vec<PathBuf>> {
    let mut journals = Vec::new();
    for entry in fs::read_dir(store)? {
        let path = entry?.path();
        let number = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".jnl")?.parse::<u64>().ok());
        journals.extend(number.map(|number| (number, path)));
    }
    journals.sort_unstable();
    Ok(journals.into_iter().map(|(_, path)| path).collect())
}

/// Where a journal stops making sense, if that is not its end.
fn damaged_at(journal: &[u8], is_newest: bool) -> Option<usize> {
    let mut start = 0;
    let mut last = None;
    while let Some(batch) = journal.get(start..).and_then(Batch::read).filter(|batch| batch.sound) {
        if last.is_some_and(|last| batch.sequence <= last) {
            return Some(start);
        }
        last = Some(batch.sequence);
        start += batch.length;
    }
    let rest = &journal[start..];
    let goes_on = if is_newest {
        let mut begins = rest.iter().enumerate().filter(|(_, byte)| **byte == 1);
        begins.any(|(at, _)| Batch::read(&rest[at..]).is_some_and(|batch| batch.sound))
    } else {
        rest.iter().any(|byte| *byte != 0)
    };
    goes_on.then_some(start)
}

/// Where the last batch begins, if it is whole but for its checksum.
fn torn_from(journal: &[u8]) -> Option<usize> {
    let mut start = 0;
    loop {
        let batch = Batch::read(journal.get(start..)?)?;
        if !batch.sound {
            let followed = journal.get(start + batch.length).is_some_and(|byte| *byte != 0);
            return (!followed).then_some(start);
        }
        start += batch.length;
    }
}

struct Batch {
    length: usize,
    sequence: u64,
    sound: bool,
}

impl Batch {
    fn read(bytes: &[u8]) -> Option<Self> {
        let [1, count @ ..] = bytes.first_chunk::<5>()? else { return None };
        let items_from = 1 + 4 + 8;
        let sequence = u64::from_le_bytes(*bytes.get(1 + 4..)?.first_chunk()?);
        let mut at = items_from;
        for _ in 0..u32::from_le_bytes(*count) {
            at += match bytes.get(at)? {
                2 => {
                    let key = u16::from_le_bytes(*bytes.get(at + 11..)?.first_chunk()?);
                    let value = u32::from_le_bytes(*bytes.get(at + 17..)?.first_chunk()?);
                    21 + usize::from(key) + value as usize
                }
                4 => 9,
                _ => return None,
            };
        }
        let [3, checksum @ ..] = bytes.get(at..)?.first_chunk::<9>()? else { return None };
        let trailer = bytes.get(at + 9..at + 9 + TRAILER.len())?;
        let sound = xxh3_64(&bytes[items_from..at]) == u64::from_le_bytes(*checksum);
        (trailer == TRAILER).then_some(Self { length: at + 9 + TRAILER.len(), sequence, sound })
    }
}
