//! The cube against a model that keeps every incident and answers by going through all of them.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use blotter_city::{BoundingBox, CityClock, CivilMicros, Profile, UtcMicros, format_civil};
use blotter_cube::{
    Bucket, By, Changes, CountedIncident, Cube, Cursor, Filter, HOURS, HourCell, HoursOfWeek, Locator, Occurrences,
};
use blotter_incident::{Header, Incident, IncidentBatch, Observation, Parser, Row};
use h3o::{LatLng, Resolution};
use proptest::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

const NAMES: [&str; 10] = [
    "id",
    "date",
    "updated_on",
    "primary_type",
    "community_area",
    "beat",
    "arrest",
    "domestic",
    "latitude",
    "longitude",
];

type Fields = (u32, i64, Option<u32>, u8, u8, u8, Option<bool>, Option<bool>, u8);

fn record() -> impl Strategy<Value = (Fields, i64, bool)> {
    let fields = (
        0_u32..40,
        // Around both changes of the clocks of 2017, about the end of a month, and over year ends.
        prop_oneof![
            1_488_320_000_i64..1_488_332_000,
            1_489_200_000_i64..1_489_400_000,
            1_509_800_000_i64..1_510_000_000,
            1_480_000_000_i64..1_520_000_000
        ],
        prop::option::of(0_u32..3),
        0_u8..4,
        0_u8..4,
        0_u8..3,
        any::<Option<bool>>(),
        any::<Option<bool>>(),
        0_u8..12,
    );
    (fields, 0_i64..4, prop::bool::weighted(0.1))
}

/// Hours of UTC that lie in two civil months, and a clock that goes back over midnight, are other cities'.
const ZONES: [&str; 3] = ["America/Chicago", "Asia/Kolkata", "America/Sao_Paulo"];

fn profile(zone: &str) -> Arc<Profile> {
    let chicago = include_str!("../../../cities/chicago.toml");
    Arc::new(Profile::from_toml(&chicago.replace(ZONES[0], zone)).unwrap())
}

fn batch(profile: &Arc<Profile>, records: &[(Fields, i64, bool)]) -> arrow::array::RecordBatch {
    let mut parser = Parser::new(Arc::clone(profile), 1);
    parser.set_header(Header::resolve(profile, &NAMES).unwrap());
    for ((id, at, updated, category, area, beat, arrest, domestic, place), observed, deleted) in records {
        let flag = |flag: &Option<bool>| flag.map(|flag| flag.to_string()).unwrap_or_default();
        let (latitude, longitude) = match place {
            0 => (String::new(), String::new()),
            1 => ("36.6".to_owned(), "-91.7".to_owned()),
            place => {
                (format!("{}", 41.70 + f64::from(*place) / 50.0), format!("{}", -87.80 + f64::from(place % 5) / 40.0))
            }
        };
        let fields = [
            if id % 2 == 0 { id.to_string() } else { format!("k-{id}") },
            format_civil(CivilMicros(at * 1_000_000)),
            updated
                .map(|day| format_civil(CivilMicros(1_500_000_000_000_000 + i64::from(day) * 86_400_000_000)))
                .unwrap_or_default(),
            format!("C{category}"),
            if *area == 0 { String::new() } else { area.to_string() },
            (100 + u32::from(*beat)).to_string(),
            flag(arrest),
            flag(domestic),
            latitude,
            longitude,
        ];
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for field in &fields {
            bytes.extend_from_slice(field.as_bytes());
            ends.push(bytes.len());
        }
        let observation = Observation { observed_at: UtcMicros(*observed), deleted: *deleted, id: None };
        parser.push(&Row::new(&bytes, &ends), &observation, UtcMicros(2_000_000_000_000_000)).unwrap();
    }
    parser.finish().unwrap().remove(0).1
}

fn filter() -> impl Strategy<Value = Filter> {
    let time = || prop::option::of((1_480_000_000_i64..1_520_000_000).prop_map(|second| UtcMicros(second * 1_000_000)));
    let areas = prop::option::of((prop::sample::select(vec![0_usize, 2]), prop::collection::vec(0_u32..4, 1..3)));
    let bbox = prop::option::of((0_u8..12, 0_u8..12));
    let hours = prop::option::of(prop::collection::vec(0_u8..180, 0..100));
    let categories = prop::collection::vec(0_u8..5, 0..3);
    (time(), time(), categories, areas, any::<Option<bool>>(), any::<Option<bool>>(), bbox, hours).prop_map(
        |(from, to, categories, areas, arrest, domestic, bbox, hours)| Filter {
            from,
            to,
            categories: categories.into_iter().map(|category| format!("C{category}")).collect(),
            areas: areas
                .into_iter()
                .map(|(layer, codes)| {
                    (
                        layer,
                        codes
                            .iter()
                            .map(|code| if layer == 0 { code.to_string() } else { format!("0{}", 100 + code) })
                            .collect(),
                    )
                })
                .collect(),
            arrest,
            domestic,
            bbox: bbox.map(|(south, north)| BoundingBox {
                // Borders on which points lie.
                west: -87.80 + 1.0 / 40.0,
                south: 41.70 + f64::from(south.min(north)) / 50.0,
                east: -87.80 + 3.0 / 40.0,
                north: 41.70 + f64::from(south.max(north)) / 50.0,
            }),
            hours_of_week: hours.map(|hours| hours.into_iter().collect::<HoursOfWeek>()),
        },
    )
}

struct Model {
    winners: BTreeMap<String, (Incident, usize)>,
    city: BoundingBox,
    clock: CityClock,
}

impl Model {
    fn mapped(&self, incident: &Incident) -> Option<(f64, f64)> {
        incident.position.filter(|(latitude, longitude)| self.city.contains(*latitude, *longitude))
    }

    fn selected(&self, profile: &Profile, filter: &Filter) -> Vec<&(Incident, usize)> {
        let holds = |incident: &Incident| {
            let at = incident.occurred_at_utc;
            !incident.deleted
                && filter.from.is_none_or(|from| at >= from)
                && filter.to.is_none_or(|to| at < to)
                && (filter.categories.is_empty() || filter.categories.contains(&incident.category))
                && filter.areas.iter().all(|(layer, codes)| {
                    codes.contains(incident.areas.get(&profile.layers[*layer].name).unwrap_or(&String::new()))
                })
                && filter.arrest.is_none_or(|arrest| incident.arrest == Some(arrest))
                && filter.domestic.is_none_or(|domestic| incident.domestic == Some(domestic))
                && filter
                    .bbox
                    .is_none_or(|bbox| self.mapped(incident).is_some_and(|(lat, lon)| bbox.contains(lat, lon)))
                && filter.hours_of_week.is_none_or(|hours| hours.contains(hour_of_week(&self.clock, at) as u8))
        };
        self.winners.values().filter(|(incident, _)| holds(incident)).collect()
    }
}

/// The hour of the week of an instant, by jiff and not by our tables.
fn hour_of_week(clock: &CityClock, at: UtcMicros) -> usize {
    let civil: jiff::civil::DateTime = format_civil(clock.to_civil(at)).parse().unwrap();
    civil.weekday().to_monday_zero_offset() as usize * 24 + civil.hour() as usize
}

/// The name of an instant's bucket, by jiff and not by our tables.
fn bucket_name(clock: &CityClock, at: UtcMicros, bucket: Bucket) -> String {
    if bucket == Bucket::Hour {
        return clock.format(UtcMicros(at.0.div_euclid(3_600_000_000) * 3_600_000_000));
    }
    let date: jiff::civil::DateTime = format_civil(clock.to_civil(at)).parse().unwrap();
    let date = date.date();
    let first = match bucket {
        Bucket::Hour | Bucket::Day => date,
        Bucket::Week => {
            let back = i64::from(date.weekday().to_monday_zero_offset());
            date.checked_sub(jiff::Span::new().days(back)).unwrap()
        }
        Bucket::Month => date.first_of_month(),
        Bucket::Year => jiff::civil::date(date.year(), 1, 1),
    };
    first.to_string()
}

fn key_of(profile: &Profile, by: By, incident: &Incident) -> String {
    match by {
        By::None => String::new(),
        By::Category => incident.category.clone(),
        By::Layer(layer) => incident.areas.get(&profile.layers[layer].name).cloned().unwrap_or_default(),
    }
}

/// The number of each batch's first row among all.
fn batch_offsets(batches: &[Vec<(Fields, i64, bool)>]) -> Vec<usize> {
    batches.iter().scan(0, |next, batch| Some(std::mem::replace(next, *next + batch.len()))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn answers_are_the_models(
        batches in prop::collection::vec(prop::collection::vec(record(), 1..40), 1..6),
        filters in prop::collection::vec(filter(), 1..5),
        resolution in prop_oneof![4 => 7_u8..=11, 2 => Just(9_u8), 1 => 0_u8..=15],
        limit in 1_usize..9,
        indexed in prop_oneof![0_usize..4, Just(1_000)],
        zone in prop::sample::select(&ZONES),
    ) {
        let profile = profile(zone);
        let mut cube = Cube::new(&profile);
        let mut model = Model { winners: BTreeMap::new(), city: profile.bounding_box, clock: profile.clock() };
        let mut offset = 0;
        let mut said: BTreeMap<_, u64> = BTreeMap::new();
        let mut told: BTreeMap<String, CountedIncident> = BTreeMap::new();
        for records in &batches {
            let records = batch(&profile, records);
            let columns = IncidentBatch::try_new(&records).unwrap();
            let locate = |row: usize| Locator { partition: 3, offset: offset + row as u64 };
            let changes = cube.apply_into(&columns, locate, Changes::listing(usize::MAX));
            for change in changes.listed().unwrap() {
                let before = match &change.after {
                    Some(after) => told.insert(change.id.clone(), after.clone()),
                    None => told.remove(&change.id),
                };
                prop_assert_eq!(&before, &change.before);
                prop_assert_eq!(change.record.partition, 3);
                let row = (change.record.offset - offset) as usize;
                prop_assert_eq!(columns.id.value(row), &change.id);
            }
            for (slot, total) in cube.totals_of(&changes, usize::MAX).unwrap() {
                said.insert(slot, total);
            }
            for row in 0..columns.len {
                let incident = columns.incident(row);
                let place = offset as usize + row;
                let wins = model.winners.get(&incident.id).is_none_or(|(winner, _)| incident.revision() > winner.revision());
                if wins {
                    model.winners.insert(incident.id.clone(), (incident, place));
                }
            }
            offset += columns.len as u64;
            // All, some or none of the places: the answers are the same.
            cube.index_places(indexed);
        }

        let live: Vec<_> = model.selected(&profile, &Filter::default());
        prop_assert_eq!(cube.incident_totals().total, live.len() as u64);
        prop_assert_eq!(cube.incident_totals().mapped, live.iter().filter(|(incident, _)| model.mapped(incident).is_some()).count() as u64);
        let counted = |incident: &Incident| CountedIncident {
            at: incident.occurred_at_utc,
            category: incident.category.clone(),
            areas: profile.layers.iter().map(|layer| incident.areas.get(&layer.name).cloned().unwrap_or_default()).collect(),
            arrest: incident.arrest,
            domestic: incident.domestic,
            point: model.mapped(incident),
        };
        prop_assert_eq!(told, live.iter().map(|(incident, _)| (incident.id.clone(), counted(incident))).collect::<BTreeMap<_, _>>());
        let mut hourly: BTreeMap<(i64, String, String), u64> = BTreeMap::new();
        for (incident, _) in &live {
            let hour = incident.occurred_at_utc.0.div_euclid(3_600_000_000) * 3_600_000_000;
            let area = incident.areas.get("community_area").cloned().unwrap_or_default();
            *hourly.entry((hour, area, incident.category.clone())).or_default() += 1;
        }
        let said: BTreeMap<_, _> =
            said.into_iter().filter(|(_, total)| *total > 0).map(|(slot, total)| ((slot.bucket.0, slot.area, slot.category), total)).collect();
        prop_assert_eq!(&said, &hourly);
        let named = |cell: &HourCell| {
            let (area, category) = (&cube.primary_area_words()[usize::from(cell.area)], &cube.category_words()[usize::from(cell.category)]);
            (i64::from(cell.hour) * 3_600_000_000, area.clone(), category.clone())
        };
        let mut totals = Vec::new();
        cube.each_hourly_total(|cell, total| totals.push((cell, total)));
        prop_assert!(totals.iter().map(|(cell, _)| (cell.category, cell.area, cell.hour)).is_sorted());
        prop_assert_eq!(totals.len(), hourly.len());
        prop_assert_eq!(totals.iter().map(|(cell, total)| (named(cell), u64::from(*total))).collect::<BTreeMap<_, _>>(), hourly.clone());
        // Each incident in force once, without its other columns: half of them as rows, half one by one.
        let mut tallied = Cube::new(&profile);
        let is_row = |incident: &Incident| incident.content_hash % 2 == 0;
        for (records, first) in batches.iter().zip(batch_offsets(&batches)) {
            let records = batch(&profile, records);
            let columns = IncidentBatch::try_new(&records).unwrap();
            let rows = Occurrences { at: columns.occurred_at_utc, category: columns.category, area: columns.areas.first().copied() };
            tallied.tally(&rows, |row| live.iter().any(|(incident, place)| *place == first + row && is_row(incident)));
        }
        for (incident, _) in live.iter().filter(|(incident, _)| !is_row(incident)) {
            tallied.tally_one(incident.occurred_at_utc, &incident.category, incident.areas.get("community_area").map(String::as_str));
        }
        let mut tallied_totals = Vec::new();
        tallied.each_hourly_total(|cell, total| {
            let (area, category) =
                (&tallied.primary_area_words()[usize::from(cell.area)], &tallied.category_words()[usize::from(cell.category)]);
            tallied_totals.push(((i64::from(cell.hour) * 3_600_000_000, area.clone(), category.clone()), u64::from(total)));
        });
        prop_assert_eq!(tallied_totals.len(), hourly.len());
        prop_assert_eq!(tallied_totals.into_iter().collect::<BTreeMap<_, _>>(), hourly.clone());
        prop_assert_eq!(tallied.period(), cube.period());
        prop_assert_eq!(tallied.categories(), cube.categories());
        prop_assert_eq!(tallied.incident_totals().total, cube.incident_totals().total);
        // Some of them, and hours that have none.
        let asked: BTreeSet<HourCell> =
            totals.iter().step_by(2).flat_map(|(cell, _)| [*cell, HourCell { hour: cell.hour + 1, ..*cell }, HourCell { area: 0, ..*cell }]).collect();
        let mut answered = cube.hourly_totals_of(asked.iter().copied());
        answered.sort_unstable();
        prop_assert_eq!(answered.iter().map(|(cell, _)| *cell).collect::<Vec<_>>(), asked.into_iter().collect::<Vec<_>>());
        for (cell, total) in &answered {
            prop_assert_eq!(u64::from(*total), hourly.get(&named(cell)).copied().unwrap_or_default());
        }

        for filter in &filters {
            let selected = model.selected(&profile, filter);
            let cells = cube.cells(filter, resolution);
            let mut expect = BTreeMap::new();
            for (incident, _) in &selected {
                if let Some((latitude, longitude)) = model.mapped(incident) {
                    let cell = LatLng::new(latitude, longitude).unwrap().to_cell(Resolution::try_from(resolution).unwrap());
                    *expect.entry(u64::from(cell)).or_insert(0) += 1;
                }
            }
            prop_assert_eq!(cells.cells.iter().map(|(cell, count)| (u64::from(*cell), *count)).collect::<BTreeMap<_, _>>(), expect);
            prop_assert_eq!(cells.mapped + cells.unmapped, selected.len() as u64);

            let points = cube.points(filter);
            let mut expect = BTreeMap::new();
            for (latitude, longitude) in selected.iter().filter_map(|(incident, _)| model.mapped(incident)) {
                *expect.entry((latitude.to_bits(), longitude.to_bits())).or_insert(0) += 1;
            }
            prop_assert_eq!((points.mapped, points.unmapped), (cells.mapped, cells.unmapped));
            prop_assert_eq!(points.counts.len(), cube.places());
            let counted = cube.place_points(0).iter().zip(&points.counts).filter(|(_, count)| **count > 0);
            let ours: BTreeMap<_, _> =
                counted.clone().map(|((latitude, longitude), count)| ((latitude.to_bits(), longitude.to_bits()), *count)).collect();
            prop_assert_eq!(ours.len(), counted.count());
            prop_assert_eq!(ours, expect);

            for bucket in [Bucket::Hour, Bucket::Day, Bucket::Week, Bucket::Month, Bucket::Year] {
                let period = Filter { from: filter.from, to: filter.to, ..Filter::default() };
                let buckets = cube.series(&period, By::None, bucket, usize::MAX / 16).unwrap().buckets;
                let ours = cube.cells_by_bucket(filter, resolution, bucket, usize::MAX / 16).unwrap();
                prop_assert_eq!(&ours.buckets, &buckets);
                prop_assert_eq!((ours.mapped, ours.unmapped), (cells.mapped, cells.unmapped));
                prop_assert_eq!(&ours.cells, &cells.cells.iter().map(|(cell, _)| *cell).collect::<Vec<_>>());
                let mut expect = vec![vec![0; ours.cells.len()]; buckets.len()];
                for (incident, _) in &selected {
                    let Some((latitude, longitude)) = model.mapped(incident) else { continue };
                    let cell = LatLng::new(latitude, longitude).unwrap().to_cell(Resolution::try_from(resolution).unwrap());
                    let at = buckets.iter().position(|name| *name == bucket_name(&model.clock, incident.occurred_at_utc, bucket)).unwrap();
                    expect[at][ours.cells.iter().position(|other| *other == cell).unwrap()] += 1;
                }
                prop_assert_eq!(ours.counts, expect);
            }
            if !cells.cells.is_empty() {
                prop_assert!(cube.cells_by_bucket(filter, resolution, Bucket::Month, 1).is_err());
            }

            for bucket in [Bucket::Hour, Bucket::Day, Bucket::Week, Bucket::Month, Bucket::Year] {
                for by in [By::None, By::Category, By::Layer(0), By::Layer(2)] {
                    let series = cube.series(filter, by, bucket, usize::MAX / 16).unwrap();
                    let mut expect: BTreeMap<(String, String), u32> = BTreeMap::new();
                    for (incident, _) in &selected {
                        *expect.entry((key_of(&profile, by, incident), bucket_name(&model.clock, incident.occurred_at_utc, bucket))).or_default() += 1;
                    }
                    let mut ours = BTreeMap::new();
                    for line in &series.lines {
                        prop_assert_eq!(line.counts.len(), series.buckets.len());
                        for (name, count) in series.buckets.iter().zip(&line.counts).filter(|(_, count)| **count > 0) {
                            ours.insert((line.key.clone(), name.clone()), *count);
                        }
                    }
                    prop_assert_eq!(ours, expect);
                }
            }

            for by in [By::None, By::Category, By::Layer(0), By::Layer(2)] {
                let mut expect: BTreeMap<String, Vec<u32>> = BTreeMap::new();
                for (incident, _) in &selected {
                    let counts = expect.entry(key_of(&profile, by, incident)).or_insert_with(|| vec![0; HOURS]);
                    counts[hour_of_week(&model.clock, incident.occurred_at_utc)] += 1;
                }
                let lines = cube.hours_of_week(filter, by);
                let total = |counts: &[u32]| counts.iter().sum::<u32>();
                prop_assert!(lines.is_sorted_by_key(|line| std::cmp::Reverse(total(&line.counts))));
                prop_assert_eq!(lines.into_iter().map(|line| (line.key, line.counts)).collect::<BTreeMap<_, _>>(), expect);
            }

            let mut order = selected.clone();
            order.sort_by(|(a, _), (b, _)| {
                let second = |incident: &Incident| incident.occurred_at_utc.0.div_euclid(1_000_000);
                second(b).cmp(&second(a)).then_with(|| a.id.cmp(&b.id))
            });
            let mut pages = Vec::new();
            let mut cursor: Option<Cursor> = None;
            loop {
                let page = cube.newest(filter, limit, cursor.as_ref());
                pages.extend(page.incidents.iter().map(|listed| listed.text.offset as usize));
                let Some(last) = page.incidents.last().filter(|_| page.has_more) else { break };
                cursor = Some(Cursor::parse(&last.cursor.to_text()).unwrap());
            }
            prop_assert_eq!(pages, order.into_iter().map(|(_, offset)| *offset).collect::<Vec<_>>());
        }
    }
}
