//! By the route itself, against a model that keeps every incident: whatever the order of arrival, and whenever it is asked.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use crate::testing::{CHICAGO, Record, apply, ask, in_force, json};
use blotter_city::{Outlines, Profile};
use blotter_incident::Boundaries;
use blotter_query::LoadedCity;
use proptest::prelude::*;
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};

/// West of -87.7 lies area 1, from there to -87.6 area 2, and then nothing; the fifth lies outside of the city.
const LONGITUDES: [f64; 6] = [-87.79, -87.75, -87.70, -87.65, -87.55, -91.0];

/// The area of the outline at a place, as the model knows it.
fn outlined(longitude: f64) -> Option<u8> {
    match longitude {
        ..-87.8 => None,
        ..-87.7 => Some(1),
        ..-87.6 => Some(2),
        _ => None,
    }
}

fn record(id: u32, observed: i64, deleted: bool, area: u8, longitude: Option<f64>) -> Record {
    let point = longitude.map(|longitude| (41.9, longitude));
    Record { id, observed, deleted, second: 1_483_326_245, area, category: 0, point }
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    let one = (0_u32..30, prop::bool::weighted(0.1), 0_u8..4, 0..=LONGITUDES.len());
    prop::collection::vec(one, 1..120).prop_map(|all| {
        let each = |(observed, (id, deleted, area, place)): (i64, (u32, bool, u8, usize))| {
            record(id, observed, deleted, area, LONGITUDES.get(place).copied())
        };
        (0..).zip(all).map(each).collect()
    })
}

fn loaded() -> Arc<LoadedCity> {
    let profile = Profile::from_toml(CHICAGO).unwrap();
    let area = |code: u8, west: f64, east: f64| {
        let ring = json!([[west, 41.8], [east, 41.8], [east, 42.0], [west, 42.0], [west, 41.8]]);
        json!({ "type": "Feature", "properties": { "area_numbe": code.to_string() },
            "geometry": { "type": "Polygon", "coordinates": [ring] } })
    };
    let features = [area(1, -87.8, -87.7), area(2, -87.7, -87.6)];
    let text = json!({ "type": "FeatureCollection", "features": features }).to_string();
    let layer = profile.layer("community_area").unwrap();
    let mut boundaries = Boundaries::default();
    boundaries.insert(layer, Outlines::read(&profile.layers[layer], text.as_bytes()).unwrap());
    Arc::new(LoadedCity::new(Arc::new(profile), None, Arc::new(boundaries)))
}

/// By layer, as `meta` says it, which is what the metrics say.
fn said(city: &Arc<LoadedCity>) -> BTreeMap<String, Option<u64>> {
    let meta = json(city, "/api/v1/meta");
    let (_, metrics) = ask(city, "/metrics");
    let layers = meta["layers"].as_array().unwrap();
    let all: BTreeMap<_, _> = layers
        .iter()
        .map(|layer| (layer["name"].as_str().unwrap().to_owned(), layer["disagreeing"].as_u64()))
        .collect();
    for (name, count) in &all {
        let line = count.map(|count| format!("blotter_disagreeing{{layer=\"{name}\"}} {count}\n"));
        assert!(line.is_none_or(|line| metrics.contains(&line)), "{metrics}");
    }
    all
}

fn expected(records: &[Record]) -> u64 {
    let disagrees = |record: &&Record| {
        let outlined = record.point.and_then(|(_, longitude)| outlined(longitude));
        record.area != 0 && outlined.is_some_and(|area| area != record.area)
    };
    in_force(records).iter().filter(disagrees).count() as u64
}

#[test]
fn a_layer_without_outlines_says_nothing() {
    let city = loaded();
    apply(&city, &[record(1, 1, false, 3, Some(-87.79))]);
    let all = said(&city);
    assert_eq!((all["community_area"], all["beat"], all["ward"]), (Some(1), None, None));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn following_says_what_a_fresh_load_says(
        (records, arrival) in records().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        pieces in 1_usize..20,
        most in 1_usize..9,
        (ahead, between) in (any::<bool>(), any::<bool>()),
    ) {
        let live = loaded();
        let mut arrived = Vec::new();
        for piece in arrival.chunks(pieces) {
            apply(&live, piece);
            arrived.extend_from_slice(piece);
            if ahead {
                live.find_areas(most);
            }
            if between {
                prop_assert_eq!(said(&live)["community_area"], Some(expected(&arrived)));
            }
        }
        while !live.find_areas(most) {}
        let fresh = loaded();
        apply(&fresh, &records);
        prop_assert_eq!(said(&live), said(&fresh));
        prop_assert_eq!(said(&live)["community_area"], Some(expected(&records)));
    }
}
