//! Sorting more than memory holds: sorted runs on disk, merged.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, Write},
};

/// What an entry costs beside its bytes.
const OVERHEAD: usize = 64;

/// Sorts pairs of bytes by the first.
pub(super) struct Sorter {
    entries: Vec<Pair>,
    bytes: usize,
    most_bytes: usize,
    runs: Vec<File>,
}

impl Sorter {
    /// Keeps about so many bytes in memory.
    pub(super) fn new(most_bytes: usize) -> Self {
        Self { entries: Vec::new(), bytes: 0, most_bytes, runs: Vec::new() }
    }

    pub(super) fn push(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        self.bytes += key.len() + value.len() + OVERHEAD;
        self.entries.push((key.into(), value.into()));
        if self.bytes > self.most_bytes { self.write_run() } else { Ok(()) }
    }

    fn write_run(&mut self) -> io::Result<()> {
        self.entries.sort_unstable();
        let mut out = BufWriter::new(tempfile::tempfile()?);
        for (key, value) in self.entries.drain(..) {
            for part in [key, value] {
                out.write_all(&(part.len() as u32).to_le_bytes())?;
                out.write_all(&part)?;
            }
        }
        self.bytes = 0;
        let mut run = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        run.rewind()?;
        self.runs.push(run);
        Ok(())
    }

    /// All pairs, sorted.
    pub(super) fn sorted(mut self) -> io::Result<SortedPairs> {
        if self.runs.is_empty() {
            self.entries.sort_unstable();
            return Ok(SortedPairs { memory: self.entries.into_iter(), runs: Vec::new(), heads: BinaryHeap::new() });
        }
        self.write_run()?;
        let mut runs: Vec<BufReader<File>> = self.runs.into_iter().map(BufReader::new).collect();
        let mut heads = BinaryHeap::new();
        for (number, run) in runs.iter_mut().enumerate() {
            heads.extend(read_pair(run)?.map(|(key, value)| Reverse((key, value, number))));
        }
        Ok(SortedPairs { memory: Vec::new().into_iter(), runs, heads })
    }
}

type Pair = (Box<[u8]>, Box<[u8]>);

/// A pair and the number of its run.
type Head = (Box<[u8]>, Box<[u8]>, usize);

/// Sorted pairs.
pub(super) struct SortedPairs {
    memory: std::vec::IntoIter<Pair>,
    runs: Vec<BufReader<File>>,
    heads: BinaryHeap<Reverse<Head>>,
}

impl SortedPairs {
    /// The next pair; none at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Pair>> {
        if let Some(pair) = self.memory.next() {
            return Ok(Some(pair));
        }
        let Some(Reverse((key, value, number))) = self.heads.pop() else { return Ok(None) };
        if let Some((key, value)) = read_pair(&mut self.runs[number])? {
            self.heads.push(Reverse((key, value, number)));
        }
        Ok(Some((key, value)))
    }
}

fn read_pair(run: &mut impl Read) -> io::Result<Option<Pair>> {
    let mut length = [0; 4];
    match run.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut part = |length: u32| -> io::Result<Box<[u8]>> {
        let mut bytes = vec![0; length as usize].into_boxed_slice();
        run.read_exact(&mut bytes)?;
        Ok(bytes)
    };
    let key = part(u32::from_le_bytes(length))?;
    let value_length = part(4)?;
    let value = part(u32::from_le_bytes([value_length[0], value_length[1], value_length[2], value_length[3]]))?;
    Ok(Some((key, value)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn runs_on_disk_are_sorted_as_memory_is(
            pairs in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..6), any::<u8>()), 0..200),
            most_bytes in 1_usize..4000,
        ) {
            let mut sorter = Sorter::new(most_bytes);
            for (key, value) in &pairs {
                sorter.push(key, &[*value]).unwrap();
            }
            let mut sorted = sorter.sorted().unwrap();
            let mut found = Vec::new();
            while let Some((key, value)) = sorted.next().unwrap() {
                found.push((key.to_vec(), value[0]));
            }
            let mut expect = pairs;
            expect.sort();
            prop_assert_eq!(found, expect);
        }
    }
}
