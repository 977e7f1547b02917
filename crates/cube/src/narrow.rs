//! A column of small numbers in as few bytes as its greatest needs: 1, 2 or 4. It widens itself.

/// Numbers of one width.
#[derive(Clone, Debug)]
pub(crate) enum Narrow {
    One(Vec<u8>),
    Two(Vec<u16>),
    Four(Vec<u32>),
}

impl Default for Narrow {
    fn default() -> Self {
        Self::One(Vec::new())
    }
}

/// Goes on with the values in their own width.
macro_rules! with_values {
    ($column:expr, $values:ident => $body:expr) => {
        match $column {
            $crate::narrow::Narrow::One($values) => $body,
            $crate::narrow::Narrow::Two($values) => $body,
            $crate::narrow::Narrow::Four($values) => $body,
        }
    };
}
pub(crate) use with_values;

impl Narrow {
    pub(crate) fn value(&self, at: usize) -> u32 {
        match self {
            Self::One(values) => u32::from(values[at]),
            Self::Two(values) => u32::from(values[at]),
            Self::Four(values) => values[at],
        }
    }

    pub(crate) fn push(&mut self, value: u32) {
        self.fit(value);
        match self {
            Self::One(values) => push(values, value as u8),
            Self::Two(values) => push(values, value as u16),
            Self::Four(values) => push(values, value),
        }
    }

    pub(crate) fn set(&mut self, at: usize, value: u32) {
        self.fit(value);
        match self {
            Self::One(values) => values[at] = value as u8,
            Self::Two(values) => values[at] = value as u16,
            Self::Four(values) => values[at] = value,
        }
    }

    pub(crate) fn swap_remove(&mut self, at: usize) {
        with_values!(self, values => {
            values.swap_remove(at);
        });
    }

    /// Bytes that it occupies, room to grow included.
    pub(crate) fn bytes(&self) -> usize {
        with_values!(self, values => bytes(values))
    }

    fn fit(&mut self, value: u32) {
        if value > u32::from(u8::MAX)
            && let Self::One(values) = self
        {
            *self = Self::Two(values.iter().map(|value| u16::from(*value)).collect());
        }
        if value > u32::from(u16::MAX)
            && let Self::Two(values) = self
        {
            *self = Self::Four(values.iter().map(|value| u32::from(*value)).collect());
        }
    }
}

/// Appends, growing by an eighth and not by doubling: memory is bounded by what is in it.
pub(crate) fn push<T>(values: &mut Vec<T>, value: T) {
    if values.len() == values.capacity() {
        values.reserve_exact(values.len() / 8 + 4);
    }
    values.push(value);
}

/// Bytes that a vector occupies.
pub(crate) fn bytes<T>(values: &Vec<T>) -> usize {
    values.capacity() * size_of::<T>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widens_when_it_must_and_keeps_what_it_holds() {
        let mut column = Narrow::default();
        let mut expect = Vec::new();
        for (value, width) in [(0, 1), (255, 1), (256, 2), (65_535, 2), (65_536, 4), (u32::MAX, 4)] {
            column.push(value);
            expect.push(value);
            assert_eq!((0..expect.len()).map(|at| column.value(at)).collect::<Vec<_>>(), expect);
            assert_eq!(column.bytes() % width, 0);
            assert!(matches!((&column, width), (Narrow::One(_), 1) | (Narrow::Two(_), 2) | (Narrow::Four(_), 4)));
        }
        column.swap_remove(1);
        assert_eq!(column.value(1), u32::MAX);
        let mut small = Narrow::default();
        small.push(1);
        small.set(0, 300);
        assert_eq!(small.value(0), 300);
    }

    #[test]
    fn grows_by_an_eighth() {
        let mut column = Narrow::default();
        (0..100_000).for_each(|_| column.push(7));
        assert!(column.bytes() < 112_600, "{}", column.bytes());
    }
}
