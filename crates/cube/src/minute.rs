//! Moments as the cube keeps them: minutes since 1900.

use blotter_city::UtcMicros;

/// Minutes from 1900-01-01T00:00:00Z to 1970-01-01T00:00:00Z.
const EPOCH_MINUTES: i64 = 25_567 * 24 * 60;
const MINUTE_MICROS: i64 = 60_000_000;

/// Minutes since 1900 and the second in the minute.
pub(crate) fn minute_of(at: UtcMicros) -> (u32, u8) {
    let minute = at.0.div_euclid(MINUTE_MICROS) + EPOCH_MINUTES;
    let second = at.0.rem_euclid(MINUTE_MICROS) / 1_000_000;
    (minute.clamp(0, i64::from(u32::MAX)) as u32, second as u8)
}

/// The instant of a minute's beginning.
pub(crate) fn instant_of(minute: u32) -> UtcMicros {
    UtcMicros((i64::from(minute) - EPOCH_MINUTES) * MINUTE_MICROS)
}
