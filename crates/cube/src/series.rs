//! Incidents by time.

use crate::{
    calendar::{Bucket, bucket_of_day, first_day},
    cube::{Cube, instant_of},
    filter::{Compiled, Filter},
    scan,
};

/// What the lines of a series are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// One line.
    None,
    /// One a category.
    Category,
    /// One an area of a layer, by its position in the profile.
    Layer(usize),
}

/// Counts over time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    /// The beginning of each bucket: a civil date, or for hours the moment with the city's offset.
    pub buckets: Vec<String>,
    /// The greatest first.
    pub lines: Vec<SeriesLine>,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesLine {
    /// Category or code; empty where an incident has none, or where there is one line.
    pub key: String,
    /// One a bucket.
    pub counts: Vec<u32>,
}

/// An answer of too many numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{numbers} numbers are more than the {most} that one answer holds: choose a longer bucket or a shorter period")]
pub struct TooLarge {
    /// That it would have.
    pub numbers: usize,
    /// That it may have.
    pub most: usize,
}

impl Cube {
    /// Selected incidents by line and bucket, the buckets contiguous from the first to the last that has any.
    pub fn series(&self, filter: &Filter, by: By, bucket: Bucket, most: usize) -> Result<Series, TooLarge> {
        let compiled = Compiled::new(self, filter);
        let range = scan::fold(
            self,
            &compiled,
            || (u32::MAX, 0),
            |range, block, selected| {
                for (selected, minute) in selected.iter().zip(&block.minute) {
                    // Neither bound moves where the row is not selected.
                    let off = u32::from(*selected).wrapping_sub(1);
                    range.0 = range.0.min(*minute | off);
                    range.1 = range.1.max(*minute & !off);
                }
            },
            |one, other| (one.0.min(other.0), one.1.max(other.1)),
        );
        if range.0 > range.1 {
            return Ok(Series::default());
        }
        let number_of = |minute: u32| match bucket {
            Bucket::Hour => (minute / 60) as i32,
            _ => bucket_of_day(self.calendar.day(minute), bucket),
        };
        let (first, last) = (number_of(range.0), number_of(range.1));
        let width = (last - first + 1) as usize;
        let words: &[String] = match by {
            By::None => &[],
            By::Category => self.categories.words(),
            By::Layer(layer) => self.areas[layer].words(),
        };
        let lines = words.len().max(1);
        // Bounds memory; the lines that turn out to be empty are left out below.
        if width.saturating_mul(lines) > most.saturating_mul(8) {
            return Err(TooLarge { numbers: width.saturating_mul(lines), most });
        }
        // Days to buckets: a table, as the same days come again and again.
        let first_of_all = self.calendar.day(range.0).min(self.calendar.day(range.1));
        let days = self.calendar.day(range.1) - first_of_all + 1;
        let of_day: Vec<u32> =
            (0..days).map(|day| (bucket_of_day(first_of_all + day, bucket) - first) as u32).collect();
        let counts = scan::fold(
            self,
            &compiled,
            || vec![0_u32; width * lines],
            |counts, block, selected| {
                let codes = match by {
                    By::None => None,
                    By::Category => Some(&block.category),
                    By::Layer(layer) => Some(&block.areas[layer]),
                };
                for (row, selected) in selected.iter().enumerate() {
                    if *selected == 0 {
                        continue;
                    }
                    let minute = block.minute[row];
                    let at = match bucket {
                        Bucket::Hour => (minute / 60) as usize - first as usize,
                        _ => of_day[(self.calendar.day(minute) - first_of_all) as usize] as usize,
                    };
                    let line = codes.map_or(0, |codes| usize::from(codes[row]));
                    counts[line * width + at] += 1;
                }
            },
            |mut one, other| {
                for (one, other) in one.iter_mut().zip(other) {
                    *one += other;
                }
                one
            },
        );
        let mut answer: Vec<(u64, SeriesLine)> = counts
            .chunks(width)
            .enumerate()
            .map(|(line, counts)| {
                let total = counts.iter().map(|count| u64::from(*count)).sum();
                (total, SeriesLine { key: words.get(line).cloned().unwrap_or_default(), counts: counts.to_vec() })
            })
            .filter(|(total, _)| *total > 0)
            .collect();
        if answer.len() * width > most {
            return Err(TooLarge { numbers: answer.len() * width, most });
        }
        answer.sort_by(|(a_total, a), (b_total, b)| b_total.cmp(a_total).then_with(|| a.key.cmp(&b.key)));
        let name = |number: i32| match bucket {
            Bucket::Hour => self.clock().format(instant_of(number as u32 * 60)),
            _ => first_day(number, bucket),
        };
        Ok(Series {
            buckets: (first..=last).map(name).collect(),
            lines: answer.into_iter().map(|(_, line)| line).collect(),
        })
    }
}
