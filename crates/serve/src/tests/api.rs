//! Maps and statistics by the routes themselves: whatever the order of arrival, the answer of a fresh load, byte for byte.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use crate::testing::{CHICAGO, MemoryLog, Record, apply, ask, ask_with, batches, chicago, json, load_afresh, write};
use blotter_city::Profile;
use blotter_log::Topic;
use blotter_query::{LoadParts, LoadedCity};
use blotter_runtime::Shutdown;
use proptest::prelude::*;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};

/// The first day of 2016, a civil time.
const BEGIN_SECONDS: i64 = 1_451_606_400;
const DAY_SECONDS: i64 = 86_400;
const DAYS: i64 = 420;

/// Places a hundred metres or so apart in a few square kilometres, one outside of the city, and none.
fn point(number: u16) -> Option<(f64, f64)> {
    match number {
        0 => None,
        1 => Some((36.6, -91.7)),
        _ => Some((41.85 + f64::from(number % 20) * 0.0011, -87.66 + f64::from(number / 20) * 0.0013)),
    }
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    // Half of them in one corner, so that some of it is hot.
    let place = prop_oneof![0_u16..300, 40_u16..46];
    let one = (0_u32..160, prop::bool::weighted(0.15), 0..DAYS * 24, 0_u8..4, 0_u8..3, place);
    prop::collection::vec(one, 1..400).prop_map(|all| {
        let record = |(observed, (id, deleted, hour, area, category, place))| Record {
            id,
            observed,
            deleted,
            second: BEGIN_SECONDS + hour * 3600,
            area,
            category,
            point: point(place),
        };
        (0..).zip(all).map(record).collect()
    })
}

/// What is asked: in every form, with and without a filter.
fn questions(from_day: i64) -> Vec<String> {
    let day = |day: i64| {
        let micros = (BEGIN_SECONDS + day * DAY_SECONDS) * 1_000_000;
        blotter_city::format_civil(blotter_city::CivilMicros(micros))
    };
    let period = format!("from={}&to={}", day(from_day), day(from_day + 60));
    let year = format!("from={}&to={}", day(0), day(365));
    let boxed = "bbox=-87.66,41.85,-87.65,41.86";
    vec![
        "hotspots?resolution=9".to_owned(),
        format!("hotspots?resolution=8&confidence=95&{period}"),
        format!("hotspots?{boxed}&hour_of_week=0-80&format=csv"),
        "hotspots?format=geojson&area=community_area:1".to_owned(),
        "hotspots?category=C0&category=c2".to_owned(),
        "density?grid_m=500".to_owned(),
        format!("density?grid_m=300&bandwidth_m=900&{period}&format=csv"),
        "emerging?resolution=9".to_owned(),
        format!("emerging?resolution=8&step=week&{year}"),
        format!("emerging?{year}&{boxed}&format=csv"),
        "backtest?weeks=4&training_weeks=20".to_owned(),
        format!("backtest?weeks=2&training_weeks=4&share=0.2&{year}"),
        "cells?resolution=9".to_owned(),
        format!("cells?resolution=11&{period}"),
        "series?by=category&bucket=month".to_owned(),
        format!("series?by=community_area&bucket=day&{period}"),
    ]
}

#[test]
fn a_category_whose_last_incident_left_is_as_if_it_had_never_been() {
    let record = |observed: i64, deleted: bool, category: u8| Record {
        id: 1,
        observed,
        deleted,
        second: BEGIN_SECONDS,
        area: 1,
        category,
        point: point(7),
    };
    let (revised, deleted, never) = (chicago(), chicago(), chicago());
    apply(&revised, &[record(1, false, 0), record(2, false, 1)]);
    apply(&deleted, &[record(1, false, 0), record(2, true, 0)]);
    let question = "/api/v1/hotspots?category=C0";
    let nothing = "no incident is known yet";
    for (city, others) in [(revised, "there are: C1"), (deleted, nothing), (never, nothing)] {
        let (status, body) = ask(&city, question);
        assert!(status == 400 && body.contains(&format!("{others}\"")), "{status} {body}");
    }
}

/// Cities of which nothing, or nothing unusual, can be told.
fn plain_cities() -> [(&'static str, Arc<LoadedCity>); 4] {
    let cities = [("empty", chicago()), ("unmapped", chicago()), ("one cell", chicago()), ("all equal", chicago())];
    let record = |id: u32, second: i64, point: Option<(f64, f64)>| Record {
        id,
        observed: 1,
        deleted: false,
        second: BEGIN_SECONDS + second,
        area: 1,
        category: 0,
        point,
    };
    let everywhere = |of: &dyn Fn(u32) -> Option<(f64, f64)>| -> Vec<Record> {
        (0..4200).map(|id| record(id, i64::from(id / 10) * DAY_SECONDS, of(id % 10))).collect()
    };
    apply(&cities[1].1, &everywhere(&|_| None));
    apply(&cities[2].1, &everywhere(&|_| point(7)));
    // Ten cells in a row, and the same in each.
    apply(&cities[3].1, &everywhere(&|cell| Some((41.85, -87.70 + f64::from(cell) * 0.01))));
    cities
}

#[test]
fn statistics_without_variation_are_null() {
    for (name, city) in plain_cities() {
        let hotspots = json(&city, "/api/v1/hotspots");
        assert_eq!((&hotspots["tests"], &hotspots["critical_z"]), (&0.into(), &Value::Null), "{name}");
        for cell in hotspots["cells"].as_array().unwrap() {
            assert_eq!((&cell["z"], &cell["p"], &cell["q"]), (&Value::Null, &Value::Null, &Value::Null), "{name}");
            assert_eq!(cell["class"], "not_significant", "{name}");
        }
        let density = json(&city, "/api/v1/density?grid_m=1000&bandwidth_m=1000");
        let greatest = density["greatest"].as_f64().unwrap();
        assert_eq!(greatest > 0.0, ["one cell", "all equal"].contains(&name), "{name} {greatest}");
        for path in
            ["emerging", "emerging?step=week", "backtest?weeks=9", "backtest?weeks=1&training_weeks=1&share=0.0001"]
        {
            let (status, body) = ask(&city, &format!("/api/v1/{path}"));
            let answer: Value = serde_json::from_str(&body).unwrap();
            // Without places a history has months and no cells; a map has nothing to flag.
            if name == "empty" || (name == "unmapped" && path.starts_with("backtest")) {
                assert!(status == 400 && answer["parameter"].is_string(), "{name} {path} {status} {body}");
                continue;
            }
            assert_eq!(status, 200, "{name} {path} {body}");
            if path.starts_with("emerging") {
                assert_eq!(answer["patterns"], Value::Object(Map::new()), "{name} {body}");
            } else {
                assert!(
                    answer["methods"].as_array().unwrap().iter().all(|method| method["hit_rate"].is_number()),
                    "{body}"
                );
            }
        }
    }
}

#[test]
fn an_area_is_found_by_its_code_and_by_its_name() {
    let (_, city) = &plain_cities()[3];
    let counts = |area: &str| json(city, &format!("/api/v1/hotspots?area=community_area:{area}"))["mapped"].clone();
    assert_eq!((counts("1"), counts("01"), counts("rogers%20park")), (4200.into(), 4200.into(), 4200.into()));
    assert_eq!(counts("Loop"), 0);
}

#[test]
fn a_box_holds_whole_cells() {
    let (_, city) = &plain_cities()[3];
    let everything = json(city, "/api/v1/hotspots");
    // Through the middle of the row, and of some cells.
    let boxed = json(city, "/api/v1/hotspots?bbox=-87.66,41.8,-87.62,41.9");
    let count = |answer: &Value, cell: &Value| {
        let cells = answer["cells"].as_array().unwrap();
        cells.iter().find(|one| one["cell"] == *cell).unwrap()["count"].as_u64()
    };
    let cells = boxed["cells"].as_array().unwrap();
    assert!(!cells.is_empty() && cells.len() < everything["cells"].as_array().unwrap().len());
    for cell in cells {
        assert_eq!(cell["count"].as_u64(), count(&everything, &cell["cell"]));
    }
    let sum: u64 = cells.iter().map(|cell| cell["count"].as_u64().unwrap()).sum();
    assert_eq!((boxed["mapped"].as_u64(), boxed["unmapped"].as_u64()), (Some(sum), Some(0)));
}

#[test]
fn few_incidents_are_a_reason_for_caution() {
    let (_, city) = &plain_cities()[3];
    // 420 in each of ten cells, and 35 a month.
    assert_eq!(json(city, "/api/v1/hotspots")["caution"], Value::Null);
    let few = json(city, "/api/v1/hotspots?from=2016-01-01&to=2016-01-02");
    assert!(few["caution"].as_str().unwrap().contains("hold 7.00 of these incidents"), "{few}");
    let weeks = json(city, "/api/v1/emerging?step=week&hour_of_week=0-23");
    assert!(weeks["caution"].as_str().unwrap().contains("on average a step"), "{weeks}");
}

#[test]
fn a_density_is_of_the_years_that_there_are_data_of() {
    let (_, city) = &plain_cities()[3];
    let years = |query: &str| json(city, &format!("/api/v1/density?grid_m=2000&{query}"))["years"].as_f64().unwrap();
    // The data are of 420 days from 2016 on.
    assert!((years("from=2001&to=2031") - 419.0 / 365.25).abs() < 1e-9);
    assert!((years("from=2016-02-01&to=2016-03-01") - 29.0 / 365.25).abs() < 1e-9);
    assert!((years("from=2001&to=2002") - 365.0 / 365.25).abs() < 1e-9);
}

#[test]
fn another_city_or_other_outlines_are_another_answer() {
    let tag = |lag: &str| {
        let profile = Profile::from_toml(&CHICAGO.replacen("[portal]", &format!("{lag}\n[portal]"), 1)).unwrap();
        LoadedCity::new(Arc::new(profile), None, Arc::default()).fingerprint
    };
    let lag = "[reporting_lag]\nshare_by_age_hours = [[0, 0.25], [24, 1.0]]";
    assert_eq!((tag(""), tag(lag)), (tag(""), tag(lag)));
    assert_ne!(tag(""), tag(lag));
}

#[test]
fn what_is_wrong_is_named_by_every_statistic() {
    let (_, city) = &plain_cities()[3];
    for (path, parameter) in [
        ("hotspots?resolution=6", "resolution"),
        ("hotspots?resolution=12", "resolution"),
        ("hotspots?resolution=nine", "resolution"),
        ("hotspots?confidence=80", "confidence"),
        ("hotspots?from=2017&to=2016", "from"),
        ("hotspots?from=2016&to=2016", "to"),
        ("hotspots?area=community_area:132", "area"),
        ("emerging?area=beat:9999", "area"),
        ("hotspots?bbox=-87.6,41.8,-87.7,41.9", "bbox"),
        ("hotspots?bbox=nan,41.8,-87.7,41.9", "bbox"),
        ("hotspots?hour_of_week=168", "hour_of_week"),
        ("hotspots?bandwidth_m=400", "bandwidth_m"),
        ("density?bandwidth_m=0", "bandwidth_m"),
        ("density?bandwidth_m=NaN", "bandwidth_m"),
        ("density?grid_m=0", "grid_m"),
        ("density?from=2016&to=2016", "to"),
        ("emerging?resolution=12", "resolution"),
        ("emerging?step=hour", "step"),
        ("emerging?from=2016-01&to=2016-03", "step"),
        ("backtest?share=0", "share"),
        ("backtest?share=1.5", "share"),
        ("backtest?weeks=0", "weeks"),
        ("backtest?weeks=500", "weeks"),
        ("backtest?bandwidth_m=-1", "bandwidth_m"),
    ] {
        let (status, body) = ask(city, &format!("/api/v1/{path}"));
        let problem: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, problem["parameter"].as_str()), (400, Some(parameter)), "{path}: {body}");
    }
}

/// The text of an answer without its next offsets, which its tag does not stand for.
fn content(body: &str) -> String {
    match serde_json::from_str::<Value>(body) {
        Ok(Value::Object(mut answer)) => {
            answer.remove("next_offsets");
            Value::Object(answer).to_string()
        }
        _ => body.to_owned(),
    }
}

fn tag_of(city: &Arc<LoadedCity>, question: &str) -> String {
    let (status, headers, body) = ask_with(city, question, &[]);
    assert_eq!(status, 200, "{question}: {body}");
    headers["etag"].to_str().unwrap().to_owned()
}

#[test]
fn a_question_about_the_past_keeps_its_etag_when_something_new_comes() {
    let (_, city) = &plain_cities()[3];
    let past = "from=2016-02-01&to=2016-05-01";
    let year = "from=2016-02-01&to=2016-12-31";
    let asked = [
        format!("cells?{past}"),
        format!("series?{past}&by=category"),
        format!("hotspots?{past}"),
        format!("density?grid_m=1000&{past}"),
        format!("emerging?step=week&{year}"),
        format!("backtest?weeks=2&training_weeks=4&{past}"),
        "peaks?at=2016-11-01".to_owned(),
    ]
    .map(|question| format!("/api/v1/{question}"));
    let all = ["cells", "series", "peaks"].map(|question| format!("/api/v1/{question}"));
    let before: Vec<String> = asked.iter().map(|question| tag_of(city, question)).collect();
    let of_all: Vec<String> = all.iter().map(|question| tag_of(city, question)).collect();
    let bodies: Vec<String> = asked.iter().map(|question| content(&ask(city, question).1)).collect();
    // At a place that is known, so that the study area stays.
    let new = Record {
        id: 999_999,
        observed: 1,
        deleted: false,
        second: BEGIN_SECONDS + 419 * DAY_SECONDS,
        area: 1,
        category: 0,
        point: Some((41.85, -87.70)),
    };
    apply(city, std::slice::from_ref(&new));
    write(city).next_offsets = vec![4201];
    for ((question, tag), body) in asked.iter().zip(&before).zip(&bodies) {
        assert!(tag.starts_with("W/\""), "the next offsets differ, so it is weak: {tag}");
        assert_eq!(tag_of(city, question), *tag, "{question}");
        assert_eq!(content(&ask(city, question).1), *body, "{question}");
        let (status, headers, body) = ask_with(city, question, &[("if-none-match", tag)]);
        assert_eq!((status, body.as_str()), (304, ""), "{question}");
        for (name, expect) in [
            ("etag", tag.as_str()),
            ("cache-control", "no-cache"),
            ("vary", "accept"),
            ("blotter-next-offsets", "0:4201"),
        ] {
            assert_eq!(headers[name], expect, "{question}");
        }
    }
    for (question, tag) in all.iter().zip(&of_all) {
        assert_ne!(tag_of(city, question), *tag, "{question}");
        assert_eq!(ask_with(city, question, &[("if-none-match", tag)]).0, 200, "{question}");
    }
    // A correction of the past changes its tag, and back again.
    let corrected = Record { second: BEGIN_SECONDS + 40 * DAY_SECONDS, observed: 2, ..new.clone() };
    apply(city, std::slice::from_ref(&corrected));
    assert_ne!(tag_of(city, &asked[0]), before[0]);
    apply(city, &[Record { deleted: true, observed: 3, ..corrected }]);
    assert_eq!(tag_of(city, &asked[0]), before[0]);
}

#[test]
fn every_way_to_say_that_an_answer_is_known_is_understood() {
    let (_, city) = &plain_cities()[3];
    let question = "/api/v1/cells";
    let tag = tag_of(city, question);
    let opaque = tag.strip_prefix("W/").unwrap();
    for (said, expect) in [
        (tag.clone(), 304),
        (opaque.to_owned(), 304),
        ("*".to_owned(), 304),
        (format!("\"other\", {tag}"), 304),
        ("\"other\"".to_owned(), 200),
        (opaque.trim_matches('"').to_owned(), 200),
    ] {
        assert_eq!(ask_with(city, question, &[("if-none-match", &said)]).0, expect, "{said}");
    }
    // Another form is another answer.
    let csv = [("accept", "application/vnd.apache.arrow.stream"), ("if-none-match", tag.as_str())];
    assert_eq!(ask_with(city, question, &csv).0, 200);
}

#[test]
fn the_accepted_form_that_is_liked_best_is_sent() {
    let (_, city) = &plain_cities()[3];
    let (json, csv, map) = ("application/json", "text/csv", "application/geo+json");
    let problem = "application/problem+json";
    for (path, accept, expect) in [
        ("hotspots", "text/csv;q=0.5, application/json;q=0.9", (200, json)),
        ("hotspots", "TEXT/CSV", (200, csv)),
        ("hotspots", "application/json;q=0, */*;q=0.1, application/geo+json;q=0.2", (200, map)),
        ("hotspots", "text/*", (200, csv)),
        ("hotspots", "text/html", (406, problem)),
        ("hotspots?format=csv", "text/html", (200, csv)),
        ("cells", "text/csv, */*;q=0.1", (200, csv)),
        ("series", "application/geo+json, */*;q=0.1", (200, json)),
        ("series", "application/geo+json", (406, problem)),
        ("backtest?weeks=2", "application/geo+json", (406, problem)),
        ("meta", "application/json;q=0", (406, problem)),
        ("meta", "text/html, */*;q=0.1", (200, json)),
    ] {
        let (status, headers, body) = ask_with(city, &format!("/api/v1/{path}"), &[("accept", accept)]);
        let found = (status, headers["content-type"].to_str().unwrap());
        assert_eq!(found, expect, "{path} {accept}: {body}");
    }
}

#[test]
fn every_question_with_rows_has_every_form_that_fits() {
    let (_, city) = &plain_cities()[3];
    let rows = |path: &str| {
        let (status, headers, sheet) = ask_with(city, &format!("/api/v1/{path}&format=csv"), &[]);
        assert_eq!(status, 200, "{path}: {sheet}");
        let next = headers.get("link").map(|link| link.to_str().unwrap().to_owned());
        (sheet.lines().map(ToOwned::to_owned).collect::<Vec<_>>(), next)
    };
    let map =
        |path: &str| json(city, &format!("/api/v1/{path}&format=geojson"))["features"].as_array().unwrap().clone();

    let (cells, features) = (rows("cells?resolution=9").0, map("cells?resolution=9"));
    assert_eq!(cells[0], "cell,latitude,longitude,count");
    assert_eq!(cells.len() - 1, features.len());
    let expect = json(city, "/api/v1/cells?resolution=9");
    for ((row, feature), cell) in cells[1..].iter().zip(&features).zip(expect["cells"].as_array().unwrap()) {
        assert!(row.starts_with(cell[0].as_str().unwrap()) && row.ends_with(&format!(",{}", cell[1])), "{row}");
        assert_eq!((&feature["properties"]["cell"], &feature["properties"]["count"]), (&cell[0], &cell[1]));
        assert_eq!(feature["geometry"]["type"], "Polygon");
    }

    let series = rows("series?by=category&bucket=month").0;
    assert_eq!(series[0], "bucket,key,count");
    let counted: u64 = series[1..].iter().map(|row| row.rsplit(',').next().unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!(Some(counted), json(city, "/api/v1/meta")["incidents"]["total"].as_u64());
}

#[test]
fn a_sheet_of_incidents_goes_on_at_the_address_in_its_head() {
    let log = MemoryLog::new(1);
    let profile = Arc::new(Profile::from_toml(CHICAGO).unwrap());
    let record = |id: u32| Record {
        id,
        observed: 1,
        deleted: false,
        second: BEGIN_SECONDS + i64::from(id) * 60,
        area: 1,
        category: 0,
        point: (id != 3).then_some((41.85, -87.65)),
    };
    let records: Vec<Record> = (0..5).map(record).collect();
    log.push(Topic::Incidents, 0, batches(&profile, 1, &records, "A \"TEXT\", B").pop().unwrap().1);
    let nowhere = tempfile::tempdir().unwrap();
    let (snapshots, boundaries) = (nowhere.path().to_owned(), Arc::default());
    let load = LoadParts { log: Some(log), snapshots, profile, boundaries };
    let city = LoadedCity::load(load, &Shutdown::new()).unwrap();

    let (mut address, mut ids) = ("/api/v1/incidents?limit=2&category=c0&format=csv".to_owned(), Vec::new());
    loop {
        let (status, headers, sheet) = ask_with(&city, &address, &[]);
        assert_eq!(status, 200, "{sheet}");
        assert!(sheet.starts_with("id,case_number,occurred_at,occurred_at_utc,"), "{sheet}");
        let rows: Vec<&str> = sheet.lines().skip(1).collect();
        assert!(rows.iter().all(|row| row.contains(",\"A \"\"TEXT\"\", B\",")), "{sheet}");
        ids.extend(rows.iter().map(|row| row.split(',').next().unwrap().parse::<u32>().unwrap()));
        let Some(link) = headers.get("link") else { break };
        let next = link.to_str().unwrap().strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap();
        next.clone_into(&mut address);
    }
    assert_eq!(ids, [4, 3, 2, 1, 0]);
    let map = json(&city, "/api/v1/incidents?limit=2&format=geojson");
    assert_eq!(map["features"][0]["geometry"], serde_json::json!({ "type": "Point", "coordinates": [-87.65, 41.85] }));
    assert_eq!(map["features"][0]["properties"]["occurred_at"], "2016-01-01T00:04:00");
    assert_eq!((&map["features"][1]["properties"]["id"], &map["features"][1]["geometry"]), (&"3".into(), &Value::Null));
    assert!(map["next_cursor"].is_string());
}

#[test]
fn a_name_that_is_no_text_is_not_found() {
    let (status, body) = ask(&chicago(), "/api/v1/boundaries/%ff");
    assert_eq!(status, 404, "{body}");
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["status"], 404);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Inserts, revisions and deletions in any order and in any batches, with questions in between, and cells and sites found
    /// early or late.
    #[test]
    fn following_is_loading_afresh(
        records in records().prop_shuffle(),
        sizes in prop::collection::vec((1_usize..80, 0_usize..40), 0..10),
        from_day in 0..DAYS - 60,
    ) {
        let live = chicago();
        let asked = questions(from_day);
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        let mut left = records.as_slice();
        for (number, (size, found)) in sizes.into_iter().enumerate() {
            let (now, later) = left.split_at(size.min(left.len()));
            apply(&live, now);
            left = later;
            write(&live).cube.index_places(found);
            // One tag is one content, whatever came in between.
            let question = format!("/api/v1/{}", asked[number % asked.len()]);
            let (status, headers, body) = ask_with(&live, &question, &[]);
            if status == 200 {
                let tag = headers["etag"].to_str().unwrap().to_owned();
                prop_assert_eq!(known.entry(tag).or_insert_with(|| content(&body)), &content(&body), "{}", question);
            }
        }
        apply(&live, left);
        let fresh = chicago();
        load_afresh(&fresh, &records);
        while !write(&fresh).cube.index_places(1000) {}
        for question in asked {
            let question = format!("/api/v1/{question}");
            let (status, body) = ask(&live, &question);
            // What cannot be told of so little is said, and no number.
            prop_assert!([200, 400, 422].contains(&status), "{question}: {status} {body}");
            prop_assert!(!body.contains("NaN") && !body.contains("inf"), "{question}: {body}");
            let (_, headers, fresh_body) = ask_with(&fresh, &question, &[]);
            if status == 200 {
                let tag = headers["etag"].to_str().unwrap().to_owned();
                prop_assert_eq!(known.entry(tag).or_insert_with(|| content(&body)), &content(&body), "{}", question);
            }
            prop_assert_eq!((status, body), (ask(&fresh, &question).0, fresh_body), "{}", question);
        }
    }
}
