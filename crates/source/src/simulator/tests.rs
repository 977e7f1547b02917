//! The simulator as a whole: that it repeats itself, that it is what its figures say, and that its batches are
//! those of its text.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use super::*;
use blotter_city::parse_instant;
use blotter_incident::{Incident, IncidentBatch, Row};
use std::collections::{BTreeMap, HashMap, HashSet};

fn city() -> Arc<Profile> {
    Arc::new(Profile::from_toml(include_str!("../../../../cities/chicago.toml")).unwrap())
}

fn options(incidents: u64) -> SimulatorOptions {
    let year = |text| parse_instant(text).unwrap();
    SimulatorOptions::new(city(), 7, incidents).history(year("2023-01-01T06:00:00Z"), year("2024-01-01T06:00:00Z"))
}

/// All rows of a finite simulation, in the order of each partition, with the positions between the chunks.
fn run(mut simulator: Simulator) -> (BTreeMap<u32, Vec<Incident>>, Vec<Vec<u8>>) {
    let (mut rows, mut positions) = (BTreeMap::<u32, Vec<Incident>>::new(), Vec::new());
    while let Step::Chunk(chunk) = simulator.next().unwrap() {
        assert!(chunk.rejected.is_empty(), "{:?}", chunk.rejected.first());
        for (partition, batch) in &chunk.incidents {
            let batch = IncidentBatch::try_new(batch).unwrap();
            rows.entry(*partition).or_default().extend((0..batch.len).map(|row| batch.incident(row)));
        }
        positions.push(chunk.position);
    }
    (rows, positions)
}

/// All drafts of a finite simulation, in order.
fn drafts(options: SimulatorOptions) -> (Simulator, Vec<Draft>) {
    let mut simulator = Simulator::new(options, None).unwrap();
    let mut drafts = Vec::new();
    while let Advance::Record(draft) = simulator.advance(UtcMicros(i64::MAX)) {
        drafts.push(draft);
    }
    (simulator, drafts)
}

fn new_of(drafts: &[Draft]) -> Vec<&Draft> {
    let mut seen = HashSet::new();
    drafts.iter().filter(|draft| seen.insert(draft.ordinal)).collect()
}

#[test]
fn the_same_whatever_the_chunks_and_wherever_it_is_resumed() {
    let all = run(Simulator::new(options(20_000), None).unwrap()).0;
    let small = SimulatorOptions { chunk_rows: 777, ..options(20_000) };
    let (rows, positions) = run(Simulator::new(small.clone(), None).unwrap());
    assert_eq!(rows, all);
    assert!(positions.len() > 20 && positions.iter().all(|position| position.len() < 300));
    for cut in [0, 3, 11, positions.len() - 2, positions.len() - 1] {
        // The start of another day makes no difference: the position has the history's times.
        let later =
            small.clone().history(UtcMicros(small.starts_at.0 + 7 * HOUR), UtcMicros(small.ends_at.0 + 9 * HOUR));
        let rest = run(Simulator::new(later, Some(&positions[cut])).unwrap()).0;
        for (partition, rows) in rest {
            assert!(all[&partition].ends_with(&rows));
        }
        let done = (cut + 1) * 777;
        let left = run(Simulator::new(small.clone(), Some(&positions[cut])).unwrap()).0;
        let total: usize = all.values().map(Vec::len).sum();
        assert_eq!(left.values().map(Vec::len).sum::<usize>(), total.saturating_sub(done));
    }
    let other = run(Simulator::new(SimulatorOptions { seed: 8, ..options(20_000) }, None).unwrap()).0;
    assert_ne!(other, all);
}

#[test]
fn exactly_the_requested_number_of_incidents() {
    for incidents in [0, 1, 2, 33, 1_000, 54_321] {
        let (_, drafts) = drafts(options(incidents));
        let ordinals: HashSet<u64> = drafts.iter().map(|draft| draft.ordinal).collect();
        assert_eq!(ordinals.len() as u64, incidents);
        assert!(ordinals.iter().all(|ordinal| *ordinal < incidents));
    }
    // More than a thousand in the one hour.
    let hour = options(5_000);
    let start = hour.starts_at;
    let (_, drafts) = drafts(SimulatorOptions { revisions: 0.0, ..hour }.history(start, UtcMicros(start.0 + HOUR)));
    assert_eq!(drafts.len(), 5_000);
}

#[test]
fn in_the_order_of_observation_and_never_before_it_happened() {
    let (_, drafts) = drafts(options(60_000));
    assert!(drafts.is_sorted_by_key(|draft| draft.observed_at));
    let clock = city().clock();
    for draft in &drafts {
        assert!(clock.to_utc(draft.occurred_at) <= draft.observed_at, "{draft:?}");
        assert!((0..=HOUR + SECOND).contains(&(draft.observed_at.0 - clock.to_utc(draft.updated_at).0)), "{draft:?}");
    }
    let start = options(1).starts_at;
    assert!(drafts.iter().all(|draft| (start..options(1).ends_at).contains(&draft.observed_at)));
    // Most are reported within three hours, some after months: as figures.csv says.
    let lags: Vec<i64> =
        new_of(&drafts).iter().map(|draft| (draft.observed_at.0 - clock.to_utc(draft.occurred_at).0) / HOUR).collect();
    let share = |keep: &dyn Fn(i64) -> bool| lags.iter().filter(|lag| keep(**lag)).count() as f64 / lags.len() as f64;
    assert!((0.55..0.75).contains(&share(&|lag| lag < 3)), "{}", share(&|lag| lag < 3));
    assert!((0.02..0.08).contains(&share(&|lag| lag > 336)), "{}", share(&|lag| lag > 336));
}

#[test]
fn revisions_and_deletions_are_of_known_incidents_and_later() {
    let (simulator, drafts) = drafts(SimulatorOptions { revisions: 0.1, deletions: 0.01, ..options(100_000) });
    let mut last: HashMap<u64, &Draft> = HashMap::new();
    let (mut revised, mut deleted) = (HashSet::new(), 0);
    let mut changes: BTreeMap<&str, u32> = BTreeMap::new();
    for draft in &drafts {
        if let Some(before) = last.insert(draft.ordinal, draft) {
            let day = 24 * HOUR;
            assert!(draft.observed_at.0 - before.observed_at.0 > day && draft.updated_at > before.updated_at);
            assert!(!before.deleted, "a deleted incident is revised: {draft:?}");
            assert_eq!(draft.case, before.case);
            deleted += u32::from(draft.deleted);
            if !draft.deleted {
                revised.insert(draft.ordinal);
            }
            let mut note = |name, changed| *changes.entry(name).or_default() += u32::from(changed);
            note("arrest", draft.arrest && !before.arrest);
            note("no arrest", !draft.arrest && before.arrest);
            note("offence", draft.offence != before.offence);
            note("block", draft.block != before.block);
            note("date", draft.occurred_at != before.occurred_at);
            note("taken", draft.location != before.location && draft.location == city::Location::Missing);
            note("given", draft.location != before.location && draft.location == city::Location::Mapped);
            note(
                "nothing",
                Draft { observed_at: before.observed_at, updated_at: before.updated_at, ..draft.clone() } == *before,
            );
        } else {
            assert!(!draft.deleted);
        }
    }
    // Some of the last months' steps fall behind the end.
    assert!((8_000..10_000).contains(&revised.len()), "{}", revised.len());
    assert!((800..1_000).contains(&deleted), "{deleted}");
    assert!(changes.len() == 8 && changes.values().all(|count| *count > 10), "{changes:?}");
    // Nothing but the plan grows with the simulation.
    assert!(simulator.current.revisions.len() < 1_000);
}

#[test]
fn batches_are_those_of_the_text() {
    let options = SimulatorOptions { revisions: 0.1, deletions: 0.01, chunk_rows: 4_096, ..options(50_000) };
    let (simulator, drafts) = drafts(options.clone());
    for style in [CsvStyle::Portal, CsvStyle::Dirty] {
        let mut text = Vec::new();
        export::header(style, &mut text);
        for draft in &drafts {
            export::line(&simulator.city, draft, style, &mut text);
        }
        let mut parser = Parser::new(Arc::clone(&options.city), options.partitions);
        let mut batches = Vec::new();
        let mut waiting = 0;
        each_record(&text, |number, row| {
            let Some(draft) = number.checked_sub(1).map(|number| &drafts[number]) else {
                let names: Vec<&str> =
                    (0..row.len()).map(|field| std::str::from_utf8(row.field(field)).unwrap()).collect();
                parser.set_header(Header::resolve(&options.city, &names).unwrap());
                return;
            };
            let observation = Observation { observed_at: draft.observed_at, deleted: draft.deleted, id: None };
            parser.push(row, &observation, draft.observed_at).unwrap();
            waiting += 1;
            if waiting == options.chunk_rows {
                batches.extend(parser.finish().unwrap());
                waiting = 0;
            }
        });
        batches.extend(parser.finish().unwrap());
        let mut direct = Vec::new();
        let mut simulator = Simulator::new(options.clone(), None).unwrap();
        while let Step::Chunk(chunk) = simulator.next().unwrap() {
            direct.extend(chunk.incidents);
        }
        assert_eq!(direct.len(), batches.len());
        for (direct, parsed) in direct.iter().zip(&batches) {
            assert_eq!(direct.0, parsed.0);
            assert!(direct.1 == parsed.1, "{style:?}: a batch of partition {} differs", direct.0);
        }
    }
}

/// Splits CSV text into its records.
fn each_record(text: &[u8], mut each: impl FnMut(usize, &Row<'_>)) {
    let mut reader = csv_core::Reader::new();
    let (mut bytes, mut ends, mut from, mut number) = ([0; 4096], [0; 64], 0, 0);
    loop {
        let (result, read, _, fields) = reader.read_record(&text[from..], &mut bytes, &mut ends);
        from += read;
        match result {
            csv_core::ReadRecordResult::Record => {
                each(number, &Row::new(&bytes, &ends[..fields]));
                number += 1;
            }
            csv_core::ReadRecordResult::End => return,
            csv_core::ReadRecordResult::InputEmpty => {}
            other => panic!("{other:?}"),
        }
    }
}

/// Pearson's statistic per degree of freedom, over the cells that expect at least twenty.
fn chi_square(counts: &[f64], weights: &[f64]) -> f64 {
    let (total, weight) = (counts.iter().sum::<f64>(), weights.iter().sum::<f64>());
    let cells: Vec<f64> = (counts.iter().zip(weights))
        .map(|(count, share)| (count, share * total / weight))
        .filter(|(_, expect)| *expect >= 20.0)
        .map(|(count, expect)| (count - expect).powi(2) / expect)
        .collect();
    cells.iter().sum::<f64>() / (cells.len() as f64 - 1.0)
}

/// The statistic of independent draws is about 1. An incident of a series has three others of its kind, so those add
/// three times their share to the variance; twice that over these many incidents still means agreement to a few
/// percent.
fn bound(group: &figures::Group) -> f64 {
    2.0 * (1.0 + 3.0 * (group.repeats / 0.19).min(0.5))
}

#[test]
fn marginals_are_those_of_the_figures() {
    let plain = SimulatorOptions { revisions: 0.0, deletions: 0.0, outbreaks: Some(Vec::new()), ..options(400_000) };
    let (simulator, drafts) = drafts(plain);
    let city = &simulator.city;
    let figures = CityFigures::new();
    let category_of = |draft: &Draft| city.offences[usize::from(draft.offence)].category;
    let group_of = |draft: &Draft| figures.categories[category_of(draft)].group;
    let count = |cells: usize, of: &dyn Fn(&Draft) -> Option<usize>| {
        let mut counts = vec![0.0; cells];
        drafts.iter().filter_map(of).for_each(|cell| counts[cell] += 1.0);
        counts
    };

    // Categories within each group, all groups together: a group's own share moves with the year's trend.
    for (group, figure) in figures.groups.iter().enumerate() {
        let counts = count(figures.offences.len(), &|draft| (group_of(draft) == group).then_some(draft.offence.into()));
        let of_group = |offence: &figures::Offence| figures.categories[offence.category].group == group;
        let weights: Vec<f64> =
            figures.offences.iter().map(|offence| if of_group(offence) { offence.weight } else { 0.0 }).collect();
        let statistic = chi_square(&counts, &weights);
        assert!(statistic < bound(figure), "offences of {}: {statistic}", figure.name);

        // The hour of the week: days vary by `day_sigma` beyond Poisson, unknown dates pile up at midnight.
        let counts = count(168, &|draft| {
            (group_of(draft) == group).then(|| calendar::hour_of_week(draft.occurred_at.0.div_euclid(HOUR)))
        });
        let per_hour = counts.iter().sum::<f64>() / 168.0;
        let (mut far, mut cells) = (0, 0);
        for (hour, (count, rate)) in counts.iter().zip(&figure.hours).enumerate() {
            let expect = rate * per_hour;
            if expect >= 20.0 && hour % 24 != 0 {
                cells += 1;
                let weeks = 52.0;
                let deviation = (3.0 * expect + (figure.day_sigma * expect).powi(2) / weeks).sqrt();
                far += u32::from((count - expect).abs() > 3.0 * deviation);
            }
        }
        assert!(far * 25 <= cells, "hours of {}: {far} of {cells} are off", figure.name);
    }
    let groups = count(14, &|draft| Some(group_of(draft)));
    let shares = simulator.rhythm.shares();
    for (group, (count, share)) in figures.groups.iter().zip(groups.iter().zip(&shares)) {
        let ratio = count / 400_000.0 / share;
        assert!((0.85..1.15).contains(&ratio), "{}: {ratio} of its share", group.name);
    }

    for (category, figure) in figures.categories.iter().enumerate() {
        let counts = count(figures::AREAS, &|draft| {
            (category_of(draft) == category).then(|| city.zones[city.blocks.zone(draft.block as usize)].area - 1)
        });
        if counts.iter().sum::<f64>() < 2_000.0 {
            continue;
        }
        let statistic = chi_square(&counts, &figure.areas);
        assert!(statistic < bound(&figures.groups[figure.group]), "areas of {}: {statistic}", figure.name);
    }

    let months = count(12, &|draft| Some(calendar::date(draft.occurred_at.0.div_euclid(calendar::DAY)).1 as usize - 1));
    assert!(months[6] / months[1] > 1.15, "summer {} winter {}", months[6], months[1]);

    let share_of = |keep: &dyn Fn(&Draft) -> bool| drafts.iter().filter(|draft| keep(draft)).count() as f64 / 400_000.0;
    let missing = share_of(&|draft| draft.location == city::Location::Missing);
    assert!((0.006..0.010).contains(&missing), "{missing}");
    let elsewhere = share_of(&|draft| draft.location == city::Location::Elsewhere);
    assert!((0.00004..0.0002).contains(&elsewhere), "{elsewhere}");
    let arrests = share_of(&|draft| draft.arrest);
    assert!((0.22..0.29).contains(&arrests), "{arrests}");
    let domestic = share_of(&|draft| draft.domestic);
    assert!((0.13..0.18).contains(&domestic), "{domestic}");
}

#[test]
fn space_is_concentrated_and_inside_the_city() {
    let (simulator, drafts) = drafts(SimulatorOptions { revisions: 0.0, deletions: 0.0, ..options(300_000) });
    let box_ = city().bounding_box;
    let mut by_block: HashMap<u32, u32> = HashMap::new();
    let mut by_point: HashMap<(i64, i64), u32> = HashMap::new();
    for draft in &drafts {
        if draft.location == city::Location::Mapped {
            let (latitude, longitude) = simulator.city.position(draft).unwrap();
            assert!(box_.contains(latitude as f64 / 1e9, longitude as f64 / 1e9));
            *by_block.entry(draft.block).or_default() += 1;
            *by_point.entry((latitude, longitude)).or_default() += 1;
        }
    }
    let top_of = |name: &str| {
        let mut by_block: HashMap<u32, u32> = HashMap::new();
        for draft in &drafts {
            let category = simulator.city.offences[usize::from(draft.offence)].category;
            if simulator.city.categories[category].name == name {
                *by_block.entry(draft.block).or_default() += 1;
            }
        }
        top_share(by_block.into_values().collect())
    };
    // In 2016 a twentieth of the blocks with any saw 29 % of all incidents, and 28,000 blocks saw some.
    let blocks = by_block.len();
    assert!((24_000..36_000).contains(&blocks), "{blocks} blocks");
    let share = top_share(by_block.into_values().collect());
    assert!((0.22..0.34).contains(&share), "{share} on a twentieth of the blocks");
    for (name, real) in [("THEFT", 0.37), ("BATTERY", 0.23), ("BURGLARY", 0.16), ("NARCOTICS", 0.36)] {
        let share = top_of(name);
        assert!((0.8 * real..1.2 * real).contains(&share), "{name}: {share} on a twentieth, in the real city {real}");
    }
    assert!(by_point.len() > 50_000, "{} points", by_point.len());
    // The airport's point.
    let airport =
        drafts.iter().filter(|draft| simulator.city.zones[simulator.city.blocks.zone(draft.block as usize)].area == 76);
    let most = by_point.values().max().unwrap();
    assert!(*most as usize * 10 > airport.count(), "{most}");
}

/// The share of all that the most frequent twentieth has.
fn top_share(mut counts: Vec<u32>) -> f64 {
    counts.sort_unstable_by(|a, b| b.cmp(a));
    f64::from(counts[..counts.len() / 20].iter().sum::<u32>()) / f64::from(counts.iter().sum::<u32>())
}

/// Knox's test in small: pairs of burglaries on the same block within a week, against the same blocks in another
/// order of days. The real city's burglaries of 2016 have 0.042 more such pairs each than chance gives.
#[test]
fn burglaries_repeat_nearby_and_soon() {
    let (simulator, drafts) =
        drafts(SimulatorOptions { revisions: 0.0, deletions: 0.0, outbreaks: Some(Vec::new()), ..options(300_000) });
    let burglary = |draft: &&Draft| {
        let offence = &simulator.city.offences[usize::from(draft.offence)];
        simulator.city.categories[offence.category].name == "BURGLARY"
    };
    let events: Vec<(u32, i64)> = drafts
        .iter()
        .filter(burglary)
        .map(|draft| (draft.block, draft.occurred_at.0.div_euclid(calendar::DAY)))
        .collect();
    let close = |days: &[i64]| {
        let mut by_block: HashMap<u32, Vec<i64>> = HashMap::new();
        for ((block, _), day) in events.iter().zip(days) {
            by_block.entry(*block).or_default().push(*day);
        }
        let pairs = by_block.values().flat_map(|days| {
            days.iter().enumerate().flat_map(|(at, day)| days[..at].iter().map(move |other| (day - other).abs() <= 7))
        });
        pairs.filter(|close| *close).count()
    };
    let days: Vec<i64> = events.iter().map(|(_, day)| *day).collect();
    let mut elsewhere = days.clone();
    let mut draws = draws::Draws::new(1, 1);
    for last in (1..elsewhere.len()).rev() {
        elsewhere.swap(last, draws.below(last as u64 + 1) as usize);
    }
    let (found, expected) = (close(&days), close(&elsewhere));
    let excess = (found as f64 - expected as f64) / events.len() as f64;
    assert!((0.02..0.08).contains(&excess), "{found} close pairs of {} burglaries, {expected} by chance", events.len());
}

#[test]
fn outbreaks_are_really_there() {
    let outbreak = Outbreak {
        area: "25".into(),
        category: "ROBBERY".into(),
        starts_at: parse_instant("2023-05-06T02:00:00Z").unwrap(),
        hours: 24,
        extra: 40,
    };
    let plain = SimulatorOptions { revisions: 0.0, deletions: 0.0, outbreaks: Some(Vec::new()), ..options(200_000) };
    let count = |outbreaks: Vec<Outbreak>| {
        let (simulator, drafts) = drafts(SimulatorOptions { outbreaks: Some(outbreaks), ..plain.clone() });
        assert_eq!(drafts.len(), 200_000);
        let within = outbreak.starts_at.0..outbreak.starts_at.0 + 24 * HOUR;
        let clock = city().clock();
        drafts
            .iter()
            .filter(|draft| {
                let offence = &simulator.city.offences[usize::from(draft.offence)];
                simulator.city.categories[offence.category].name == outbreak.category
                    && simulator.city.zones[simulator.city.blocks.zone(draft.block as usize)].area == 25
                    && within.contains(&clock.to_utc(draft.occurred_at).0)
            })
            .count()
    };
    let (with, without) = (count(vec![outbreak.clone()]), count(Vec::new()));
    assert!(without < 10 && (36..=52).contains(&(with - without)), "{with} with, {without} without");

    // The simulator's own, on the same clean terms: each hour range has at least what was added.
    let mut options = options(200_000);
    (options.revisions, options.deletions) = (0.0, 0.0);
    let (simulator, drafts) = drafts(options);
    assert!((8..=12).contains(&simulator.outbreaks().len()), "{}", simulator.outbreaks().len());
    let clock = city().clock();
    for outbreak in simulator.outbreaks() {
        let within = outbreak.starts_at.0..outbreak.starts_at.0 + i64::from(outbreak.hours) * HOUR;
        let found = drafts.iter().filter(|draft| {
            let offence = &simulator.city.offences[usize::from(draft.offence)];
            simulator.city.categories[offence.category].name == outbreak.category
                && simulator.city.zones[simulator.city.blocks.zone(draft.block as usize)].area.to_string()
                    == outbreak.area
                && within.contains(&clock.to_utc(draft.occurred_at).0)
        });
        assert!(found.count() >= outbreak.extra as usize, "{outbreak:?}");
    }
}

#[test]
fn options_are_refused_with_a_sentence() {
    let refuse = |change: &dyn Fn(&mut SimulatorOptions), expect: &str| {
        let mut options = options(1_000);
        change(&mut options);
        let error = Simulator::new(options, None).err().unwrap().to_string();
        assert!(error.contains(expect), "{error}");
    };
    refuse(&|options| options.partitions = 0, "at least one partition");
    refuse(&|options| options.chunk_rows = 0, "1 to 65535 rows");
    refuse(&|options| options.chunk_rows = 70_000, "70000");
    refuse(&|options| options.revisions = 1.5, "`revisions` is a share");
    refuse(&|options| options.deletions = f64::NAN, "`deletions` is a share");
    refuse(&|options| options.deletions = 0.95, "more than all");
    refuse(&|options| options.ends_at = options.starts_at, "an hour at least");
    refuse(&|options| options.starts_at = UtcMicros(0), "2001");
    refuse(&|options| options.pace = Pace::PerSecond(0.0), "a second, not 0");
    refuse(&|options| options.pace = Pace::Realtime { speed: f64::NAN }, "NaN times");
    let outbreak = |area: &str, category: &str, hours, extra| {
        let (area, category) = (area.to_owned(), category.to_owned());
        let starts_at = parse_instant("2023-05-06T00:00:00Z").unwrap();
        move |options: &mut SimulatorOptions| {
            let (area, category) = (area.clone(), category.clone());
            options.outbreaks = Some(vec![Outbreak { area, category, starts_at, hours, extra }]);
        }
    };
    refuse(&outbreak("78", "THEFT", 1, 1), "no area `78`");
    refuse(&outbreak("25", "JAYWALKING", 1, 1), "no category `JAYWALKING`");
    refuse(&outbreak("25", "THEFT", 0, 1), "an hour at least");
    refuse(&outbreak("25", "THEFT", 1, 501), "more than half");
    refuse(&outbreak("25", "THEFT", 10_000, 1), "before the history does");
    let new_york = Profile::from_toml(include_str!("../../../../cities/new-york-shootings.toml")).unwrap();
    refuse(&|options| options.city = Arc::new(new_york.clone()), "Chicago's portal");

    let position = |bytes: &[u8], options| Simulator::new(options, Some(bytes)).err().unwrap().to_string();
    assert!(position(b"{}", options(1)).contains("cannot be read"));
    let written = run(Simulator::new(options(10), None).unwrap()).1.remove(0);
    assert!(position(&written, options(11)).contains("other options"));
    assert!(position(&written, SimulatorOptions { seed: 8, ..options(10) }).contains("other options"));
}

/// A clock that a test sets.
fn hand_set(at: i64) -> (WallClock, Arc<std::sync::atomic::AtomicI64>) {
    let now = Arc::new(std::sync::atomic::AtomicI64::new(at));
    let read = Arc::clone(&now);
    (WallClock::new(move || UtcMicros(read.load(std::sync::atomic::Ordering::Relaxed))), now)
}

fn until_wait(simulator: &mut Simulator) -> (Vec<Incident>, Duration, Vec<u8>) {
    let (mut rows, mut position) = (Vec::new(), Vec::new());
    loop {
        match simulator.next().unwrap() {
            Step::Chunk(chunk) => {
                for (_, batch) in &chunk.incidents {
                    let batch = IncidentBatch::try_new(batch).unwrap();
                    rows.extend((0..batch.len).map(|row| batch.incident(row)));
                }
                position = chunk.position;
            }
            Step::Wait { pause, caught_up } => {
                assert!(caught_up);
                return (rows, pause, position);
            }
            Step::End => panic!("a live feed has no end"),
        }
    }
}

#[test]
fn a_live_feed_follows_the_history_at_its_rate() {
    let end = options(1).ends_at.0;
    let (clock, now) = hand_set(end);
    let live = SimulatorOptions { pace: Pace::PerSecond(2.0), clock, chunk_rows: 500, ..options(30_000) };
    let mut simulator = Simulator::new(live.clone(), None).unwrap();
    let (history, pause, position) = until_wait(&mut simulator);
    let new: HashSet<&str> = history.iter().map(|incident| incident.id.as_str()).collect();
    assert_eq!(new.len(), 30_000);
    assert!(pause >= PAUSE.0 && pause <= PAUSE.1);
    now.store(end + 24 * HOUR, std::sync::atomic::Ordering::Relaxed);
    let (day, ..) = until_wait(&mut simulator);
    assert!((130_000..220_000).contains(&day.len()), "{} in a day", day.len());
    assert!(day.is_sorted_by_key(|incident| incident.observed_at) || simulator.options.partitions > 1);
    assert!(day.iter().all(|incident| (end..=end + 24 * HOUR).contains(&incident.observed_at.0)));
    let recent = day.iter().filter(|incident| incident.occurred_at_utc.0 >= incident.observed_at.0 - 3 * HOUR).count();
    assert!(recent * 2 > day.len(), "{recent} of {}", day.len());
    assert!(simulator.outbreaks().iter().any(|outbreak| outbreak.starts_at.0 >= end && outbreak.extra > 20));
    // Opened again at the history's end, a day later and with another `now`, it goes on as it would have.
    let again = live.history(UtcMicros(live_start(end)), UtcMicros(end + 5 * HOUR));
    let (same, ..) = until_wait(&mut Simulator::new(again, Some(&position)).unwrap());
    let sorted = |mut rows: Vec<Incident>| {
        rows.sort_by(|a, b| (a.observed_at, &a.id).cmp(&(b.observed_at, &b.id)));
        rows
    };
    assert!(sorted(same) == sorted(day));
}

fn live_start(end: i64) -> i64 {
    end - 4_000 * HOUR
}

#[test]
fn real_time_passes_faster_until_it_is_now() {
    let end = options(1).ends_at.0;
    let (clock, now) = hand_set(end + 48 * HOUR);
    let live = SimulatorOptions { pace: Pace::Realtime { speed: 3600.0 }, clock, ..options(30_000) };
    let mut simulator = Simulator::new(live, None).unwrap();
    until_wait(&mut simulator);
    // The feed's clock has started; ten seconds are ten hours.
    let mut pass = |seconds: i64| {
        now.fetch_add(seconds * SECOND, std::sync::atomic::Ordering::Relaxed);
        until_wait(&mut simulator).0.iter().map(|incident| incident.observed_at.0 - end).max()
    };
    let last = pass(10).unwrap();
    assert!((7 * HOUR..=10 * HOUR).contains(&last), "{last}");
    let last = pass(1_000).unwrap();
    assert!(last <= 48 * HOUR + 1_010 * SECOND && last > 40 * HOUR, "{last}");
}

#[test]
fn a_file_has_the_requested_number_of_rows() {
    let mut simulator = Simulator::new(SimulatorOptions { revisions: 0.0, ..options(1_000) }, None).unwrap();
    let mut text = Vec::new();
    assert_eq!(simulator.to_csv(&mut text, 600, CsvStyle::Portal).unwrap(), 600);
    let mut ids = HashSet::new();
    each_record(&text, |number, row| {
        assert_eq!(row.len(), 22);
        if number == 0 {
            assert_eq!(row.field(0), b"ID");
        } else {
            ids.insert(row.field(0).to_vec());
        }
    });
    assert_eq!(ids.len(), 600);
    assert_eq!(simulator.to_csv(&mut Vec::new(), u64::MAX, CsvStyle::Portal).unwrap(), 400);
}
