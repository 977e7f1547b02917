//! Peaks by the route itself: whatever the order of arrival, the answer of a fresh load; and never a NaN.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use crate::testing::{self, CHICAGO, Record, apply, in_force};
use blotter_city::{CivilMicros, Outlines, Profile, format_civil};
use blotter_incident::Boundaries;
use blotter_query::LoadedCity;
use proptest::prelude::*;
use serde_json::Value;
use std::sync::Arc;

/// A Monday.
const BEGIN_SECONDS: i64 = 1_483_920_000;
const WEEK_SECONDS: i64 = 7 * 86_400;

fn records() -> impl Strategy<Value = Vec<Record>> {
    let one = (0_u32..60, prop::bool::weighted(0.1), 0..13 * WEEK_SECONDS, 0_u8..14, 0_u8..4);
    prop::collection::vec(one, 1..150).prop_map(|all| {
        let record = |(observed, (id, deleted, second, area, category))| Record {
            id,
            observed,
            deleted,
            second: BEGIN_SECONDS + second,
            area,
            category,
            point: None,
        };
        (0..).zip(all).map(record).collect()
    })
}

fn loaded(lag: &str) -> Arc<LoadedCity> {
    let profile = Profile::from_toml(&CHICAGO.replacen("[portal]", &format!("{lag}\n[portal]"), 1)).unwrap();
    Arc::new(LoadedCity::new(Arc::new(profile), None, Arc::default()))
}

fn ask(city: &Arc<LoadedCity>, query: &str) -> (u16, String) {
    testing::ask(city, &format!("/api/v1/peaks{query}"))
}

fn json(city: &Arc<LoadedCity>, query: &str) -> Value {
    testing::json(city, &format!("/api/v1/peaks{query}"))
}

/// Twelve quiet weeks of five areas and two categories, two incidents a week each, and then a surge.
fn surge() -> Vec<Record> {
    let mut all = Vec::new();
    let mut add = |second: i64, area: u8, category: u8| {
        let id = all.len() as u32;
        all.push(Record {
            id,
            observed: 1,
            deleted: false,
            second: BEGIN_SECONDS + second,
            area,
            category,
            point: None,
        });
    };
    for week in 0..13 {
        for pair in 0..10_u8 {
            let begin = week * WEEK_SECONDS + i64::from(pair) * 3600;
            add(begin, 1 + pair / 2, pair % 2);
            add(begin + 3 * 86_400, 1 + pair / 2, pair % 2);
        }
    }
    for extra in 0..30 {
        add(13 * WEEK_SECONDS - 1800 - extra * 600, 3, 1);
    }
    all
}

#[test]
fn a_surge_comes_first_in_every_window_that_it_fills() {
    let city = loaded("");
    apply(&city, &surge());
    let answer = json(&city, "?limit=1");
    // The newest incident is of half past eleven at night: its hour is the last.
    assert_eq!(answer["at"], "2017-04-10T00:00:00-05:00");
    assert_eq!(answer["layer"], "community_area");
    assert_eq!(answer["tests"], 4 * 5 * 2);
    assert_eq!(answer["reporting_lag"], "none");
    let windows = answer["windows"].as_array().unwrap();
    let hours: Vec<u64> = windows.iter().map(|window| window["hours"].as_u64().unwrap()).collect();
    assert_eq!(hours, [1, 6, 24, 168]);
    for (window, observed) in windows.iter().zip([4, 30, 30, 32]) {
        let peak = &window["peaks"][0];
        assert_eq!((window["standing"].as_str(), window["tests"].as_u64()), (Some("ranked"), Some(10)));
        assert_eq!((&peak["area"], &peak["category"]), (&Value::from("3"), &Value::from("C1")));
        assert_eq!(peak["observed"], observed);
        assert!(peak["q"].as_f64().unwrap() < 0.01, "{peak}");
        assert_eq!(peak["surge_evidence"].is_number(), window["hours"] == 168);
        assert_eq!(peak["percent_more"].is_number(), peak["expected"].as_f64().unwrap() >= 5.0);
    }
    // What is listed does not change what was tested.
    let one = json(&city, "?area=community_area:3&category=c1");
    assert_eq!(one["tests"], answer["tests"]);
    for (window, whole) in one["windows"].as_array().unwrap().iter().zip(windows) {
        assert_eq!(window["peaks"], whole["peaks"]);
    }
    assert_eq!(json(&city, "?area=community_area:77")["windows"][3]["peaks"], Value::Array(Vec::new()));
    // Before the surge nothing is unusual; the last whole hour before that moment counts.
    let before = json(&city, "?at=2017-04-09T12:59");
    assert_eq!(before["at"], "2017-04-09T12:00:00-05:00");
    assert_eq!(before, json(&city, "?at=2017-04-09T17:30:00Z"));
    let least = before["windows"][3]["peaks"][0]["q"].as_f64().unwrap();
    assert!(least > 0.5, "{least}");
    assert_eq!(json(&city, "?at=2017-02-01")["windows"][0]["standing"], "too_little_history");
}

#[test]
fn what_is_known_late_is_expected_late_and_what_is_past_is_known() {
    let city = loaded("[reporting_lag]\nshare_by_age_hours = [[0, 0.25], [24, 1.0]]");
    apply(&city, &surge());
    let standings = |answer: &Value| {
        let windows = answer["windows"].as_array().unwrap();
        windows.iter().map(|window| window["standing"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let now = json(&city, "");
    assert_eq!(now["reporting_lag"], "profile");
    assert_eq!(standings(&now), ["incomplete", "incomplete", "incomplete", "ranked"]);
    assert_eq!(now["tests"], 10);
    assert_eq!(now["windows"][0]["peaks"], Value::Array(Vec::new()));
    assert_eq!(now["windows"][3]["reported_share"], (24.0 * 0.25 + 144.0) / 168.0);
    let at = "?at=2017-04-09";
    let plain = loaded("");
    apply(&plain, &surge());
    let (past, without) = (json(&city, at), json(&plain, at));
    assert_eq!(standings(&past), ["ranked"; 4]);
    assert_eq!(past["windows"], without["windows"]);
}

#[test]
fn nothing_is_no_answer_but_never_a_failure() {
    let empty = loaded("");
    let answer = json(&empty, "");
    assert_eq!((&answer["at"], &answer["tests"]), (&Value::Null, &Value::from(0)));
    assert_eq!(answer["windows"].as_array().unwrap().len(), 4);
    for window in answer["windows"].as_array().unwrap() {
        assert_eq!((&window["standing"], &window["peaks"]), (&"too_little_history".into(), &Value::Array(Vec::new())));
    }
    for query in ["?at=2017", "?at=0001-01-01T00:00", "?at=9999-12-30", "?format=csv", "?format=arrow"] {
        assert_eq!(ask(&empty, query).0, 200, "{query}");
    }
}

#[test]
fn a_map_of_peaks_has_the_outlines_that_are_known() {
    let outlined = {
        let profile = Profile::from_toml(CHICAGO).unwrap();
        let layer = profile.primary_layer();
        let text = r#"{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"area_numbe":"3"},
            "geometry":{"type":"Polygon","coordinates":[[[-87.7,41.8],[-87.6,41.8],[-87.6,41.9],[-87.7,41.8]]]}}]}"#;
        let mut boundaries = Boundaries::default();
        boundaries.insert(layer, Outlines::read(&profile.layers[layer], text.as_bytes()).unwrap());
        Arc::new(LoadedCity::new(Arc::new(profile), None, Arc::new(boundaries)))
    };
    for city in [loaded(""), outlined] {
        apply(&city, &surge());
        let map = json(&city, "?format=geojson");
        let features = map["features"].as_array().unwrap();
        assert_eq!(features.len(), 40);
        for feature in features {
            let has_outline = !city.boundaries.is_empty() && feature["properties"]["area"] == "3";
            assert_eq!(feature["geometry"].is_object(), has_outline, "{feature}");
            assert!(has_outline || feature["geometry"].is_null());
        }
    }
}

#[test]
fn what_is_wrong_is_named() {
    let city = loaded("");
    apply(&city, &surge());
    for (query, parameter) in [
        ("?at=yesterday", "at"),
        ("?at=2031", "at"),
        ("?at=2017-04-10T01:00", "at"),
        ("?area=beat:0111", "area"),
        ("?area=3", "area"),
        ("?category=JAYWALKING", "category"),
        ("?limit=0", "limit"),
        ("?limit=10001", "limit"),
        ("?format=xml", "format"),
        ("?from=2017", "from"),
        ("?at=2017&at=2016", "at"),
    ] {
        let (status, body) = ask(&city, query);
        let problem: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, problem["parameter"].as_str()), (400, Some(parameter)), "{query}: {body}");
    }
    assert_eq!(ask(&city, "?at=2017-04-10T00:59").0, 200);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Revisions and deletions in any order, in any batches, with questions in between: the answer is, byte for byte, that
    /// of loading what is in force, sorted by time.
    #[test]
    fn following_is_loading_afresh(
        records in records().prop_shuffle(),
        sizes in prop::collection::vec(1_usize..40, 0..12),
        at_week in 0_i64..13,
    ) {
        let live = loaded("");
        let mut left = records.as_slice();
        for size in sizes {
            let (now, later) = left.split_at(size.min(left.len()));
            apply(&live, now);
            left = later;
            prop_assert_eq!(ask(&live, "").0, 200);
        }
        apply(&live, left);
        let fresh = loaded("");
        apply(&fresh, &in_force(&records));
        let at = format_civil(CivilMicros((BEGIN_SECONDS + at_week * WEEK_SECONDS) * 1_000_000));
        for query in ["?limit=10000".to_owned(), format!("?limit=10000&at={at}"), "?format=csv&limit=10000".to_owned()] {
            let (one, other) = (ask(&live, &query), ask(&fresh, &query));
            prop_assert!(!one.1.contains("NaN") && !one.1.contains("inf"));
            prop_assert_eq!(one, other);
        }
    }
}
