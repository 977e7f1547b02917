//! The extension of a batch that was made from several: when its rows were appended, and the offsets that it skips.
//!
//! ```text
//! offset  bytes
//!     32      4  length of what follows
//!     36      8  offsets before the first row that hold nothing any more
//!     44         for each stretch of rows that were appended together: how many rows, and how many milliseconds after
//!                the stretch before (after the newest, for the first), both as LEB128, the second zigzag
//! ```

use super::{DecodeError, HEADER, Header, cursor::Cursor};
use crate::AppendedRows;

const LENGTH: usize = 4;
const SKIPPED: usize = 8;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PackedExtension {
    /// Offsets before the first row that hold nothing any more.
    pub(crate) skipped: u64,
    /// When the newest row was appended.
    pub(crate) newest_ms: i64,
    /// Stretches of rows in order; empty where all were appended at `newest_ms`.
    pub(crate) appended: Vec<AppendedRows>,
}

impl PackedExtension {
    pub(crate) const fn appended_at(newest_ms: i64) -> Self {
        Self { skipped: 0, newest_ms, appended: Vec::new() }
    }

    pub(super) fn is_plain(&self) -> bool {
        self.skipped == 0 && self.appended.is_empty()
    }

    /// Appends the extension to a header.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        let from = bytes.len();
        bytes.extend([0; LENGTH]);
        bytes.extend(self.skipped.to_le_bytes());
        let mut before = self.newest_ms;
        for AppendedRows { rows, at_ms } in &self.appended {
            number(u64::from(*rows), bytes);
            let difference = at_ms.wrapping_sub(before);
            number(((difference << 1) ^ (difference >> 63)) as u64, bytes);
            before = *at_ms;
        }
        let length = (bytes.len() - from - LENGTH) as u32;
        bytes[from..from + LENGTH].copy_from_slice(&length.to_le_bytes());
    }

    pub(super) fn read(bytes: &[u8], header: &Header) -> Result<Self, DecodeError> {
        let mut cursor = Cursor::new(&bytes[HEADER + LENGTH + SKIPPED..header.body_from]);
        let mut appended = Vec::new();
        let (mut rows, mut before) = (0_u64, header.appended_at_ms);
        while !cursor.is_empty() {
            let count = read_number(&mut cursor)?;
            let zigzag = read_number(&mut cursor)?;
            before = before.wrapping_add((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64));
            rows = rows.saturating_add(count);
            let count = u32::try_from(count).map_err(|_| "a stretch of rows is too long".to_owned())?;
            appended.push(AppendedRows { rows: count, at_ms: before });
        }
        if appended.is_empty() || rows == u64::from(header.rows) {
            Ok(Self { skipped: header.skipped, newest_ms: header.appended_at_ms, appended })
        } else {
            Err(format!("its stretches have {rows} rows, not {}", header.rows))
        }
    }
}

/// The offsets that the extension skips, and where it ends.
pub(super) fn skipped_and_end(bytes: &[u8]) -> Result<(u64, usize), DecodeError> {
    let mut cursor = Cursor::new(bytes.get(HEADER..).ok_or("it ends early")?);
    let length = cursor.u32()? as usize;
    let skipped = cursor.u64()?;
    let end = HEADER + LENGTH + length;
    if length < SKIPPED || end > bytes.len() {
        return Err("its extension has an impossible length".to_owned());
    }
    Ok((skipped, end))
}

fn number(mut number: u64, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn read_number(cursor: &mut Cursor<'_>) -> Result<u64, DecodeError> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = cursor.u8()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err("a number in its extension does not end".to_owned())
}
