//! Incidents by time.

use crate::{
    buckets::{Buckets, GroupBuckets},
    calendar::Bucket,
    cube::Cube,
    filter::{CompiledFilter, Filter},
    group::Group,
    narrow::with_values,
    scan::{self, Reads, Rows},
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
pub struct CountsOverTime {
    /// The beginning of each bucket: a civil date, or for hours the moment with the city's offset.
    pub buckets: Vec<String>,
    /// The greatest first.
    pub lines: Vec<CountedLine>,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedLine {
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

/// Counts of lines of a width, named by words, as lines: the greatest first, none that is empty.
pub(crate) fn sorted_lines(words: &[String], counts: &[u32], width: usize) -> Vec<CountedLine> {
    let mut lines: Vec<(u64, CountedLine)> = counts
        .chunks(width)
        .enumerate()
        .map(|(line, counts)| (line, counts.iter().map(|count| u64::from(*count)).sum(), counts))
        .filter(|(_, total, _)| *total > 0)
        .map(|(line, total, counts)| {
            (total, CountedLine { key: words.get(line).cloned().unwrap_or_default(), counts: counts.to_vec() })
        })
        .collect();
    lines.sort_by(|(a_total, a), (b_total, b)| b_total.cmp(a_total).then_with(|| a.key.cmp(&b.key)));
    lines.into_iter().map(|(_, line)| line).collect()
}

impl Cube {
    /// The words that name the lines; none where there is one line without a name.
    pub(crate) fn words_of(&self, by: By) -> &[String] {
        match by {
            By::None => &[],
            By::Category => self.categories.words(),
            By::Layer(layer) => self.areas[layer].words(),
        }
    }

    /// Selected incidents by line and bucket, the buckets contiguous from the first to the last that has any. Without
    /// a period they are those of [`Cube::period`].
    pub fn series(&self, filter: &Filter, by: By, bucket: Bucket, most: usize) -> Result<CountsOverTime, TooLarge> {
        let compiled = CompiledFilter::new(self, &self.on_axis(filter));
        let Some(buckets) = Buckets::new(self, &compiled, bucket) else { return Ok(CountsOverTime::default()) };
        let width = buckets.len();
        let words = self.words_of(by);
        let numbers = width.saturating_mul(words.len().max(1));
        // Bounds memory; the lines that turn out to be empty are left out below.
        if numbers > most.saturating_mul(8) {
            return Err(TooLarge { numbers, most });
        }
        let is_long = matches!(bucket, Bucket::Month | Bucket::Year);
        let reads = if is_long && !matches!(by, By::Layer(_)) { Reads::Lengths } else { Reads::Rows };
        let counts = scan::fold(
            self,
            &compiled,
            reads,
            || vec![0_u32; numbers],
            |counts, group, rows| tally(group, by, &buckets.of(group), rows, width, counts),
            scan::add,
        );
        let lines = sorted_lines(words, &counts, width);
        if lines.len() * width > most {
            return Err(TooLarge { numbers: lines.len() * width, most });
        }
        Ok(CountsOverTime { buckets: buckets.names(), lines })
    }
}

/// Selected rows of a group by line and bucket.
fn tally(group: &Group, by: By, buckets: &GroupBuckets<'_>, rows: Rows<'_>, width: usize, counts: &mut [u32]) {
    let layer = match by {
        By::Layer(layer) => Some(&group.areas[layer]),
        By::None | By::Category => None,
    };
    let line = if by == By::Category { usize::from(group.category) } else { 0 };
    match (layer, buckets) {
        (None, GroupBuckets::One(at)) => counts[line * width + at] += rows.count(group.len()),
        (None, buckets) => buckets.count_at(group, rows, &mut counts[line * width..][..width], |_, bucket| bucket),
        (Some(codes), buckets) => with_values!(codes, codes => {
            let codes = &codes[..group.len()];
            buckets.count_at(group, rows, counts, |slot, bucket| codes[slot] as usize * width + bucket);
        }),
    }
}
