//! Whether a portal still has the fields that the profile names.
//!
//! A row leaves out the fields that it has no value for, so that one row says little. What says much is a field that was
//! never there before: a portal that renames `primary_type` sends rows with the new name and without the old. A field of
//! the profile that none of those rows has, and that rows had before, is *lacking* until a later row has it again. So is a
//! field that nearly every row has, where many rows in succession come without. A field that no row ever had is lacking once all
//! rows were seen.

use super::rows::{Fields, UPDATED_AT};
use blotter_city::Profile;
use blotter_health::{Notice, NoticeKind};
use blotter_incident::{Header, same_column};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Fields without which an incident cannot be told.
const ESSENTIAL: [&str; 4] = ["id", "key", "occurred_at", "category"];
/// Fields that nearly every row has, beside the essential ones.
const USUAL: [&str; 2] = ["latitude", "longitude"];
/// So many rows that all lack such a field say that it is gone.
const MANY: usize = 20;

fn is_essential(field: &str) -> bool {
    ESSENTIAL.contains(&field)
}

/// Since when a field is lacking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MissingField {
    /// The field's name as rows had it.
    pub(super) name: String,
    /// The greatest `:updated_at` of the rows that lacked it.
    pub(super) updated_at: String,
    /// Names that were new in those rows: one of them may be the new name.
    pub(super) new: Vec<String>,
}

/// What a page says of the schema: brings `lacking` up to date, by field of the profile.
pub(super) fn look(
    profile: &Profile,
    before: &[String],
    page: &[&Fields],
    lacking: &mut BTreeMap<String, MissingField>,
) {
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
    let mut changed: Vec<&&Fields> = page.iter().filter(|row| row.keys().any(is_new)).collect();
    // A field may be gone without another in its place.
    let is_renamed = !changed.is_empty();
    if !is_renamed && page.len() >= MANY {
        changed = page.iter().collect();
    }
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
            && (is_renamed || is_essential(&field) || USUAL.contains(&field.as_str()))
            && !changed.iter().any(|row| has(row))
        {
            let new = new.iter().cloned().collect();
            lacking.insert(field, MissingField { name: name.clone(), updated_at: updated_at.clone(), new });
        }
    }
}

/// Why a source must stop, where rows lack a field without which an incident cannot be told.
pub(super) fn essential(lacking: &BTreeMap<String, MissingField>) -> Option<String> {
    let gone: Vec<String> = (lacking.iter())
        .filter(|(field, _)| is_essential(field))
        .map(|(field, lack)| format!("`{}` ({field})", lack.name))
        .collect();
    if gone.is_empty() {
        return None;
    }
    let others: Vec<String> = (lacking.iter())
        .filter(|(field, _)| !is_essential(field))
        .map(|(field, lack)| format!("`{}` ({field})", lack.name))
        .collect();
    let also = if others.is_empty() { String::new() } else { format!(", nor {}", others.join(", ")) };
    let new: BTreeSet<&str> = lacking.values().flat_map(|lack| &lack.new).map(String::as_str).collect();
    let remedy = if new.is_empty() {
        "No new row is loaded until the portal has the field again, or the city's profile names another".to_owned()
    } else {
        let new = new.into_iter().collect::<Vec<_>>().join(", ");
        format!("They have new fields: {new}. No new row is loaded until the city's profile names the new field")
    };
    Some(format!("new rows no longer have {}{also}. {remedy}", gone.join(", ")))
}

/// What a person should know of missing fields. `all_seen`: every row that the portal has was seen.
pub(super) fn notice(
    profile: &Profile,
    names: &[String],
    lacking: &BTreeMap<String, MissingField>,
    all_seen: bool,
    has_point: bool,
) -> Option<Notice> {
    let mut said: Vec<String> = lacking.iter().map(|(field, lack)| format!("`{}` ({field})", lack.name)).collect();
    if all_seen && !names.is_empty() {
        for (field, wanted) in Header::missing(profile, names) {
            if !(has_point && matches!(field.as_str(), "latitude" | "longitude" | "location")) {
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use serde_json::json;

    fn rows(count: usize, without: &[&str], with: &[&str]) -> Vec<Fields> {
        let row = |number: usize| {
            let mut row = json!({
                ":id": format!("row-{number}"), UPDATED_AT: format!("2026-01-02T00:00:{:02}.000Z", number % 60), "id": "1",
                "date": "2026-01-01T10:00:00.000", "primary_type": "THEFT", "latitude": "41.9", "longitude": "-87.7",
            });
            let fields = row.as_object_mut().unwrap();
            for name in without {
                fields.remove(*name);
            }
            fields.extend(with.iter().map(|name| ((*name).to_owned(), json!("x"))));
            serde_json::from_value(row).unwrap()
        };
        (0..count).map(row).collect()
    }

    #[test]
    fn a_field_that_is_gone_is_lacking_whether_or_not_another_takes_its_place() {
        let profile = crate::testing::city("chicago");
        let before: Vec<String> = rows(1, &[], &[]).remove(0).keys().cloned().collect();
        let lacking = |page: &[Fields]| {
            let mut lacking = BTreeMap::new();
            look(&profile, &before, &page.iter().collect::<Vec<_>>(), &mut lacking);
            lacking
        };
        assert!(lacking(&rows(1, &["primary_type"], &[])).is_empty(), "one row may have no category");
        let renamed = lacking(&rows(1, &["primary_type"], &["offence"]));
        assert_eq!(renamed.keys().collect::<Vec<_>>(), ["category"]);
        assert!(essential(&renamed).unwrap().contains("They have new fields: offence"));
        let gone = lacking(&rows(MANY, &["primary_type"], &[]));
        assert_eq!(gone.keys().collect::<Vec<_>>(), ["category"]);
        assert!(essential(&gone).unwrap().contains("until the portal has the field again"));
        let unmapped = lacking(&rows(MANY, &["latitude", "longitude"], &[]));
        assert_eq!(unmapped.len(), 2);
        assert_eq!(essential(&unmapped), None, "incidents are loaded without");
        let mut some = rows(MANY, &["primary_type"], &[]);
        some.extend(rows(1, &[], &[]));
        assert!(lacking(&some).is_empty());
    }
}
