//! Ids for a portal's rows where the city has none: the profile's key columns and an ordinal in content order, as in a CSV
//! file. A portal's own row id is no identity: a data set that is published anew has other ones for the same rows.
//!
//! A *group* is the rows of one key that the portal has now. Whenever one of its rows is met, the whole group is said anew:
//! rows in the order of their content are `key-1`, `key-2`, …, and ordinals that the group no longer has are deleted. Before
//! that the portal is asked which of the group's other rows it still has, so that rows that were published anew replace
//! their former selves at once. The same group is said alike, however often and in whatever order its rows come.
//!
//! The rows of all groups are in memory, as JSON: some 400 bytes each.

use super::{known::is_gone, rows::Fields};

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

#[derive(Debug, Default)]
struct Group {
    /// By the portal's row id: month and JSON.
    rows: BTreeMap<String, (String, Box<[u8]>)>,
    /// The most rows that it ever had, as far as that is known.
    most: u32,
    /// A row that it had, for the last fields of those that are gone.
    last: Box<[u8]>,
}

/// The groups of all rows that are known.
#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: HashMap<String, Group>,
    /// The key of each row.
    keys: HashMap<String, String>,
}

/// A group as it is now.
pub(super) struct GroupRows {
    pub(super) key: String,
    /// In the order of their content.
    pub(super) rows: Vec<Fields>,
    /// Ordinals above those of the rows that may have been said before.
    pub(super) most: u32,
    /// Last fields for what is gone.
    pub(super) last: Fields,
}

impl Groups {
    /// Takes a row in; its month and its key (which may be empty).
    pub(super) fn enter(&mut self, id: &str, key: &str, month: &str, row: &Fields) {
        let before = self.keys.get(id).filter(|before| *before != key).cloned();
        if let Some(before) = before {
            self.leave_group(&before, id);
        }
        self.keys.insert(id.to_owned(), key.to_owned());
        let group = self.groups.entry(key.to_owned()).or_default();
        let bytes: Box<[u8]> = serde_json::to_vec(row).unwrap_or_default().into();
        if is_gone(row) {
            group.rows.remove(id);
            group.most += 1;
            group.last = bytes;
            return;
        }
        group.rows.insert(id.to_owned(), (month.to_owned(), bytes));
        group.most = group.most.max(group.rows.len() as u32);
    }

    fn leave_group(&mut self, key: &str, id: &str) {
        if let Some(group) = self.groups.get_mut(key)
            && let Some((_, bytes)) = group.rows.remove(id)
        {
            group.last = bytes;
        }
    }

    /// A row is gone: its key, month and last fields.
    pub(super) fn leave(&mut self, id: &str) -> Option<(String, String, Fields)> {
        let key = self.keys.remove(id)?;
        let month = self.groups.get(&key)?.rows.get(id)?.0.clone();
        self.leave_group(&key, id);
        let row = read(&self.groups.get(&key)?.last);
        Some((key, month, row))
    }

    /// The key of a row as it was known before.
    pub(super) fn key_of(&self, id: &str) -> Option<&String> {
        self.keys.get(id)
    }

    /// Rows of these keys other than `met`: the portal may have them no more.
    pub(super) fn others(&self, keys: &BTreeSet<String>, met: &HashSet<&str>) -> Vec<String> {
        let groups = keys.iter().filter(|key| !key.is_empty()).filter_map(|key| self.groups.get(key));
        groups.flat_map(|group| group.rows.keys()).filter(|id| !met.contains(id.as_str())).cloned().collect()
    }

    /// A group as it is now.
    pub(super) fn present(&self, key: &str) -> Option<GroupRows> {
        let group = self.groups.get(key)?;
        let mut rows: Vec<Fields> = group.rows.values().map(|(_, bytes)| read(bytes)).collect();
        rows.sort_by_cached_key(content_of);
        let last = if group.last.is_empty() { rows.last().cloned().unwrap_or_default() } else { read(&group.last) };
        Some(GroupRows { key: key.to_owned(), rows, most: group.most, last })
    }

    /// All keys.
    pub(super) fn all(&self) -> BTreeSet<String> {
        self.groups.keys().cloned().collect()
    }
}

fn read(bytes: &[u8]) -> Fields {
    serde_json::from_slice(bytes).unwrap_or_default()
}

/// What the city says of a row: the fields by name, without the portal's own.
fn content_of(row: &Fields) -> Vec<u8> {
    let fields: BTreeMap<&String, &Value> = row.iter().filter(|(name, _)| !name.starts_with(':')).collect();
    let mut content = Vec::new();
    for (name, value) in fields {
        content.push(0);
        content.extend_from_slice(name.as_bytes());
        content.push(1);
        content.extend_from_slice(value.to_string().as_bytes());
    }
    content
}
