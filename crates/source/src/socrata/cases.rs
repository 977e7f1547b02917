//! The miniatures of `../shared/cases`: what real portals publish, each with its right result.

use super::*;
use crate::testing::{case, city};

fn rows(value: &Value) -> Vec<Value> {
    value.as_array().unwrap().clone()
}

/// A portal of a city that holds the rows of a miniature, a while after they were published.
fn portal(slug: &'static str, held: Vec<Value>) -> World {
    let mut world = world(held);
    world.city = slug;
    world.now.store(parse_instant("2026-11-27T16:00:00Z").unwrap().0, Ordering::SeqCst);
    world
}

/// What is present after all that was handed out, by id.
fn present(chunks: &[Chunk]) -> BTreeMap<String, Incident> {
    let mut winners: BTreeMap<String, Incident> = BTreeMap::new();
    for incident in incidents(chunks) {
        let wins = winners.get(&incident.id).is_none_or(|before| before.revision() < incident.revision());
        if wins {
            winners.insert(incident.id.clone(), incident);
        }
    }
    winners.retain(|_, incident| !incident.deleted);
    winners
}

#[test]
fn socrata_republish_new_row_ids() {
    let Some(case) = case("socrata_republish_new_row_ids.json") else { return };
    let case: Value = serde_json::from_str(&case).unwrap();
    let world = portal("new-york-shootings", rows(&case["before"]));
    let mut source = world.open(None);
    let mut chunks = world.settle(&mut source);
    let keys = ["250000000-1", "250000001-1", "250000002-1"];
    assert_eq!(present(&chunks).into_keys().collect::<Vec<_>>(), keys);
    world.portal.lock().unwrap().rows = rows(&case["after"]);
    // At the next poll, at every other one, after a restart, and when all months were compared.
    for round in 0..4 {
        world.pass(310);
        chunks.extend(world.settle(&mut source));
        assert_eq!(present(&chunks).into_keys().collect::<Vec<_>>(), keys, "poll {round}");
    }
    let mut source = world.open(Some(&chunks.last().unwrap().position));
    chunks.extend(world.settle(&mut source));
    chunks.extend(world.days(&mut source));
    assert_eq!(present(&chunks).into_keys().collect::<Vec<_>>(), keys);
}

#[test]
fn rows_of_one_key_come_and_go_and_have_ordinals_by_content() {
    let Some(text) = case("socrata_republish_new_row_ids.json") else { return };
    let case: Value = serde_json::from_str(&text).unwrap();
    let victim = |row: &str, precinct: &str, updated_at: &str| {
        let mut victim = case["before"][0].clone();
        victim[":id"] = row.into();
        victim["precinct"] = precinct.into();
        victim[":updated_at"] = updated_at.into();
        victim
    };
    let world = portal("new-york-shootings", vec![victim("row-a", "70", "2026-11-01T00:00:00.000Z")]);
    let mut source = world.open(None);
    let mut chunks = world.settle(&mut source);
    let precincts = |chunks: &[Chunk]| -> Vec<(String, String)> {
        let precinct = |incident: Incident| incident.areas.get("precinct").cloned().unwrap_or_default();
        present(chunks).into_iter().map(|(id, incident)| (id, precinct(incident))).collect()
    };
    let expect = |ids: &[(&str, &str)]| -> Vec<(String, String)> {
        ids.iter().map(|(id, precinct)| (format!("250000000-{id}"), (*precinct).to_owned())).collect()
    };
    assert_eq!(precincts(&chunks), expect(&[("1", "70")]));
    // A second victim, whose content comes first.
    world.portal.lock().unwrap().rows.push(victim("row-b", "49", "2026-11-27T16:04:00.000Z"));
    world.pass(310);
    chunks.extend(world.settle(&mut source));
    assert_eq!(precincts(&chunks), expect(&[("1", "49"), ("2", "70")]));
    // It vanishes again.
    world.portal.lock().unwrap().rows.pop();
    chunks.extend(world.days(&mut source));
    assert_eq!(precincts(&chunks), expect(&[("1", "70")]));
}

#[test]
fn socrata_columns_renamed() {
    let Some(case) = case("socrata_columns_renamed.json") else { return };
    let case: Value = serde_json::from_str(&case).unwrap();
    let world = portal("chicago", rows(&case["before"]));
    let mut source = world.watched(None);
    let mut handed_out = Vec::new();
    loop {
        match source.next().unwrap() {
            Step::Chunk(chunk) => handed_out.push(chunk),
            Step::Wait { caught_up: true, .. } => break,
            _ => {}
        }
    }
    assert_eq!(present(&handed_out).len(), 2);
    world.portal.lock().unwrap().rows = rows(&case["after"]);
    world.pass(310);
    for _ in 0..3 {
        // Asked again and again, it stays as it is.
        assert!(matches!(source.next().unwrap(), Step::Wait { caught_up: false, .. }));
        let report = source.reports().remove("portal").unwrap();
        assert_eq!(report.condition, Condition::SourceFailure);
        let why = report.failing.unwrap().why;
        for name in ["`primary_type` (category)", "`latitude`", "`longitude`", "offense_type"] {
            assert!(why.contains(name), "{why}");
        }
        world.pass(1000);
    }
}

#[test]
fn socrata_point_only() {
    let Some(case) = case("socrata_point_only.json") else { return };
    let case: Value = serde_json::from_str(&case).unwrap();
    let world = portal("chicago", rows(&case["rows"]));
    let mut source = world.open(None);
    let chunks = world.settle(&mut source);
    let mapped: Vec<Option<(f64, f64)>> = present(&chunks).into_values().map(|incident| incident.position).collect();
    assert_eq!(mapped, [Some((41.868_528, -87.730_437)), Some((41.752_634, -87.624_38))]);
    assert!(source.notices().iter().all(|notice| !notice.text.contains("latitude")), "{:?}", source.notices());
    // Opened again behind them, it reads the same.
    let mut source = world.open(Some(&chunks.last().unwrap().position));
    assert!(present(&world.days(&mut source)).into_values().all(|incident| incident.position.is_some()));
}

/// An object is no column of the header: its point is read all the same, and the column is not missed.
#[test]
fn a_point_that_the_profile_calls_a_location_is_read() {
    let mut profile = (*city("chicago")).clone();
    profile.columns.latitude.clear();
    profile.columns.longitude.clear();
    let names: Vec<String> = profile.named_columns().iter().map(|(_, names)| names[0].clone()).collect();
    profile.columns.location = vec!["location".into()];
    let row: Vec<(String, Value)> = names.iter().map(|name| (name.clone(), json!("1"))).collect();
    let mut row: rows::Fields = row.into_iter().collect();
    row.insert("location".into(), json!({"type": "Point", "coordinates": [-87.7, 41.8]}));
    let profile = Arc::new(profile);
    let mut parser = Parser::new(Arc::clone(&profile), 1);
    let mut columns = rows::Columns::default();
    columns.learn(&[row], &mut parser, "the portal").unwrap();
    assert!(parser.header().unwrap().has_point());
    assert_eq!(schema::notice(&profile, columns.names(), &BTreeMap::new(), true, columns.has_point()), None);
}

#[test]
fn socrata_fixed_timestamp() {
    let Some(case) = case("socrata_fixed_timestamp.json") else { return };
    let case: Value = serde_json::from_str(&case).unwrap();
    let world = portal("chicago", rows(&case["rows"]));
    let chunks = world.settle(&mut world.open(None));
    let times: Vec<String> =
        present(&chunks).into_values().map(|incident| format_civil(incident.occurred_at)).collect();
    // 15:21 and 11:48 in UTC.
    assert_eq!(times, ["2026-02-25T09:21:00", "2026-07-09T06:48:00"]);
    assert!(chunks.iter().all(|chunk| chunk.rejected.is_empty()));
}
