//! Whether a portal still has the fields that the profile names.
//!
//! A row leaves out the fields that it has no value for, so that one row says little. What says much is a field that was
//! never there before: a portal that renames `primary_type` sends rows with the new name and without the old. A field of
//! the profile that none of those rows has, and that rows had before, is *lacking* until a later row has it again. A field
//! that no row ever had is lacking once all rows were seen.

use super::{client::Fields, rows::UPDATED_AT};
use crate::{Notice, NoticeKind};
use blotter_incident::{Profile, same_column};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Since when a field is lacking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lacking {
    /// The field's name as rows had it.
    pub(super) name: String,
    /// The greatest `:updated_at` of the rows that lacked it.
    pub(super) updated_at: String,
    /// Names that were new in those rows: one of them may be the new name.
    pub(super) new: Vec<String>,
}

/// What a page says of the schema: brings `lacking` up to date, by field of the profile.
pub(super) fn look(profile: &Profile, before: &[String], page: &[&Fields], lacking: &mut BTreeMap<String, Lacking>) {
    let text =
        |row: &Fields, field: &str| row.get(field).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    // A row that came later than those that lacked the field has it again.
    lacking.retain(|_, lack| {
        !page.iter().any(|row| row.contains_key(&lack.name) && text(row, UPDATED_AT) > lack.updated_at)
    });
    if before.is_empty() {
        return;
    }
    let is_new = |name: &String| !name.starts_with(':') && !before.contains(name);
    let changed: Vec<&&Fields> = page.iter().filter(|row| row.keys().any(is_new)).collect();
    if changed.is_empty() {
        return;
    }
    let new: BTreeSet<String> =
        changed.iter().flat_map(|row| row.keys()).filter(|name| is_new(name)).cloned().collect();
    let updated_at = changed.iter().map(|row| text(row, UPDATED_AT)).max().unwrap_or_default();
    for (field, wanted) in profile.named_columns() {
        let known = before.iter().find(|name| wanted.iter().any(|wanted| same_column(name, wanted)));
        let has = |row: &Fields| row.keys().any(|name| wanted.iter().any(|wanted| same_column(name, wanted)));
        if let Some(name) = known
            && !changed.iter().any(|row| has(row))
        {
            let new = new.iter().cloned().collect();
            lacking.insert(field, Lacking { name: name.clone(), updated_at: updated_at.clone(), new });
        }
    }
}

/// Why a source must stop, where rows lack a field without which an incident cannot be told.
pub(super) fn essential(lacking: &BTreeMap<String, Lacking>) -> Option<String> {
    let gone: Vec<String> = (lacking.iter())
        .filter(|(field, _)| matches!(field.as_str(), "id" | "key" | "occurred_at" | "category"))
        .map(|(field, lack)| format!("`{}` ({field})", lack.name))
        .collect();
    if gone.is_empty() {
        return None;
    }
    let others: Vec<String> = (lacking.iter())
        .filter(|(field, _)| !matches!(field.as_str(), "id" | "key" | "occurred_at" | "category"))
        .map(|(field, lack)| format!("`{}` ({field})", lack.name))
        .collect();
    let also = if others.is_empty() { String::new() } else { format!(", nor {}", others.join(", ")) };
    let new = lacking.values().next().map(|lack| lack.new.join(", ")).unwrap_or_default();
    Some(format!(
        "new rows no longer have {}{also}; they have new fields: {new}. No new row is loaded until the city's profile names \
         the new field",
        gone.join(", ")
    ))
}

/// What a person should know of missing fields. `all_seen`: every row that the portal has was seen.
pub(super) fn notice(
    profile: &Profile,
    names: &[String],
    lacking: &BTreeMap<String, Lacking>,
    all_seen: bool,
    has_point: bool,
) -> Option<Notice> {
    let mut said: Vec<String> = lacking.iter().map(|(field, lack)| format!("`{}` ({field})", lack.name)).collect();
    if all_seen && !names.is_empty() {
        for (field, wanted) in profile.named_columns() {
            let has = names.iter().any(|name| wanted.iter().any(|wanted| same_column(name, wanted)));
            if !(has || has_point && matches!(field.as_str(), "latitude" | "longitude")) {
                said.push(format!("`{}` ({field})", wanted.join("` or `")));
            }
        }
    }
    (!said.is_empty()).then(|| Notice {
        kind: NoticeKind::MissingColumns,
        text: format!(
            "rows of the portal lack {}, which the city's profile names: incidents are loaded without. If a column was \
             renamed, add its new name to the profile",
            said.join(", ")
        ),
    })
}
