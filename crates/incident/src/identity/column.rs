//! An append-only column in chunks: growing it moves nothing, and wastes one chunk at most.

const CHUNK: usize = 1 << 16;

/// A value for each row, in chunks.
#[derive(Debug)]
pub struct Column<T> {
    chunks: Vec<Vec<T>>,
}

impl<T> Default for Column<T> {
    fn default() -> Self {
        Self { chunks: Vec::new() }
    }
}

impl<T: Copy> Column<T> {
    /// Adds a row.
    pub fn push(&mut self, value: T) {
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(value),
            // The first chunk grows by doubling (most partitions of a test are small), later ones at once.
            last => {
                let mut chunk = if last.is_some() { Vec::with_capacity(CHUNK) } else { Vec::new() };
                chunk.push(value);
                self.chunks.push(chunk);
            }
        }
    }

    /// The value of a row that was pushed.
    pub fn value(&self, row: u32) -> T {
        self.chunks[row as usize / CHUNK][row as usize % CHUNK]
    }

    /// Replaces the value of a row that was pushed.
    pub fn set(&mut self, row: u32, value: T) {
        self.chunks[row as usize / CHUNK][row as usize % CHUNK] = value;
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len())
    }

    /// Bytes that it occupies, room to grow included.
    pub fn bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.capacity() * size_of::<T>()).sum()
    }

    /// Whether nothing was pushed.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_past_a_chunk() {
        let mut column = Column::default();
        assert!(column.is_empty());
        let many = CHUNK as u32 * 2 + 10;
        (0..many).for_each(|value| column.push(value));
        column.set(CHUNK as u32, 7);
        assert_eq!(column.len(), many as usize);
        assert_eq!([0, CHUNK as u32, many - 1].map(|row| column.value(row)), [0, 7, many - 1]);
    }
}
