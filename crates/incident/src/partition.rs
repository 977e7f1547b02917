//! Which partition of the log an incident belongs to: the `murmur2_random` partitioner that Kafka's
//! Java client and librdkafka share, so that all revisions of one incident stay in order.

use crate::IncidentBatch;
use arrow::array::RecordBatch;

/// Kafka's murmur2 (seed `0x9747b28c`), as in its Java client.
pub fn murmur2(key: &[u8]) -> u32 {
    const MULTIPLIER: u32 = 0x5bd1_e995;
    let mut hash: u32 = 0x9747_b28c ^ key.len() as u32;
    let (words, tail) = key.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(MULTIPLIER);
        k ^= k >> 24;
        hash = hash.wrapping_mul(MULTIPLIER) ^ k.wrapping_mul(MULTIPLIER);
    }
    if !tail.is_empty() {
        for (index, byte) in tail.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * index);
        }
        hash = hash.wrapping_mul(MULTIPLIER);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MULTIPLIER);
    hash ^ (hash >> 15)
}

/// The partition of `key` among `partitions`.
pub fn partition_of(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) & 0x7fff_ffff) % partitions
}

/// The rows of a batch whose incidents belong in another partition. No producer of Blotter's puts them there; who counts them counts
/// an incident twice.
pub fn misplaced_rows(batch: &IncidentBatch<'_>, city: &str, partition: u32, partitions: u32) -> Vec<usize> {
    let mut key = Vec::with_capacity(64);
    key.extend_from_slice(city.as_bytes());
    key.push(b'/');
    let prefix = key.len();
    (0..batch.len)
        .filter(|row| {
            key.truncate(prefix);
            key.extend_from_slice(batch.id.value(*row).as_bytes());
            partition_of(&key, partitions) != partition
        })
        .collect()
}

/// The stretches of a batch between these rows: first row and records.
pub fn stretches_between(batch: &RecordBatch, rows: &[usize]) -> Vec<(usize, RecordBatch)> {
    let mut start = 0;
    let mut stretches = Vec::with_capacity(rows.len() + 1);
    for end in rows.iter().copied().chain([batch.num_rows()]) {
        if end > start {
            stretches.push((start, batch.slice(start, end - start)));
        }
        start = end + 1;
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of Kafka's own `UtilsTest.testMurmur2` (as signed numbers there).
    #[test]
    fn murmur2_agrees_with_kafka() {
        let check = |key: &str, expect: i32| assert_eq!(murmur2(key.as_bytes()) as i32, expect, "{key}");
        check("21", -973_932_308);
        check("foobar", -790_332_482);
        check("a-little-bit-long-string", -985_981_536);
        check("a-little-bit-longer-string", -1_486_304_829);
        check("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971);
        check("abc", 479_470_107);
    }
}
