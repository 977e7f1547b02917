//! The keys of a profile, in the docs and as a JSON Schema for editors: both are made from the types.

use super::Profile;
use serde_json::{Map, Value};
use std::fmt::Write;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/");
const BEGIN: &str = "<!-- begin: generated from the types -->\n";
const END: &str = "<!-- end -->\n";

/// The tables of a profile, each with the heading under which its keys stand.
const TABLES: [(&str, &str); 9] = [
    ("Profile", "Before all tables"),
    ("BoundingBox", "`bounding_box`"),
    ("Columns", "`[columns]`"),
    ("CategoryRules", "`[category]`"),
    ("Layer", "`[[layers]]`"),
    ("BoundaryDataset", "`[layers.boundaries]`"),
    ("Portal", "`[portal]`"),
    ("Holiday", "`[[holidays]]`"),
    ("ReportedShares", "`[reporting_lag]`"),
];

fn object<'v>(value: &'v Value, key: &str) -> &'v Map<String, Value> {
    value[key].as_object().unwrap_or_else(|| panic!("`{key}` in {value}"))
}

/// A type in a word or two.
fn kind(schema: &Value, defs: &Map<String, Value>) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return if defs[name]["oneOf"].is_array() || defs[name]["enum"].is_array() {
            "word".into()
        } else {
            "table".into()
        };
    }
    if let Some(one) = schema["anyOf"].as_array().and_then(|all| all.iter().find(|one| one["type"] != "null")) {
        return kind(one, defs);
    }
    let named = match &schema["type"] {
        Value::Array(types) => types[0].as_str(),
        other => other.as_str(),
    };
    match named.unwrap_or_else(|| panic!("{schema}")) {
        "array" if schema["prefixItems"].is_array() => "pair".into(),
        "array" => format!("list of {}s", kind(&schema["items"], defs)),
        "integer" => "whole number".into(),
        "boolean" => "true or false".into(),
        "string" => "text".into(),
        "object" => "table".into(),
        other => other.to_owned(),
    }
}

fn tables(schema: &Value) -> String {
    let defs = object(schema, "$defs");
    let mut text = String::new();
    for (name, title) in TABLES {
        let table = if name == "Profile" { schema } else { &defs[name] };
        let required: Vec<&str> =
            table["required"].as_array().map_or(Vec::new(), |all| all.iter().filter_map(Value::as_str).collect());
        write!(text, "\n### {title}\n\n| key | what it is | meaning |\n| --- | --- | --- |\n").unwrap();
        let mut keys: Vec<_> = object(table, "properties").iter().collect();
        keys.sort_by_key(|(key, _)| !required.contains(&key.as_str()));
        for (key, schema) in keys {
            let needed = if required.contains(&key.as_str()) { ", needed" } else { "" };
            let meaning = schema["description"].as_str().unwrap_or_else(|| panic!("{name}.{key} has no description"));
            writeln!(text, "| `{key}` | {}{needed} | {} |", kind(schema, defs), meaning.replace('\n', " ")).unwrap();
        }
    }
    text
}

#[test]
fn every_key_of_a_profile_is_in_the_docs() {
    let schema = serde_json::to_value(schemars::schema_for!(Profile)).unwrap();
    let defs = object(&schema, "$defs");
    let documented = |name: &str| TABLES.iter().any(|(known, _)| *known == name);
    assert!(defs.iter().all(|(name, def)| documented(name) || def["properties"].is_null()), "{:?}", defs.keys());
    let pretty = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    let page = std::fs::read_to_string(format!("{FOLDER}city-profiles.md")).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let page = format!("{before}{BEGIN}{}\n{END}{after}", tables(&schema));
    for (name, text) in [("city-profile.schema.json", pretty), ("city-profiles.md", page)] {
        let path = format!("{FOLDER}{name}");
        if std::env::var_os("BLOTTER_WRITE_DOCS").is_some() {
            std::fs::write(path, text).unwrap();
        } else {
            assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), text, "run `make docs`");
        }
    }
}
