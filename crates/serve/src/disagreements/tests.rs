//! By the route itself, against a model that keeps every incident: whatever the order of arrival, and whenever it is asked.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use crate::{ask::Asked, state::State};
use blotter_cube::Locator;
use blotter_incident::{Boundaries, Header, IncidentBatch, Observation, Outlines, Parser, Profile, Row, UtcMicros};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

const CITY: &str = include_str!("../../../../cities/chicago.toml");

/// One revision of an incident; the greatest `observed` of an id is in force.
#[derive(Clone, Debug)]
struct Record {
    id: u32,
    observed: i64,
    deleted: bool,
    /// 0 is none.
    area: u8,
    /// West of -87.7 lies area 1, from there to -87.6 area 2, and then nothing. The last is no point, the one before it outside
    /// of the city.
    place: usize,
}

const PLACES: [&str; 7] = ["-87.79", "-87.75", "-87.70", "-87.65", "-87.55", "-91.0", ""];

/// The area of the outline at a place, as the model knows it.
fn outlined(place: usize) -> Option<u8> {
    [Some(1), Some(1), Some(2), Some(2), None, None, None][place]
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    let one = (0_u32..30, prop::bool::weighted(0.1), 0_u8..4, 0..PLACES.len());
    prop::collection::vec(one, 1..120).prop_map(|all| {
        let record = |(observed, (id, deleted, area, place))| Record { id, observed, deleted, area, place };
        (0..).zip(all).map(record).collect()
    })
}

fn city() -> Arc<State> {
    let profile = Profile::from_toml(CITY).unwrap();
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
    Arc::new(State::new(Arc::new(profile), None, Arc::new(boundaries)))
}

fn apply(state: &State, records: &[Record]) {
    let mut parser = Parser::new(Arc::clone(&state.profile), 1);
    let names = ["id", "date", "primary_type", "community_area", "latitude", "longitude"];
    parser.set_header(Header::resolve(&state.profile, &names).unwrap());
    for record in records {
        let fields = [
            record.id.to_string(),
            "2017-01-02T03:04:05".to_owned(),
            "THEFT".to_owned(),
            record.area.to_string(),
            "41.9".to_owned(),
            PLACES[record.place].to_owned(),
        ];
        let ends: Vec<usize> = (1..=fields.len()).map(|count| fields[..count].concat().len()).collect();
        let observation = Observation { observed_at: UtcMicros(record.observed), deleted: record.deleted, id: None };
        let bytes = fields.concat();
        parser.push(&Row::new(bytes.as_bytes(), &ends), &observation, UtcMicros(2_000_000_000_000_000)).unwrap();
    }
    let batches = parser.finish().unwrap();
    let mut view = state.write();
    for (_, batch) in &batches {
        view.cube.apply(&IncidentBatch::try_new(batch).unwrap(), |row| Locator { partition: 0, offset: row as u64 });
    }
}

/// By layer, as `meta` says it, which is what the metrics say.
fn said(state: &Arc<State>) -> BTreeMap<String, Option<u64>> {
    let asked = Asked::of(Arc::clone(state)).unwrap();
    let meta: Value = serde_json::from_slice(&asked.ask("/api/v1/meta").unwrap().body).unwrap();
    let metrics = String::from_utf8(asked.ask("/metrics").unwrap().body).unwrap();
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
    let mut winners: BTreeMap<u32, &Record> = BTreeMap::new();
    for record in records {
        let winner = winners.entry(record.id).or_insert(record);
        if record.observed > winner.observed {
            *winner = record;
        }
    }
    let disagrees = |record: &&&Record| {
        !record.deleted && record.area != 0 && outlined(record.place).is_some_and(|area| area != record.area)
    };
    winners.values().filter(disagrees).count() as u64
}

#[test]
fn a_layer_without_outlines_says_nothing() {
    let state = city();
    apply(&state, &[Record { id: 1, observed: 1, deleted: false, area: 3, place: 0 }]);
    let all = said(&state);
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
        let live = city();
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
        let fresh = city();
        apply(&fresh, &records);
        prop_assert_eq!(said(&live), said(&fresh));
        prop_assert_eq!(said(&live)["community_area"], Some(expected(&records)));
    }
}
