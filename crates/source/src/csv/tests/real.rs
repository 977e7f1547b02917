//! The real files. They lie beside the project and not in it; where they are absent, each test says that it was skipped.

use super::*;
use blotter_incident::Revision;
use std::collections::BTreeMap;

/// A real file, or nothing and a visible word.
fn real(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if path.exists() {
        return Some(path);
    }
    blotter_testing::skipped(&format!("the real file {name} is not beside the checkout"));
    None
}

fn counts(name: &str, slug: &str) -> Option<(usize, usize)> {
    let mut source = open(&real(name)?, slug, MAX_BATCH_ROWS, None).unwrap();
    let (mut accepted, mut rejected) = (0, 0);
    while let Step::Chunk(chunk) = source.next().unwrap() {
        accepted += chunk.rows();
        rejected += chunk.rejected.len();
    }
    Some((accepted, rejected))
}

#[test]
fn every_row_of_every_real_file_is_accepted() {
    for (name, slug, rows) in [
        ("chicago-2012-2017.csv.zst", "chicago", 1_718_685),
        ("chicago-2015-10-sample.csv", "chicago", 999),
        ("chicago-2024-sample-bom.csv", "chicago", 10_000),
        ("chicago-hijackings-soda-style.csv", "chicago", 8_185),
        ("chicago-hijackings-revisions.csv.zst", "chicago", 32_312),
        ("nypd-shootings.csv", "new-york-shootings", 21_408),
    ] {
        if let Some(counted) = counts(name, slug) {
            assert_eq!(counted, (rows, 0), "{name}");
        }
    }
}

#[test]
fn what_is_no_incident_file_is_refused_with_a_sentence() {
    for (name, expect) in [
        ("chicago-community-areas.geojson.zst", "GeoJSON"),
        ("chicago-districts.geojson.zst", "GeoJSON"),
        ("chicago-beats.geojson.zst", "GeoJSON"),
        ("iucr-codes.csv", "no column for `id`"),
        ("nypd-shootings.csv", "no column for `id`"),
    ] {
        if let Some(path) = real(name) {
            let error = open(&path, "chicago", 1, None).map(drain).unwrap_err().to_string();
            assert!(error.contains(expect) && error.contains("is refused"), "{error}");
        }
    }
}

#[test]
fn a_real_zst_cut_at_any_place_loses_nothing_before_the_cut() {
    let Some(path) = real("chicago-hijackings-revisions.csv.zst") else { return };
    let bytes = std::fs::read(&path).unwrap();
    let whole = drain(open(&path, "chicago", 1000, None).unwrap()).incidents;
    let mut most = 0;
    for tenth in 1..10 {
        let outcome = read(&bytes[..bytes.len() * tenth / 10]);
        let by_id = |incidents: &[Incident]| {
            let mut ids: BTreeMap<(String, Revision), usize> = BTreeMap::new();
            for incident in incidents {
                *ids.entry((incident.id.clone(), incident.revision())).or_default() += 1;
            }
            ids
        };
        let (all, some) = (by_id(&whole), by_id(&outcome.incidents));
        assert!(some.iter().all(|(key, count)| all.get(key).is_some_and(|all| all >= count)), "{tenth}");
        assert!(outcome.incidents.len() >= most);
        most = outcome.incidents.len();
        assert!(outcome.reasons().last().unwrap().contains("ends inside a compressed frame"));
    }
    assert!(most > 20_000);
}

#[test]
fn the_real_feed_ends_in_the_state_of_its_last_row_per_id_in_any_order() {
    let Some(path) = real("chicago-hijackings-revisions.csv.zst") else { return };
    let incidents = drain(open(&path, "chicago", 5000, None).unwrap()).incidents;
    assert_eq!(incidents.iter().filter(|incident| incident.deleted).count(), 66);
    let mut winners: BTreeMap<&str, &Incident> = BTreeMap::new();
    for incident in incidents.iter().rev().chain(&incidents) {
        let winner = winners.entry(&incident.id).or_insert(incident);
        if incident.revision() > winner.revision() {
            *winner = incident;
        }
    }
    let mut last: BTreeMap<&str, &Incident> = BTreeMap::new();
    for incident in &incidents {
        let latest = last.entry(&incident.id).or_insert(incident);
        if incident.observed_at >= latest.observed_at {
            *latest = incident;
        }
    }
    let differ: Vec<&&str> = last.iter().filter(|(id, last)| winners[**id] != **last).map(|(id, _)| id).collect();
    assert!(differ.is_empty(), "{} differ, {:?}", differ.len(), differ.first());
}

#[test]
fn a_shuffled_real_keyed_file_has_the_same_ids() {
    let Some(path) = real("nypd-shootings.csv") else { return };
    let text = std::fs::read_to_string(&path).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines[1..].reverse();
    lines[1..].sort_by_key(|line| line.len());
    let shuffled = file(lines.join("\n"));
    let ids = |path: &Path| {
        let mut ids: Vec<(String, i64)> = drain(open(path, "new-york-shootings", 4096, None).unwrap())
            .incidents
            .into_iter()
            .map(|incident| (incident.id, incident.content_hash))
            .collect();
        ids.sort();
        ids
    };
    let expect = ids(&path);
    assert_eq!(ids(&shuffled.path), expect);
    let mut distinct: Vec<&String> = expect.iter().map(|(id, _)| id).collect();
    distinct.dedup();
    assert_eq!(distinct.len(), 21_408);
}
