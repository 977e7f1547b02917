//! What a question's slices hold, as one number: a validator of answers.
//!
//! Each group (a civil month and a category) keeps the sum of one hash per incident, of its id and its winning revision. The
//! sum follows inserts, revisions and deletions in any order, so a cube that followed the log has the number of a fresh
//! load, and a replica has that of every other. A new incident of this month changes nothing of a question about 2020.

use crate::{
    cube::Cube,
    filter::{CompiledFilter, Filter, Reach},
};
use blotter_incident::Revision;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// What stands for one incident.
pub(crate) fn of_incident(id: &str, revision: &Revision) -> u64 {
    let mut bytes = [0; 25];
    if let Some(updated_at) = revision.updated_at {
        bytes[0] = 1;
        bytes[1..9].copy_from_slice(&updated_at.0.to_le_bytes());
    }
    bytes[9..17].copy_from_slice(&revision.observed_at.0.to_le_bytes());
    bytes[17..25].copy_from_slice(&revision.content_hash.to_le_bytes());
    xxh3_64_with_seed(id.as_bytes(), xxh3_64(&bytes))
}

impl Cube {
    /// A fingerprint of all incidents of the civil months and categories that a filter reaches; it looks at no row, and at
    /// nothing of the filter but period and categories. While it stays the same, so does every answer about these
    /// incidents.
    pub fn content(&self, filter: &Filter) -> u64 {
        let reached =
            Filter { from: filter.from, to: filter.to, categories: filter.categories.clone(), ..Filter::default() };
        let reached = CompiledFilter::new(self, &reached);
        let categories: Vec<u64> = self.categories.words().iter().map(|word| xxh3_64(word.as_bytes())).collect();
        self.groups
            .iter()
            .filter(|group| reached.reach(group) != Reach::None)
            .map(|group| {
                let mut bytes = [0; 28];
                bytes[..4].copy_from_slice(&group.month.to_le_bytes());
                bytes[4..12].copy_from_slice(&categories[usize::from(group.category)].to_le_bytes());
                bytes[12..20].copy_from_slice(&(group.len() as u64).to_le_bytes());
                bytes[20..].copy_from_slice(&group.content().to_le_bytes());
                xxh3_64(&bytes)
            })
            .fold(0, u64::wrapping_add)
    }
}
