//! Enough incidents for two threads and for the totals by category, against sums over all of them; and what each costs.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use blotter_city::{CityClock, CivilMicros, Profile, UtcMicros, format_civil, parse_civil};
use blotter_cube::{Bucket, By, Cube, Filter, HOURS, HoursOfWeek, Locator};
use blotter_incident::{Header, IncidentBatch, Observation, Parser, Row};
use h3o::{LatLng, Resolution};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{collections::BTreeMap, sync::Arc};

const NAMES: [&str; 11] = [
    "id",
    "date",
    "updated_on",
    "primary_type",
    "community_area",
    "district",
    "beat",
    "ward",
    "arrest",
    "latitude",
    "longitude",
];
const INCIDENTS: usize = 300_000;
const BATCH_ROWS: usize = 8192;

#[derive(Clone)]
struct Known {
    second: i64,
    category: u32,
    area: u32,
    arrest: bool,
    point: Option<(u32, u32)>,
    deleted: bool,
}

fn draw(chance: &mut ChaCha8Rng) -> Known {
    Known {
        // 2020 to 2023, more of it late; about as many a month and category as Chicago has.
        second: 1_700_000_000 - (f64::powi(chance.random::<f64>(), 2) * 120_000_000.0) as i64,
        category: (f64::powi(chance.random::<f64>(), 3) * 30.0) as u32,
        area: chance.random_range(1..=77),
        arrest: chance.random_bool(0.25),
        point: chance.random_bool(0.98).then(|| (chance.random_range(0..250), chance.random_range(0..200))),
        deleted: false,
    }
}

fn position((north, east): (u32, u32)) -> (f64, f64) {
    (41.65 + f64::from(north) / 700.0, -87.80 + f64::from(east) / 900.0)
}

struct City {
    profile: Arc<Profile>,
    parser: Parser,
    cube: Cube,
    offset: u64,
}

impl City {
    fn apply<'a>(&mut self, records: impl Iterator<Item = (usize, &'a Known)>, observed_at: i64) {
        let records: Vec<_> = records.collect();
        for records in records.chunks(BATCH_ROWS) {
            for (id, known) in records {
                let (latitude, longitude) =
                    known.point.map(position).map_or_else(Default::default, |(y, x)| (y.to_string(), x.to_string()));
                let fields = [
                    id.to_string(),
                    format_civil(CivilMicros(known.second * 1_000_000)),
                    "2024-01-01T00:00:00".to_owned(),
                    format!("C{}", known.category),
                    known.area.to_string(),
                    (known.area % 25).to_string(),
                    (known.area * 4).to_string(),
                    (known.area % 50).to_string(),
                    known.arrest.to_string(),
                    latitude,
                    longitude,
                ];
                let (mut bytes, mut ends) = (Vec::new(), Vec::new());
                for field in &fields {
                    bytes.extend_from_slice(field.as_bytes());
                    ends.push(bytes.len());
                }
                let observation = Observation { observed_at: UtcMicros(observed_at), deleted: known.deleted, id: None };
                self.parser.push(&Row::new(&bytes, &ends), &observation, UtcMicros(2_000_000_000_000_000)).unwrap();
            }
            let batch = self.parser.finish().unwrap().remove(0).1;
            let columns = IncidentBatch::try_new(&batch).unwrap();
            let base = self.offset;
            self.cube.apply(&columns, |row| Locator { partition: 0, offset: base + row as u64 });
            self.offset += columns.len as u64;
        }
    }
}

fn instant(clock: &CityClock, known: &Known) -> UtcMicros {
    clock.to_utc(CivilMicros(known.second * 1_000_000))
}

fn holds(clock: &CityClock, filter: &Filter, known: &Known) -> bool {
    let at = instant(clock, known);
    !known.deleted
        && filter.from.is_none_or(|from| at >= from)
        && filter.to.is_none_or(|to| at < to)
        && (filter.categories.is_empty() || filter.categories.contains(&format!("C{}", known.category)))
        && filter.areas.iter().all(|(_, codes)| codes.contains(&known.area.to_string()))
        && filter.arrest.is_none_or(|arrest| arrest == known.arrest)
        && filter.hours_of_week.is_none_or(|hours| hours.contains(hour_of_week(clock, known) as u8))
}

fn civil(clock: &CityClock, known: &Known) -> jiff::civil::DateTime {
    format_civil(clock.to_civil(instant(clock, known))).parse().unwrap()
}

fn hour_of_week(clock: &CityClock, known: &Known) -> usize {
    let civil = civil(clock, known);
    civil.weekday().to_monday_zero_offset() as usize * 24 + civil.hour() as usize
}

/// The name of the week or month in which a day lies.
fn first_day(date: jiff::civil::Date, bucket: Bucket) -> String {
    let back = match bucket {
        Bucket::Week => date.weekday().to_monday_zero_offset(),
        _ => date.day() - 1,
    };
    date.checked_sub(jiff::Span::new().days(i64::from(back))).unwrap().to_string()
}

fn filters(clock: &CityClock) -> Vec<Filter> {
    let moment = |text| parse_civil(text).map(|civil| clock.to_utc(civil));
    let all = Filter::default();
    let words = |codes: &[u32]| codes.iter().map(|code| format!("C{code}")).collect::<Vec<_>>();
    let areas = |codes: &[u32]| vec![(0, codes.iter().map(u32::to_string).collect::<Vec<_>>())];
    vec![
        all.clone(),
        Filter { from: moment("2020-03-08T12:00"), ..all.clone() },
        Filter { to: moment("2023-06-15"), ..all.clone() },
        Filter { from: moment("2020-06-01"), to: moment("2023-01-01"), categories: words(&[0, 3, 29]), ..all.clone() },
        Filter { from: moment("2022-02-27"), to: moment("2022-03-02"), ..all.clone() },
        Filter { categories: words(&[1]), ..all.clone() },
        Filter { categories: words(&[99]), ..all.clone() },
        Filter { arrest: Some(true), ..all.clone() },
        Filter { areas: areas(&[32]), ..all.clone() },
        Filter { areas: areas(&[8, 77]), arrest: Some(false), to: moment("2022-05-05"), ..all.clone() },
        Filter { hours_of_week: Some([5, 100].into_iter().collect()), ..all.clone() },
        Filter { from: moment("2021-01-01"), hours_of_week: Some((0..24).collect::<HoursOfWeek>()), ..all },
    ]
}

fn check(city: &City, incidents: &[Known]) {
    let clock = city.profile.clock();
    for filter in filters(&clock) {
        let selected: Vec<&Known> = incidents.iter().filter(|known| holds(&clock, &filter, known)).collect();
        let dates: Vec<jiff::civil::Date> = selected.iter().map(|known| civil(&clock, known).date()).collect();
        for resolution in [9, 8] {
            let mut by_point: BTreeMap<(u32, u32), u64> = BTreeMap::new();
            for point in selected.iter().filter_map(|known| known.point) {
                *by_point.entry(point).or_default() += 1;
            }
            let mut expect: BTreeMap<u64, u64> = BTreeMap::new();
            let mut cell_of: BTreeMap<(u32, u32), u64> = BTreeMap::new();
            for (point, count) in &by_point {
                let (latitude, longitude) = position(*point);
                let cell = LatLng::new(latitude, longitude).unwrap().to_cell(Resolution::try_from(resolution).unwrap());
                *expect.entry(u64::from(cell)).or_default() += count;
                cell_of.insert(*point, u64::from(cell));
            }
            let cells = city.cube.cells(&filter, resolution);
            assert_eq!(cells.mapped + cells.unmapped, selected.len() as u64, "{filter:?}");
            let ours: BTreeMap<u64, u64> = cells.cells.iter().map(|(cell, count)| (u64::from(*cell), *count)).collect();
            assert_eq!(ours, expect, "{filter:?}");
            for bucket in [Bucket::Week, Bucket::Month] {
                let mut expect: BTreeMap<(String, u64), u32> = BTreeMap::new();
                for (known, date) in selected.iter().zip(&dates) {
                    if let Some(point) = known.point {
                        *expect.entry((first_day(*date, bucket), cell_of[&point])).or_default() += 1;
                    }
                }
                let cube = city.cube.cells_by_bucket(&filter, resolution, bucket, usize::MAX / 16).unwrap();
                assert_eq!((cube.mapped, cube.unmapped), (cells.mapped, cells.unmapped), "{filter:?}");
                let ours = cube.buckets.iter().zip(&cube.counts).flat_map(|(name, counts)| {
                    let held = cube.cells.iter().zip(counts).filter(|(_, count)| **count > 0);
                    held.map(|(cell, count)| ((name.clone(), u64::from(*cell)), *count))
                });
                assert_eq!(ours.collect::<BTreeMap<_, _>>(), expect, "{filter:?}");
            }
        }
        let mut by_point: BTreeMap<(u64, u64), u32> = BTreeMap::new();
        for (latitude, longitude) in selected.iter().filter_map(|known| known.point).map(position) {
            *by_point.entry((latitude.to_bits(), longitude.to_bits())).or_default() += 1;
        }
        let points = city.cube.place_points(0).iter().zip(city.cube.points(&filter).counts);
        let ours = points
            .filter(|(_, count)| *count > 0)
            .map(|((latitude, longitude), count)| ((latitude.to_bits(), longitude.to_bits()), count));
        assert_eq!(ours.collect::<BTreeMap<_, _>>(), by_point, "{filter:?}");
        let mut hours: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        let mut months: BTreeMap<(String, String), u32> = BTreeMap::new();
        for (known, date) in selected.iter().zip(&dates) {
            let category = format!("C{}", known.category);
            hours.entry(category.clone()).or_insert_with(|| vec![0; HOURS])[hour_of_week(&clock, known)] += 1;
            *months.entry((category, first_day(*date, Bucket::Month))).or_default() += 1;
        }
        let ours = city.cube.hours_of_week(&filter, By::Category);
        assert_eq!(
            ours.into_iter().map(|line| (line.key, line.counts)).collect::<BTreeMap<_, _>>(),
            hours,
            "{filter:?}"
        );
        let mut sums = vec![0; HOURS];
        for (hour, count) in hours.values().flat_map(|counts| counts.iter().enumerate()) {
            sums[hour] += count;
        }
        let ours = city.cube.hours_of_week(&filter, By::None).pop().map_or_else(|| vec![0; HOURS], |line| line.counts);
        assert_eq!(ours, sums, "{filter:?}");
        let series = city.cube.series(&filter, By::Category, Bucket::Month, usize::MAX / 16).unwrap();
        let ours = series.lines.iter().flat_map(|line| {
            let named = series.buckets.iter().zip(&line.counts).filter(|(_, count)| **count > 0);
            named.map(|(name, count)| ((line.key.clone(), name.clone()), *count))
        });
        assert_eq!(ours.collect::<BTreeMap<_, _>>(), months, "{filter:?}");
    }
}

#[test]
fn many_incidents_count_as_one_by_one_and_cost_what_the_docs_say() {
    let profile = Arc::new(Profile::from_toml(include_str!("../../../cities/chicago.toml")).unwrap());
    let mut parser = Parser::new(Arc::clone(&profile), 1);
    parser.set_header(Header::resolve(&profile, &NAMES).unwrap());
    let mut city = City { cube: Cube::new(&profile), profile, parser, offset: 0 };
    let mut chance = ChaCha8Rng::seed_from_u64(8);
    let mut incidents: Vec<Known> = (0..INCIDENTS).map(|_| draw(&mut chance)).collect();
    city.apply(incidents.iter().enumerate(), 1);
    // Before and after the cells of places are known.
    check(&city, &incidents);
    while !city.cube.index_places(10_000) {}
    check(&city, &incidents);

    let memory = city.cube.memory();
    let bytes = |structure: usize| structure as f64 / INCIDENTS as f64;
    assert!(bytes(memory.filter_columns) <= 32.0, "{memory:?}");
    assert!(bytes(memory.identity_index) <= 24.0, "{memory:?}");
    // What is measured is there: time, place, cell, areas, flags, number, group and slot.
    assert!(bytes(memory.filter_columns) >= 4.0 + 2.0 + 2.0 + 4.0 + 1.0 + 4.0 + 8.0, "{memory:?}");
    assert!(bytes(memory.identity_index) >= 4.0 + 4.0 + 8.0 + 5.0, "{memory:?}");
    assert_eq!(
        memory.total(),
        memory.filter_columns + memory.identity_index + memory.locators + memory.places + memory.totals + memory.others
    );

    // Each tenth changes, each thirtieth is deleted; some of those come back.
    for turn in 2..5 {
        let mut changed = Vec::new();
        for (id, known) in incidents.iter_mut().enumerate() {
            if chance.random_bool(0.1) {
                *known = Known { deleted: chance.random_bool(0.3), ..draw(&mut chance) };
                changed.push(id);
            }
        }
        city.apply(changed.iter().map(|id| (*id, &incidents[*id])), turn);
        city.cube.index_places(usize::MAX);
    }
    check(&city, &incidents);
}
