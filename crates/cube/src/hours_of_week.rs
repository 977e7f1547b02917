//! A set of hours of the week.

use std::str::FromStr;

/// Hours of a week.
pub const HOURS: usize = 7 * 24;

/// A set of hours of the week, in the city's civil time: hour 0 is Monday from midnight to one, 167 the last of Sunday.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct HoursOfWeek {
    bits: [u64; 3],
}

impl HoursOfWeek {
    /// Whether an hour is in it.
    pub fn contains(&self, hour: u8) -> bool {
        usize::from(hour) < HOURS && self.bits[usize::from(hour) / 64] >> (hour % 64) & 1 == 1
    }

    /// One byte an hour: 1 where it is in the set.
    pub(crate) fn table(&self) -> [u8; 256] {
        std::array::from_fn(|hour| u8::from(self.contains(hour as u8)))
    }
}

/// Numbers above 167 are left out.
impl FromIterator<u8> for HoursOfWeek {
    fn from_iter<I: IntoIterator<Item = u8>>(hours: I) -> Self {
        let mut set = Self::default();
        for hour in hours.into_iter().filter(|hour| usize::from(*hour) < HOURS) {
            set.bits[usize::from(hour) / 64] |= 1 << (hour % 64);
        }
        set
    }
}

/// A text that names no set of hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("give hours of the week from 0 (Monday at midnight) to 167, and ranges of them, such as 20-23,44-47")]
pub struct NoHoursOfWeek;

/// Hours and ranges of them, both ends included, separated by commas.
impl FromStr for HoursOfWeek {
    type Err = NoHoursOfWeek;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hour =
            |text: &str| text.trim().parse().ok().filter(|hour: &u8| usize::from(*hour) < HOURS).ok_or(NoHoursOfWeek);
        let mut hours = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (hour(first)?, hour(last)?);
            if first > last {
                return Err(NoHoursOfWeek);
            }
            hours.extend(first..=last);
        }
        Ok(hours.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        let hours: HoursOfWeek = [0, 63, 64, 167, 168, 255].into_iter().collect();
        let held: Vec<u8> = (0..=255).filter(|hour| hours.contains(*hour)).collect();
        assert_eq!(held, [0, 63, 64, 167]);
        assert_eq!(hours.table().iter().map(|held| u32::from(*held)).sum::<u32>(), 4);
    }

    #[test]
    fn a_text_names_hours_and_ranges() {
        let check = |text: &str, expect: Result<&[u8], NoHoursOfWeek>| {
            assert_eq!(text.parse(), expect.map(|hours| hours.iter().copied().collect::<HoursOfWeek>()), "{text}");
        };
        check("0", Ok(&[0]));
        check("20-23, 167,22", Ok(&[20, 21, 22, 23, 167]));
        for text in ["", ",", "168", "-1", "3-", "5-4", "1-2-3", "monday", "1;2", "300"] {
            check(text, Err(NoHoursOfWeek));
        }
    }
}
