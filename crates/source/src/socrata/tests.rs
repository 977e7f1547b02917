//! Against a made portal on a loopback port, which understands as much of SoQL as is asked of it.

#![expect(clippy::type_complexity, clippy::unused_self, reason = "the test's world reads as its subject")]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "cases.rs"]
mod cases;

use super::*;
use crate::{
    RetryPolicy, RetryingSource, SourceParts, WallClock,
    testing::{Request, Response, Server, city, rows_of},
};
use blotter_health::Condition;
use blotter_incident::Incident;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

const NOW: &str = "2024-06-15T12:00:00Z";

#[derive(Default)]
struct Portal {
    rows: Vec<Value>,
    /// Answers to be given before any other, one request each.
    script: VecDeque<Response>,
    /// Answers only every so-manieth request; the others fail.
    answers_every: Option<usize>,
    asked: usize,
    /// Does not compare its ids with several texts.
    one_id_at_a_time: bool,
    /// Called before each page is answered.
    meanwhile: Option<Box<dyn FnMut(&mut Vec<Value>) + Send>>,
}

struct World {
    city: &'static str,
    portal: Arc<Mutex<Portal>>,
    server: Server,
    now: Arc<AtomicI64>,
    folder: tempfile::TempDir,
}

fn incident(number: u64, updated_at: &str) -> Value {
    json!({
        ":id": format!("row-{number:04}"),
        ":updated_at": updated_at,
        "id": number.to_string(),
        "case_number": format!("JH{number}"),
        "date": format!("2024-{:02}-{:02}T10:00:00.000", 1 + number % 6, 1 + number % 13),
        "primary_type": "THEFT",
        "arrest": number.is_multiple_of(2),
        "latitude": "41.9",
        "longitude": "-87.7",
        "location": {"latitude": "41.9", "longitude": "-87.7"},
    })
}

fn world(rows: Vec<Value>) -> World {
    let portal = Arc::new(Mutex::new(Portal { rows, ..Portal::default() }));
    let answers = Arc::clone(&portal);
    let server = Server::start(move |request| answer(&mut answers.lock().unwrap(), request));
    let now = Arc::new(AtomicI64::new(parse_instant(NOW).unwrap().0));
    World { city: "chicago", portal, server, now, folder: tempfile::tempdir().unwrap() }
}

impl World {
    fn clock(&self) -> WallClock {
        let now = Arc::clone(&self.now);
        WallClock::new(move || UtcMicros(now.load(Ordering::SeqCst)))
    }

    fn options(&self) -> SocrataOptions {
        SocrataOptions {
            clock: self.clock(),
            page_rows: 7,
            base: Some(self.server.address.clone()),
            token: Some(AppToken::new("hush")),
            ..SocrataOptions::new(self.folder.path().to_owned())
        }
    }

    fn open(&self, position: Option<&[u8]>) -> SocrataSource {
        SocrataSource::open(city(self.city), 4, position, self.options()).unwrap()
    }

    /// As a role reads it: failures are pauses.
    fn watched(&self, position: Option<&[u8]>) -> RetryingSource {
        let (options, slug) = (self.options(), self.city);
        let part = SourceParts {
            name: "portal".into(),
            describe: "the portal".into(),
            open: Box::new(move |position| {
                Ok(Box::new(SocrataSource::open(city(slug), 4, position, options.clone())?))
            }),
        };
        let retry = RetryPolicy { clock: self.clock(), ..RetryPolicy::new() };
        RetryingSource::open(part, position, false, retry).unwrap()
    }

    fn pass(&self, seconds: u64) {
        self.now.fetch_add(seconds as i64 * 1_000_000, Ordering::SeqCst);
    }

    /// What comes until the source says that it is caught up.
    fn settle(&self, source: &mut SocrataSource) -> Vec<Chunk> {
        let mut chunks = Vec::new();
        for _ in 0..10_000 {
            match source.next().unwrap() {
                Step::Chunk(chunk) => chunks.push(chunk),
                Step::Wait { caught_up: true, .. } => return chunks,
                Step::Wait { .. } => {}
                Step::End => panic!("a portal has no end"),
            }
        }
        panic!("never caught up");
    }

    /// As if days passed: polls, and comparisons of all months.
    fn days(&self, source: &mut SocrataSource) -> Vec<Chunk> {
        let mut chunks = Vec::new();
        for _ in 0..30 {
            self.pass(1000);
            chunks.extend(self.settle(source));
        }
        chunks
    }
}

fn incidents(chunks: &[Chunk]) -> Vec<Incident> {
    chunks.iter().flat_map(rows_of).collect()
}

fn ids(chunks: &[Chunk]) -> Vec<u64> {
    let mut ids: Vec<u64> = incidents(chunks).iter().map(|incident| incident.id.parse().unwrap()).collect();
    ids.sort_unstable();
    ids
}

/// Enough of SODA: simple filters, `$where` with AND, OR and comparisons, `$order`, `$limit`, `$select` of `count(*)`.
fn answer(portal: &mut Portal, request: &Request) -> Response {
    assert_eq!(request.header("x-app-token"), Some("hush"));
    if let Some(response) = portal.script.pop_front() {
        return response;
    }
    portal.asked += 1;
    if portal.answers_every.is_some_and(|every| !portal.asked.is_multiple_of(every)) {
        return Response::new(503, "not now".to_owned());
    }
    let url = url::Url::parse(&format!("http://portal{}", request.target)).unwrap();
    assert!(["/resource/ijzp-q8t2.json", "/resource/833y-fsy8.json"].contains(&url.path()), "{url}");
    let parameters: HashMap<String, String> = url.query_pairs().into_owned().collect();
    if portal.one_id_at_a_time && parameters.get("$where").is_some_and(|filter| filter.starts_with("id = ")) {
        return Response::new(400, r#"{"code": "query.soql.type-mismatch"}"#.to_owned());
    }
    let order: Vec<&str> = parameters.get("$order").map(|order| order.split(',').collect()).unwrap_or_default();
    if order.len() == 2
        && let Some(meanwhile) = &mut portal.meanwhile
    {
        meanwhile(&mut portal.rows);
    }
    let mut rows: Vec<&Value> = (portal.rows.iter())
        .filter(|row| {
            let plain = parameters.iter().filter(|(name, _)| !name.starts_with('$'));
            let mut plain = plain.map(|(name, value)| row[name].as_str() == Some(value));
            plain.all(|same| same) && parameters.get("$where").is_none_or(|filter| Filter::new(filter).matches(row))
        })
        .collect();
    rows.sort_by_key(|row| {
        order.iter().map(|field| comparable(field, row[field].as_str().unwrap())).collect::<Vec<_>>()
    });
    rows.truncate(parameters.get("$limit").map_or(1000, |limit| limit.parse().unwrap()));
    let select = &parameters["$select"];
    if select.starts_with("count(*)") {
        return Response::new(200, json!([{ "count": rows.len().to_string() }]).to_string());
    }
    let rows: Vec<Value> = (rows.into_iter())
        .map(|row| {
            let wanted = |name: &str| select.split(',').any(|one| one == name || one == "*" && !name.starts_with(':'));
            row.as_object()
                .unwrap()
                .iter()
                .filter(|(name, _)| wanted(name))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect()
        })
        .collect();
    Response::new(200, Value::Array(rows).to_string())
}

fn comparable(field: &str, text: &str) -> (i64, String) {
    match field {
        UPDATED_AT => (parse_instant(text).unwrap().0, String::new()),
        "date" => (parse_civil(text.trim_end_matches('Z')).unwrap().0, String::new()),
        _ => (0, text.to_owned()),
    }
}

struct Filter<'a>(VecDeque<&'a str>);

impl<'a> Filter<'a> {
    fn new(text: &'a str) -> Self {
        let mut tokens = VecDeque::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let end = match rest.as_bytes()[0] {
                b'(' | b')' => 1,
                b'\'' => rest[1..].find('\'').unwrap() + 2,
                _ => rest.find([' ', ')']).unwrap_or(rest.len()),
            };
            tokens.push_back(&rest[..end]);
            rest = rest[end..].trim_start();
        }
        Self(tokens)
    }

    fn matches(mut self, row: &Value) -> bool {
        let matches = self.any(row);
        assert!(self.0.is_empty(), "not understood: {:?}", self.0);
        matches
    }

    fn any(&mut self, row: &Value) -> bool {
        let mut matches = self.all(row);
        while self.0.front() == Some(&"OR") {
            self.0.pop_front();
            matches |= self.all(row);
        }
        matches
    }

    fn all(&mut self, row: &Value) -> bool {
        let mut matches = self.one(row);
        while self.0.front() == Some(&"AND") {
            self.0.pop_front();
            matches &= self.one(row);
        }
        matches
    }

    fn one(&mut self, row: &Value) -> bool {
        let token = self.0.pop_front().unwrap();
        if token == "(" {
            let matches = self.any(row);
            assert_eq!(self.0.pop_front(), Some(")"));
            return matches;
        }
        let (operator, literal) = (self.0.pop_front().unwrap(), self.0.pop_front().unwrap());
        let left = comparable(token, row[token].as_str().unwrap());
        let right = comparable(token, literal.trim_matches('\''));
        match operator {
            ">=" => left >= right,
            ">" => left > right,
            "<" => left < right,
            "=" => left == right,
            other => panic!("not understood: {other}"),
        }
    }
}

fn many() -> Vec<Value> {
    // A page holds seven: its border lies inside a run of one and the same time of change.
    let time =
        |number| if (10..35).contains(&number) { "2024-06-02T00:00:00.000Z" } else { "2024-06-01T00:00:00.000Z" };
    (0..50).map(|number| incident(number, time(number))).collect()
}

#[test]
fn pages_whose_border_lies_inside_a_run_of_equal_times_lose_and_repeat_nothing() {
    let world = world(many());
    let mut source = world.open(None);
    let chunks = world.settle(&mut source);
    assert_eq!(ids(&chunks), (0..50).collect::<Vec<_>>());
    assert_eq!(chunks[0].progress.total, Some(50));
    assert_eq!(chunks.last().unwrap().progress.done, 50);
    let first = &incidents(&chunks)[0];
    assert_eq!(first.arrest.map(|_| first.position), Some(Some((41.9, -87.7))));
    let observed: HashSet<_> = incidents(&chunks).iter().map(|incident| incident.observed_at).collect();
    assert_eq!(observed.len(), 2);
    // Every position goes on behind its chunk.
    let mut seen = 0;
    for chunk in &chunks {
        seen += chunk.rows();
        let mut source = world.open(Some(&chunk.position));
        assert!(ids(&world.settle(&mut source)).len() <= 50 - seen + 50 * usize::from(seen == 50));
    }
}

#[test]
fn only_the_last_twelve_months_are_requested() {
    let mut rows = many();
    rows[3]["date"] = "2023-06-14T23:59:59.000".into();
    rows[4]["date"] = "2023-06-15T00:00:00.000".into();
    let world = world(rows);
    let ids = ids(&world.settle(&mut world.open(None)));
    assert!(!ids.contains(&3) && ids.contains(&4));
}

#[test]
fn rows_that_change_while_they_are_paged_are_met_again() {
    let world = world(many());
    let mut turn = 0;
    world.portal.lock().unwrap().meanwhile = Some(Box::new(move |rows| {
        turn += 1;
        if turn <= 6 {
            rows[turn]["primary_type"] = "ROBBERY".into();
            rows[turn][":updated_at"] = format!("2024-06-15T11:00:{turn:02}.000Z").into();
        }
    }));
    let chunks = world.settle(&mut world.open(None));
    let mut last: HashMap<u64, String> = HashMap::new();
    for incident in incidents(&chunks) {
        last.insert(incident.id.parse().unwrap(), incident.category);
    }
    assert_eq!(last.len(), 50);
    let changed: Vec<bool> = (0..8).map(|number| last[&number] == "ROBBERY").collect();
    assert_eq!(changed, [false, true, true, true, true, true, true, false]);
}

#[test]
fn polls_hand_out_changes_once_even_those_that_become_visible_late() {
    let world = world(many());
    let mut source = world.open(None);
    world.settle(&mut source);
    world.pass(1000);
    assert!(incidents(&world.settle(&mut source)).is_empty());
    let change = |number: usize, at: &str| {
        let mut portal = world.portal.lock().unwrap();
        portal.rows[number]["primary_type"] = "ROBBERY".into();
        portal.rows[number][":updated_at"] = at.into();
    };
    change(5, "2024-06-15T12:17:00.000Z");
    world.pass(310);
    assert_eq!(ids(&world.settle(&mut source)), [5]);
    // Older than the newest row seen, and visible only now.
    change(6, "2024-06-15T12:16:30.000Z");
    world.pass(310);
    assert_eq!(ids(&world.settle(&mut source)), [6]);
    for _ in 0..5 {
        world.pass(310);
        assert!(incidents(&world.settle(&mut source)).is_empty());
    }
}

#[test]
fn throttling_errors_and_broken_answers_become_pauses_and_lose_nothing() {
    let world = world(many());
    let mut cut = Response::new(200, "[{\":id\":\"row-0001\",");
    cut.cut = Some(5);
    world.portal.lock().unwrap().script = VecDeque::from([
        Response::new(200, "[{\"count\":\"50\"}]"),
        Response::new(429, "slow down").header("Retry-After", "77"),
        Response::new(500, "oops"),
        Response::new(503, "oops"),
        cut,
        Response::new(200, "[{\":id\":\"row-0001\","),
        Response::new(429, "slow down"),
    ]);
    let mut source = world.watched(None);
    let mut pauses = Vec::new();
    let mut chunks = Vec::new();
    loop {
        match source.next().unwrap() {
            Step::Chunk(chunk) => chunks.push(chunk),
            Step::Wait { caught_up: true, .. } => break,
            Step::Wait { pause, .. } => {
                pauses.push(pause.as_secs_f64());
                world.pass(pause.as_secs() + 1);
            }
            Step::End => panic!("a portal has no end"),
        }
    }
    assert_eq!(ids(&chunks), (0..50).collect::<Vec<_>>());
    assert_eq!(pauses.len(), 6);
    assert!(pauses[0] >= 77.0 && pauses.iter().all(|pause| *pause >= 1.0), "{pauses:?}");
    assert!(pauses[5] >= 32.0 && pauses[5] <= 48.0, "{pauses:?}");
}

#[test]
fn a_portal_that_refuses_fails_without_showing_its_token_and_is_retried() {
    let world = world(many());
    let mut source = world.watched(None);
    while !matches!(source.next().unwrap(), Step::Wait { caught_up: true, .. }) {}
    assert_eq!(source.reports()["portal"].condition, Condition::Following);
    let since = NOW.replace("12:00:00", "12:16:40");
    // What any portal answers now and then: gone, refused, being prepared, no JSON, a page for people.
    let answers = [(404, "no"), (403, "hush"), (202, "later"), (301, ""), (200, "<html>"), (200, "{}"), (418, "tea")];
    world.pass(1000);
    world.portal.lock().unwrap().script = answers.iter().map(|(status, body)| Response::new(*status, *body)).collect();
    for attempt in 0..answers.len() {
        let Step::Wait { pause, caught_up: false } = source.next().unwrap() else { panic!("attempt {attempt}") };
        let report = source.reports().remove("portal").unwrap();
        let failing = report.failing.unwrap();
        assert_eq!(report.condition, Condition::SourceFailure, "attempt {attempt}");
        assert_eq!(blotter_city::format_utc(failing.since), since);
        assert!(!failing.why.contains("hush"), "{}", failing.why);
        assert_eq!(report.last_success, parse_instant(NOW));
        // Nobody asks before the pause is over.
        let asked = world.server.requests().len();
        assert!(matches!(source.next().unwrap(), Step::Wait { caught_up: false, .. }));
        assert_eq!(world.server.requests().len(), asked);
        world.pass(pause.as_secs() + 1);
    }
    while !matches!(source.next().unwrap(), Step::Wait { caught_up: true, .. }) {}
    let report = source.reports().remove("portal").unwrap();
    assert_eq!((report.condition, report.failing), (Condition::Following, None));
    assert!(!format!("{:?}", AppToken::new("hush")).contains("hush"));
}

#[test]
fn rows_that_vanish_are_deleted_once_with_their_last_fields() {
    let world = world(many());
    let mut source = world.open(None);
    let backfill = world.settle(&mut source);
    assert!(incidents(&world.days(&mut source)).is_empty());
    world.portal.lock().unwrap().rows.retain(|row| !["7", "8"].contains(&row["id"].as_str().unwrap()));
    // Moved to another month: not deleted.
    {
        let mut portal = world.portal.lock().unwrap();
        let row = portal.rows.iter_mut().find(|row| row["id"] == "20").unwrap();
        row["date"] = "2024-01-05T00:00:00.000".into();
        row[":updated_at"] = "2024-06-15T20:30:00.000Z".into();
    }
    let chunks = world.days(&mut source);
    let (gone, moved): (Vec<Incident>, Vec<Incident>) =
        incidents(&chunks).into_iter().partition(|incident| incident.deleted);
    let mut gone_ids: Vec<&str> = gone.iter().map(|incident| incident.id.as_str()).collect();
    gone_ids.sort_unstable();
    assert_eq!(gone_ids, ["7", "8"]);
    assert_eq!(moved.iter().map(|incident| incident.id.as_str()).collect::<Vec<_>>(), ["20"]);
    let before = incidents(&backfill).into_iter().find(|incident| incident.id == gone[0].id).unwrap();
    assert_eq!((&gone[0].category, gone[0].occurred_at), (&before.category, before.occurred_at));
    assert!(gone[0].revision() > before.revision());
    assert!(incidents(&world.days(&mut source)).is_empty());
}

#[test]
fn a_portal_that_answers_nothing_deletes_nothing_before_a_day_has_passed() {
    // 114 incidents of the current month, as on a portal.
    let rows: Vec<Value> = (0..114)
        .map(|number| {
            let mut row = incident(number, "2024-06-10T00:00:00.000Z");
            row["date"] = format!("2024-06-{:02}T10:00:00.000", 1 + number % 14).into();
            row
        })
        .collect();
    let world = world(rows.clone());
    let mut source = world.watched(None);
    let settle = |source: &mut RetryingSource| {
        let mut chunks = Vec::new();
        loop {
            match source.next().unwrap() {
                Step::Chunk(chunk) => chunks.push(chunk),
                Step::Wait { caught_up: true, .. } => return chunks,
                _ => {}
            }
        }
    };
    settle(&mut source);
    let hours = |source: &mut RetryingSource, hours: u64| {
        let mut chunks = Vec::new();
        for _ in 0..hours * 4 {
            world.pass(901);
            chunks.extend(settle(source));
        }
        chunks
    };
    world.portal.lock().unwrap().rows.clear();
    let deleted = |chunks: &[Chunk]| incidents(chunks).iter().filter(|incident| incident.deleted).count();
    let chunks = hours(&mut source, 20);
    assert_eq!(deleted(&chunks), 0);
    let report = source.reports().remove("portal").unwrap();
    assert_eq!(report.condition, Condition::Held);
    let held = report.notices.iter().find(|notice| notice.kind == NoticeKind::HeldDeletions).unwrap();
    assert!(held.text.contains("114 of 114 incidents of 2024-06"), "{}", held.text);
    assert!(held.text.contains("--confirm-deletions"));
    // It is there again: nothing waits any more, also not for the time that has passed.
    world.portal.lock().unwrap().rows = rows;
    assert_eq!(deleted(&hours(&mut source, 5)), 0);
    assert_eq!(source.reports()["portal"].condition, Condition::Following);
    // It says the same for more than a day: it is believed.
    world.portal.lock().unwrap().rows.clear();
    assert_eq!(deleted(&hours(&mut source, 30)), 114);
    assert_eq!(source.reports()["portal"].condition, Condition::Following);
}

#[test]
fn an_operator_confirms_what_waits_and_no_more() {
    let rows: Vec<Value> = (0..60)
        .map(|number| {
            let mut row = incident(number, "2024-06-10T00:00:00.000Z");
            row["date"] = format!("2024-06-{:02}T10:00:00.000", 1 + number % 14).into();
            row
        })
        .collect();
    let world = world(rows);
    let mut source = world.open(None);
    world.settle(&mut source);
    world.portal.lock().unwrap().rows.truncate(20);
    let mut position = Vec::new();
    for chunk in world.days(&mut source) {
        assert!(incidents(&[chunk]).iter().all(|incident| !incident.deleted));
    }
    position.extend(source.position.to_bytes());
    let mut options = world.options();
    options.brake.confirm = true;
    let mut source = SocrataSource::open(city("chicago"), 4, Some(&position), options).unwrap();
    let chunks = world.settle(&mut source);
    assert_eq!(incidents(&chunks).iter().filter(|incident| incident.deleted).count(), 40);
    assert!(source.notices().iter().all(|notice| notice.kind != NoticeKind::HeldDeletions));
}

#[test]
fn a_deletion_that_was_not_appended_is_produced_again_unchanged() {
    let world = world(many());
    let mut source = world.open(None);
    let position = world.settle(&mut source).pop().unwrap().position;
    world.portal.lock().unwrap().rows.retain(|row| row["id"] != "7");
    let first = incidents(&world.days(&mut source));
    assert_eq!(first.iter().filter(|incident| incident.deleted).count(), 1);
    let mut source = world.open(Some(&position));
    let second: Vec<Incident> =
        incidents(&world.days(&mut source)).into_iter().filter(|incident| incident.deleted).collect();
    assert_eq!(second, first);
}

#[test]
fn a_row_that_is_back_wins_over_its_deletion() {
    let world = world(many());
    let mut source = world.open(None);
    world.settle(&mut source);
    let row = world.portal.lock().unwrap().rows.remove(7);
    let gone = incidents(&world.days(&mut source));
    assert!(gone[0].deleted);
    world.portal.lock().unwrap().rows.push(row);
    let mut back = incidents(&world.days(&mut source));
    let back = back.pop().filter(|_| back.is_empty());
    // Its tombstone may be gone by the time it is back; then it is a row that was not known.
    assert!(back.is_some_and(|back| !back.deleted));
}

#[test]
fn a_row_that_a_poll_brings_as_it_was_wins_over_its_deletion() {
    let world = world(many());
    let mut source = world.open(None);
    world.settle(&mut source);
    let change = |change: &mut dyn FnMut(&mut Vec<Value>)| change(&mut world.portal.lock().unwrap().rows);
    change(&mut |rows| rows[47][":updated_at"] = "2024-06-15T12:00:30.000Z".into());
    world.pass(301);
    assert_eq!(ids(&world.settle(&mut source)), [47]);
    let mut gone = Vec::new();
    change(&mut |rows| gone.push(rows.remove(47)));
    source.next_sweep = source.options.clock.now();
    let chunks = world.settle(&mut source);
    let deletion = incidents(&chunks).pop().unwrap();
    assert!(deletion.deleted);
    change(&mut |rows| rows.append(&mut gone));
    // Started anew, it does not remember which rows it has seen: the next poll brings this one as it was.
    let mut source = world.open(Some(&chunks.last().unwrap().position));
    world.pass(301);
    let polled = incidents(&world.settle(&mut source)).pop().unwrap();
    assert!(polled.id == "47" && polled.revision() < deletion.revision());
    let back = incidents(&world.days(&mut source));
    assert_eq!(back.len(), 1);
    assert!(!back[0].deleted && back[0].revision() > deletion.revision());
    // And not once more.
    assert!(incidents(&world.days(&mut source)).is_empty());
}

#[test]
fn deletions_are_found_on_a_portal_that_answers_one_request_in_three() {
    for one_id_at_a_time in [false, true] {
        let rows: Vec<Value> = (0..400)
            .map(|number| {
                let mut row = incident(number, "2024-06-10T00:00:00.000Z");
                row["date"] = format!("2024-06-{:02}T10:00:00.000", 1 + number % 14).into();
                row
            })
            .collect();
        let world = world(rows);
        let mut source = world.open(None);
        world.settle(&mut source);
        {
            let mut portal = world.portal.lock().unwrap();
            portal.rows.drain(..70);
            (portal.answers_every, portal.one_id_at_a_time) = (Some(3), one_id_at_a_time);
        }
        let asked = world.portal.lock().unwrap().asked;
        let mut chunks = Vec::new();
        for _ in 0..2000 {
            world.pass(10);
            if let Ok(Step::Chunk(chunk)) = source.next() {
                chunks.push(chunk);
            }
        }
        let gone = incidents(&chunks).into_iter().filter(|incident| incident.deleted).count();
        assert_eq!(gone, 70);
        let asked = world.portal.lock().unwrap().asked - asked;
        assert!(asked < if one_id_at_a_time { 700 } else { 500 }, "{asked} requests");
    }
}

#[test]
fn a_source_that_is_started_again_and_again_compares_all_months() {
    let world = world(many());
    let mut position = world.settle(&mut world.open(None)).pop().unwrap().position;
    // One of each of the six months.
    world.portal.lock().unwrap().rows.drain(..6);
    let mut gone = BTreeSet::new();
    for _ in 0..200 {
        let mut source = world.open(Some(&position));
        world.pass(300);
        for chunk in world.settle(&mut source) {
            gone.extend(rows_of(&chunk).into_iter().filter(|row| row.deleted).map(|row| row.id));
            position = chunk.position;
        }
    }
    assert_eq!(gone.len(), 6);
}

#[test]
fn nothing_is_called_deleted_where_nothing_was_known() {
    let world = world(many());
    let mut source = world.open(None);
    let position = world.settle(&mut source).pop().unwrap().position;
    drop(source);
    std::fs::remove_dir_all(world.folder.path().join("socrata-data.cityofchicago.org-ijzp-q8t2")).unwrap();
    world.portal.lock().unwrap().rows.retain(|row| row["id"] != "7");
    let mut source = world.open(Some(&position));
    assert!(incidents(&world.days(&mut source)).iter().all(|incident| !incident.deleted));
    world.portal.lock().unwrap().rows.retain(|row| row["id"] != "8");
    let gone = incidents(&world.days(&mut source));
    assert_eq!(gone.iter().map(|incident| (incident.id.as_str(), incident.deleted)).collect::<Vec<_>>(), [("8", true)]);
}

/// A shelf that outlives the machine, and counts what is written to it.
#[derive(Default)]
struct Elsewhere {
    months: Mutex<BTreeMap<String, Vec<u8>>>,
    written: Mutex<usize>,
}

impl Shelf for Elsewhere {
    fn months(&self) -> Result<Vec<String>, SourceError> {
        Ok(self.months.lock().unwrap().keys().cloned().collect())
    }

    fn read(&self, month: &str) -> Result<Option<Vec<u8>>, SourceError> {
        Ok(self.months.lock().unwrap().get(month).cloned())
    }

    fn append(&self, month: &str, lines: &[u8]) -> Result<(), SourceError> {
        *self.written.lock().unwrap() += lines.len();
        self.months.lock().unwrap().entry(month.to_owned()).or_default().extend_from_slice(lines);
        Ok(())
    }

    fn replace(&self, month: &str, lines: &[u8]) -> Result<(), SourceError> {
        *self.written.lock().unwrap() += lines.len();
        self.months.lock().unwrap().insert(month.to_owned(), lines.to_vec());
        Ok(())
    }
}

#[test]
fn a_machine_with_an_empty_disk_finds_what_was_deleted_meanwhile() {
    let world = world(many());
    let shelf = Arc::new(Elsewhere::default());
    let open = |position: Option<&[u8]>| {
        let spool = tempfile::tempdir().unwrap().keep();
        let options = SocrataOptions { spool, shelf: Some(shelf.clone()), ..world.options() };
        SocrataSource::open(city("chicago"), 4, position, options).unwrap()
    };
    let position = world.settle(&mut open(None)).pop().unwrap().position;
    world.portal.lock().unwrap().rows.retain(|row| row["id"] != "7");
    let before = *shelf.written.lock().unwrap();
    let mut source = open(Some(&position));
    let gone: Vec<Incident> =
        incidents(&world.days(&mut source)).into_iter().filter(|incident| incident.deleted).collect();
    assert_eq!(gone.iter().map(|incident| incident.id.as_str()).collect::<Vec<_>>(), ["7"]);
    // Thirty rounds of comparisons have written what changed, and not what is known.
    let written = *shelf.written.lock().unwrap() - before;
    assert!(written < before, "{written} of {before} bytes");
    assert!(incidents(&world.days(&mut source)).is_empty());
    assert_eq!(*shelf.written.lock().unwrap() - before, written);
}

#[test]
fn the_portal_s_state_is_reported_in_time() {
    let world = world(many());
    let mut options = SocrataOptions::new(world.folder.path().to_owned());
    options.token = Some(AppToken::new("hush"));
    options.base = Some(world.server.address.clone());
    SocrataSource::reachable(&city("chicago"), Duration::from_secs(3), &options).unwrap();
    options.base = Some("http://127.0.0.1:9".into());
    let error = SocrataSource::reachable(&city("chicago"), Duration::from_secs(3), &options).unwrap_err();
    assert!(error.is_retryable());
}

#[test]
fn outlines_are_a_dataset_beside_the_incidents() {
    let server = Server::start(|request| match request.header("x-app-token") {
        Some("hush") if request.target.starts_with("/resource/igwz-8jzy.geojson?%24limit=") => {
            Response::new(200, "{\"type\":\"FeatureCollection\"}")
        }
        Some("hush") => Response::new(429, "slow down").header("Retry-After", "7"),
        _ => Response::new(403, "who are you?"),
    });
    let options = |token| SocrataOptions {
        base: Some(server.address.clone()),
        token,
        ..SocrataOptions::new(std::path::PathBuf::new())
    };
    let portal = BoundaryPortal::new(&city("chicago"), &options(Some(AppToken::new("hush")))).unwrap();
    assert_eq!(portal.geojson("igwz-8jzy").unwrap(), b"{\"type\":\"FeatureCollection\"}");
    let failure = portal.geojson("abcd-efgh").unwrap_err();
    assert!(failure.is_retryable() && failure.retry_after() == Some(Duration::from_secs(7)), "{failure:?}");
    let failure = BoundaryPortal::new(&city("chicago"), &options(None)).unwrap().geojson("igwz-8jzy").unwrap_err();
    assert!(!failure.is_retryable() && failure.to_string().contains("token"), "{failure:?}");
    let nowhere = Profile { portal: None, ..city("chicago").as_ref().clone() };
    let error = BoundaryPortal::new(&nowhere, &options(None)).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("--boundaries"), "{error}");
}

/// Issue 12, 4.5: a portal's redirect is followed, and the application token stays with the portal.
#[test]
fn a_redirect_is_followed_and_takes_no_token_to_another_host() {
    let elsewhere = Server::start(|_| Response::new(200, "[]"));
    let target = elsewhere.address.clone();
    let portal = Server::start(move |request| {
        let path = if request.target.contains("moved") { format!("{target}/rows") } else { "/moved".to_owned() };
        Response::new(302, "").header("Location", path)
    });
    let profile = city("chicago");
    let folder = tempfile::tempdir().unwrap();
    let options = SocrataOptions {
        base: Some(portal.address.clone()),
        token: Some(AppToken::new("hunter2")),
        ..SocrataOptions::new(folder.path().to_owned())
    };
    let client = super::client::Client::new(profile.portal.as_ref().unwrap(), &options).unwrap();
    assert_eq!(client.rows(&[("$limit", "1")]).unwrap(), []);
    let tokens = |server: &Server| -> Vec<Option<String>> {
        server.requests().iter().map(|request| request.header("X-App-Token").map(str::to_owned)).collect()
    };
    assert_eq!(tokens(&portal), [Some("hunter2".to_owned()), Some("hunter2".to_owned())]);
    assert_eq!(tokens(&elsewhere), [None]);

    let endless = Server::start(|_| Response::new(302, "").header("Location", "/again"));
    let options = SocrataOptions { base: Some(endless.address.clone()), ..options };
    let client = super::client::Client::new(profile.portal.as_ref().unwrap(), &options).unwrap();
    let failure = client.rows(&[]).unwrap_err();
    assert!(failure.to_string().contains("too many redirects"), "{}", failure);
    assert_eq!(endless.requests().len(), 6);
}
