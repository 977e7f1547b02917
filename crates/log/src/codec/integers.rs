//! Whole numbers in as few bytes as their range needs.
//!
//! ```text
//! u8   scale: an index into `SCALES`, by which every number was divided
//! u8   width: bytes per number, 0 to 8
//! i64  the smallest number, divided
//!      rows × width: the numbers divided, less the smallest
//! ```
//!
//! Times in microseconds that say only minutes take three bytes instead of eight, a constant column ten bytes in all.

use crate::codec::{DecodeError, cursor::Cursor};

/// One; milliseconds, seconds and minutes in microseconds.
const SCALES: [i64; 4] = [1, 1_000, 1_000_000, 60_000_000];

/// Writes the numbers.
pub(super) fn encode(mut numbers: Vec<i64>, out: &mut Vec<u8>) {
    let scale_index = divide::<60_000_000>(&mut numbers)
        .then_some(3)
        .or_else(|| divide::<1_000_000>(&mut numbers).then_some(2))
        .or_else(|| divide::<1_000>(&mut numbers).then_some(1))
        .unwrap_or(0);
    let least = numbers.iter().copied().min().unwrap_or(0);
    let greatest = numbers.iter().copied().max().unwrap_or(0);
    let range = greatest.wrapping_sub(least) as u64;
    let width = (u64::BITS - range.leading_zeros()).div_ceil(8);
    out.push(scale_index);
    out.push(width as u8);
    out.extend_from_slice(&least.to_le_bytes());
    match width {
        0 => {}
        1 => pack::<1>(&numbers, least, out),
        2 => pack::<2>(&numbers, least, out),
        3 => pack::<3>(&numbers, least, out),
        4 => pack::<4>(&numbers, least, out),
        5 => pack::<5>(&numbers, least, out),
        6 => pack::<6>(&numbers, least, out),
        7 => pack::<7>(&numbers, least, out),
        _ => pack::<8>(&numbers, least, out),
    }
}

/// Divides all numbers if that loses nothing; whether it did. A divisor known to the compiler is ten times faster.
fn divide<const SCALE: i64>(numbers: &mut [i64]) -> bool {
    // Small numbers are keys and lengths, and dividing them saves nothing.
    let divides = numbers.iter().any(|number| number.unsigned_abs() >= 1 << 16)
        && numbers.iter().all(|number| number % SCALE == 0);
    if divides {
        for number in numbers {
            *number /= SCALE;
        }
    }
    divides
}

fn pack<const WIDTH: usize>(numbers: &[i64], least: i64, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + numbers.len() * WIDTH, 0);
    let (slots, _) = out[start..].as_chunks_mut::<WIDTH>();
    for (slot, number) in slots.iter_mut().zip(numbers) {
        slot.copy_from_slice(&number.wrapping_sub(least).to_le_bytes()[..WIDTH]);
    }
}

/// Reads `rows` numbers.
pub(super) fn decode(rows: usize, cursor: &mut Cursor<'_>) -> Result<Vec<i64>, DecodeError> {
    let scale_index = cursor.u8()?;
    let scale = *SCALES.get(usize::from(scale_index)).ok_or_else(|| format!("numbers have no scale {scale_index}"))?;
    let width = usize::from(cursor.u8()?);
    let least = cursor.u64()? as i64;
    if width > 8 {
        return Err(format!("numbers are not {width} bytes wide"));
    }
    let bytes = cursor.take(rows * width)?;
    let number = |offset: u64| least.wrapping_add(offset as i64).wrapping_mul(scale);
    Ok(match width {
        0 => vec![number(0); rows],
        1 => unpack::<1>(bytes, number),
        2 => unpack::<2>(bytes, number),
        3 => unpack::<3>(bytes, number),
        4 => unpack::<4>(bytes, number),
        5 => unpack::<5>(bytes, number),
        6 => unpack::<6>(bytes, number),
        7 => unpack::<7>(bytes, number),
        _ => unpack::<8>(bytes, number),
    })
}

fn unpack<const WIDTH: usize>(bytes: &[u8], number: impl Fn(u64) -> i64) -> Vec<i64> {
    let (slots, _) = bytes.as_chunks::<WIDTH>();
    let widen = |slot: &[u8; WIDTH]| {
        let mut wide = [0; 8];
        wide[..WIDTH].copy_from_slice(slot);
        number(u64::from_le_bytes(wide))
    };
    slots.iter().map(widen).collect()
}
