//! Values in four bytes: those of the usual kind are their own code, others are numbered in a list.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::{BuildHasher, Hash};

/// Marks the number of a listed value; what is its own code stays below.
const LISTED: u32 = 1 << 31;
const SECOND: i64 = 1_000_000;

/// Distinct values, numbered in the order in which they came.
#[derive(Debug)]
struct List<T> {
    values: Vec<T>,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { values: Vec::new(), table: HashTable::new(), hasher: DefaultHashBuilder::default() }
    }
}

impl<T> List<T> {
    fn number<Q: ?Sized + Hash + Eq>(&mut self, value: &Q, own: impl FnOnce(&Q) -> T) -> u32
    where
        T: std::borrow::Borrow<Q>,
    {
        let hash = self.hasher.hash_one(value);
        if let Some(number) = self.table.find(hash, |number| self.values[*number as usize].borrow() == value) {
            return *number;
        }
        let number = self.values.len() as u32;
        self.values.push(own(value));
        let (values, hasher) = (&self.values, &self.hasher);
        self.table.insert_unique(hash, number, |number| hasher.hash_one(values[*number as usize].borrow()));
        number
    }
}

impl<T> List<T> {
    /// Bytes that it occupies, without what its values own.
    fn bytes(&self) -> usize {
        let buckets = self.table.capacity() * 8 / 7;
        self.values.capacity() * size_of::<T>() + buckets * (size_of::<u32>() + 1)
    }
}

/// Codes of ids. Decimal ones below two billion (all of Chicago's) are their own.
#[derive(Debug, Default)]
pub(super) struct Ids {
    list: List<Box<str>>,
}

impl Ids {
    pub(super) fn code(&mut self, id: &str) -> u32 {
        decimal(id).unwrap_or_else(|| LISTED | self.list.number(id, |id: &str| id.into()))
    }

    pub(super) fn bytes(&self) -> usize {
        self.list.bytes() + self.list.values.iter().map(|id| id.len()).sum::<usize>()
    }

    pub(super) fn id(&self, code: u32) -> String {
        if code < LISTED { code.to_string() } else { self.list.values[(code - LISTED) as usize].to_string() }
    }
}

/// The number that an id is, where its digits and the number say the same (no sign, no leading zero).
fn decimal(id: &str) -> Option<u32> {
    let bytes = id.as_bytes();
    if bytes.is_empty() || bytes.len() > 10 || (bytes[0] == b'0' && bytes.len() > 1) {
        return None;
    }
    let number = bytes.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit <= 9).then(|| number * 10 + u64::from(digit))
    })?;
    u32::try_from(number).ok().filter(|number| *number < LISTED)
}

/// Codes of microseconds. Whole seconds from 1970 to 2038 are their own; others, and no time at all, are listed.
#[derive(Debug, Default)]
pub(super) struct Moments {
    list: List<i64>,
    last: Option<(i64, u32)>,
}

impl Moments {
    pub(super) fn code(&mut self, micros: i64) -> u32 {
        if let Some((last, code)) = self.last
            && last == micros
        {
            return code;
        }
        let second = micros.div_euclid(SECOND);
        let code = match u32::try_from(second) {
            Ok(own) if own < LISTED && second * SECOND == micros => own,
            _ => LISTED | self.list.number(&micros, |micros| *micros),
        };
        self.last = Some((micros, code));
        code
    }

    pub(super) fn bytes(&self) -> usize {
        self.list.bytes()
    }

    pub(super) fn micros(&self, code: u32) -> i64 {
        if code < LISTED { i64::from(code) * SECOND } else { self.list.values[(code - LISTED) as usize] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_as_they_were() {
        let ids = [
            "7",
            "07",
            "007",
            "0",
            "00",
            "7-1",
            "+7",
            "",
            "2147483647",
            "2147483648",
            "4294967296",
            "99999999999",
            "123456789012345678",
            "1234567890123456789",
            "٧",
        ];
        let mut codes = Ids::default();
        let given: Vec<u32> = ids.iter().map(|id| codes.code(id)).collect();
        for (id, code) in ids.iter().zip(&given) {
            assert_eq!((codes.id(*code), codes.code(id)), ((*id).to_owned(), *code));
        }
        let distinct: std::collections::BTreeSet<_> = given.iter().collect();
        assert_eq!(distinct.len(), ids.len());
    }

    #[test]
    fn moments_come_back_as_they_were() {
        let last = (i64::from(LISTED) - 1) * SECOND;
        let moments =
            [0, 1, SECOND, -1, -SECOND, i64::MIN, i64::MAX, last, last + 1, last + SECOND, 1_500_000_000_123_456];
        let mut codes = Moments::default();
        let given: Vec<u32> = moments.iter().map(|at| codes.code(*at)).collect();
        for (at, code) in moments.iter().zip(&given) {
            assert_eq!((codes.micros(*code), codes.code(*at)), (*at, *code));
        }
    }
}
