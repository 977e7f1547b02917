//! A made-up city that looks like Chicago: any number of incidents, deterministic by seed.
//!
//! What it is for: benchmarks and tests of any size, a demo without a network, and a ground truth for
//! detectors, since its outbreaks are known.
//!
//! Invariants:
//! - A record is a function of seed, options and its number. The records are the same, byte for byte, whatever
//!   the size of the chunks, wherever it is stopped and resumed, and on every machine.
//! - Memory does not grow with the number of incidents, only by some forty bytes per simulated hour. Revisions and
//!   deletions are derived again from the incident's number, not remembered.
//! - Records come in the order in which the source would have observed them; nothing is observed before it
//!   occurs, and no revision before its incident.
//! - Its batches are those that the parser makes of its CSV text.
//!
//! Simulated are: rates by area, category, hour of the week, month and year, the time until a report, offences,
//! places, arrests and blocks' concentration from figures of the real city (`simulator/derive.py`); days that
//! vary more than Poisson; near repeats; unknown dates on the first of month and year; missing and wrong
//! coordinates; an airport's single point; late revisions and deletions. Not simulated: the portal's seven days
//! of further delay (a live view would always show last week), bulk re-stamping of `updated_at`, and records
//! that must be rejected.

mod alias;
mod blocks;
mod calendar;
mod city;
mod draws;
mod export;
mod figures;
mod options;
mod outbreak;
mod plan;
mod position;
mod rhythm;
mod story;
#[cfg(test)]
mod tests;

pub use export::CsvStyle;
pub use options::{Pace, SimulatorOptions, WallClock};
pub use outbreak::Outbreak;

use crate::{Chunk, Progress, Source, SourceError, Step};
use blotter_city::{CivilMicros, Moment, Profile, UtcMicros};
use blotter_incident::{Header, Observation, Parser, Rejected, TypedRow, Word, WordColumn};
use calendar::{HOUR, SECOND};
use city::{City, Draft};
use figures::CityFigures;
use plan::{Plan, Slot};
use position::Position;
use rhythm::Rhythm;
use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};
use story::{DELAYS, Stories, Story};

/// A live feed asks its clock again after this long at least, and at most. Records that are due meanwhile come together: a
/// transaction of one costs as much as a transaction of many.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(1));

fn refused(why: String) -> SourceError {
    SourceError::Refused { what: "the simulator".into(), why }
}

/// The simulator, as a source.
pub struct Simulator {
    options: SimulatorOptions,
    outbreaks: Vec<Outbreak>,
    city: City,
    plan: Plan,
    rhythm: Rhythm,
    stories: Stories,
    position: Position,
    current: Current,
    parser: Parser,
    words: Words,
}

/// What is known of the slot in which the position stands.
struct Current {
    slot: Slot,
    record_key: u64,
    revisions: Vec<StoryStep>,
    next_new: Option<UtcMicros>,
    next_revision: Option<UtcMicros>,
}

/// A step of an earlier incident's story that falls into the slot.
#[derive(Clone, Copy)]
struct StoryStep {
    slot: u64,
    index: u64,
    story: Story,
    step: u8,
}

/// The parser's words for all texts of the city.
struct Words {
    offences: Vec<[Word; 4]>,
    places: Vec<Word>,
    /// One per layer, zone after zone.
    zones: Vec<Word>,
    row: Vec<Word>,
    id: Vec<u8>,
    case: Vec<u8>,
}

enum Advance {
    Record(Draft),
    /// The next record is due at that moment.
    NotYet(UtcMicros),
    End,
}

impl Simulator {
    /// A simulation, from its beginning or from a position of an earlier chunk. Options that contradict
    /// themselves, and a position of another simulation, are refused with a sentence.
    pub fn new(options: SimulatorOptions, position: Option<&[u8]>) -> Result<Self, SourceError> {
        let mut options = options;
        options.check()?;
        let cut = |at: UtcMicros| UtcMicros(at.0.div_euclid(SECOND) * SECOND);
        options.starts_at = cut(options.starts_at);
        options.ends_at = cut(options.ends_at);
        let position = match position {
            Some(bytes) => Position::read(bytes, &name(&options), &options)?,
            None => Position::start(&options),
        };
        options.starts_at = position.starts_at;
        options.ends_at = position.ends_at;
        options.check()?;

        let layers = columns_of(&options.city)?;
        let figures = CityFigures::new();
        let live_rate = options.live_rate();
        let mut plan = Plan::new(options.seed, options.starts_at, options.ends_at, live_rate);
        let given = match &options.outbreaks {
            Some(given) => given.clone(),
            None => outbreak::defaults(options.seed, options.incidents, live_rate, &figures, &plan),
        };
        let (outbreaks, placed): (Vec<_>, Vec<_>) =
            outbreak::place(&given, &figures, &options.city, &plan, options.incidents)?.into_iter().unzip();

        // A live feed's rate is scaled by the year before it.
        let first_hour = plan.hour_of(0).min(plan.hour_of(plan.history()) - 8737);
        let mut rhythm = Rhythm::new(options.seed, options.city.clock(), &figures, first_hour, plan.hour_of(0));
        rhythm.extend_to(plan.hour_of(plan.history()) + 1);
        plan.fill(options.incidents, &placed, &rhythm);
        let history_rate = options.incidents as f64 / plan.history() as f64;
        let rates = [history_rate, live_rate.unwrap_or(history_rate)];
        let city = City::new(options.seed, figures, &rhythm.shares(), rates, placed);
        let mut parser = Parser::new(Arc::clone(&options.city), options.partitions);
        let words = Words::new(&mut parser, &city, &layers);
        Ok(Self {
            stories: Stories::new(options.seed, options.revisions, options.deletions),
            outbreaks,
            city,
            plan,
            rhythm,
            position,
            current: Current {
                slot: Slot::none(),
                record_key: 0,
                revisions: Vec::new(),
                next_new: None,
                next_revision: None,
            },
            parser,
            words,
            options,
        })
    }

    /// The injected outbreaks, with the times and counts that hold.
    pub fn outbreaks(&self) -> &[Outbreak] {
        &self.outbreaks
    }

    /// Writes the next `rows` records as a CSV file of the portal's 22 columns, header first, and says how many
    /// there were. A file cannot say that an incident vanished, so deletions are left out; a revision is a further
    /// row with the same id and a later `Updated On` (none with `revisions: 0.0`). A live feed is written as far
    /// as it is due.
    pub fn to_csv<W: Write>(&mut self, mut out: W, rows: u64, style: CsvStyle) -> io::Result<u64> {
        let mut buffer = Vec::with_capacity(1 << 17);
        export::header(style, &mut buffer);
        let due = self.due();
        let mut written = 0;
        while written < rows
            && let Advance::Record(draft) = self.advance(due)
        {
            if draft.deleted {
                continue;
            }
            export::line(&self.city, &draft, style, &mut buffer);
            written += 1;
            if buffer.len() > 1 << 16 {
                out.write_all(&buffer)?;
                buffer.clear();
            }
        }
        out.write_all(&buffer)?;
        out.flush()?;
        Ok(written)
    }

    /// Up to when a live feed's records are due.
    fn due(&mut self) -> UtcMicros {
        let live = self.position.slot >= self.plan.history();
        match self.options.pace {
            Pace::Max => UtcMicros(i64::MAX),
            Pace::PerSecond(_) => self.options.clock.now(),
            Pace::Realtime { speed } => {
                let now = self.options.clock.now();
                if live && self.position.live_since.is_none() {
                    self.position.live_since = Some(now);
                }
                let since = self.position.live_since.unwrap_or(now);
                let passed = ((now.0 - since.0).max(0) as f64 * speed).min(1e17) as i64;
                UtcMicros(now.0.min(self.options.ends_at.0 + passed))
            }
        }
    }

    /// Finds out what the slot of the position holds.
    fn load(&mut self) {
        let slot = self.position.slot;
        self.plan.extend_to(slot, &mut self.rhythm);
        self.current.slot = self.plan.slot(slot);
        self.current.record_key = self.city.record_key(slot);
        self.current.revisions.clear();
        if self.stories.any() {
            for (delay, hours) in DELAYS.into_iter().enumerate() {
                let Some(earlier) = slot.checked_sub(hours) else { continue };
                let key = self.stories.key(earlier);
                for index in 0..self.plan.count(earlier) {
                    if let Some(story) = self.stories.of(key, index)
                        && (story.first == delay || story.second == Some(delay))
                    {
                        let step = u8::from(story.first != delay);
                        self.current.revisions.push(StoryStep { slot: earlier, index, story, step });
                    }
                }
            }
        }
        self.find_next_new();
        self.find_next_revision();
    }

    fn find_next_new(&mut self) {
        let index = self.position.new;
        self.current.next_new = (index < self.current.slot.count)
            .then(|| City::reported_at(self.current.record_key, &self.current.slot, index));
    }

    fn find_next_revision(&mut self) {
        let (index, count) = (self.position.revised, self.current.revisions.len() as u64);
        self.current.next_revision = (index < count)
            .then(|| self.current.slot.moment(index, count, draws::mix(!self.current.record_key ^ index)));
    }

    /// The next record that is due.
    #[inline]
    fn advance(&mut self, due: UtcMicros) -> Advance {
        loop {
            let slot = self.position.slot;
            let live = slot >= self.plan.history();
            if live && !self.plan.is_endless() {
                return Advance::End;
            }
            if live && self.plan.start_of(slot) > due {
                return Advance::NotYet(self.plan.start_of(slot));
            }
            if self.current.slot.index != slot {
                self.load();
            }
            let (new, revision) = (self.current.next_new, self.current.next_revision);
            let (at, is_new) = match (new, revision) {
                (Some(new), Some(revision)) if revision < new => (revision, false),
                (Some(new), _) => (new, true),
                (None, Some(revision)) => (revision, false),
                (None, None) => {
                    self.position.slot += 1;
                    self.position.new = 0;
                    self.position.revised = 0;
                    continue;
                }
            };
            if live && at > due {
                return Advance::NotYet(at);
            }
            let draft = if is_new {
                let Current { slot, record_key, .. } = &self.current;
                let draft = self.city.incident(&self.rhythm, *record_key, slot, self.position.new, at);
                self.position.new += 1;
                self.find_next_new();
                draft
            } else {
                let draft = self.revision(self.current.revisions[self.position.revised as usize], at);
                self.position.revised += 1;
                self.find_next_revision();
                draft
            };
            return Advance::Record(draft);
        }
    }

    fn revision(&self, revision: StoryStep, at: UtcMicros) -> Draft {
        let StoryStep { slot, index, story, step } = revision;
        let earlier = self.plan.slot(slot);
        let key = self.city.record_key(slot);
        let reported_at = City::reported_at(key, &earlier, index);
        let mut draft = self.city.incident(&self.rhythm, key, &earlier, index, reported_at);
        self.stories.tell(&self.city, slot, index, story, step, &mut draft);
        draft.observed_at = at;
        draft.updated_at = City::updated_at(&self.rhythm, at.0.div_euclid(HOUR), at);
        draft
    }

    /// Appends a record to the parser's batches.
    #[inline]
    fn append(&mut self, draft: &Draft, rejected: &mut Vec<Rejected>) {
        let words = &mut self.words;
        let [category, published, description, code] = words.offences[usize::from(draft.offence)];
        let layers = words.row.len() - 5;
        let zone = self.city.blocks.zone(draft.block as usize) * layers;
        words.row[..5].copy_from_slice(&[
            category,
            published,
            description,
            words.places[usize::from(draft.place)],
            code,
        ]);
        words.row[5..].copy_from_slice(&words.zones[zone..zone + layers]);
        words.id.clear();
        words.case.clear();
        export::id(&mut words.id, draft.ordinal);
        export::case_number(&mut words.case, draft.case);
        let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
        let row = TypedRow {
            id: text(&words.id),
            case_number: text(&words.case),
            occurred_at: draft.occurred_at,
            updated_at: Some(draft.updated_at),
            words: &words.row,
            block: self.city.blocks.text(draft.block as usize),
            arrest: Some(draft.arrest),
            domestic: Some(draft.domestic),
            // The quotient of two exact numbers is the double nearest to the decimal text.
            position: (self.city.position(draft))
                .map(|(latitude, longitude)| (latitude as f64 / 1e9, longitude as f64 / 1e9)),
        };
        let observation = Observation { observed_at: draft.observed_at, deleted: draft.deleted, id: None };
        if let Err(reason) = self.parser.push_typed(&row, &observation, draft.observed_at) {
            let mut bytes = Vec::new();
            export::line(&self.city, draft, CsvStyle::Portal, &mut bytes);
            rejected.push(Rejected {
                key: format!("{}:{}", name(&self.options), draft.ordinal),
                reason: reason.to_string(),
                bytes,
                observed_at: draft.observed_at,
            });
        }
    }
}

impl Source for Simulator {
    fn describe(&self) -> String {
        format!("a simulated {}, seed {}", self.options.city.name, self.options.seed)
    }

    fn name(&self) -> String {
        name(&self.options)
    }

    fn simulated(&self) -> bool {
        true
    }

    fn next(&mut self) -> Result<Step, SourceError> {
        let due = self.due();
        let mut rejected = Vec::new();
        let mut rows = 0;
        let mut stop = None;
        while rows < self.options.chunk_rows {
            match self.advance(due) {
                Advance::Record(draft) => self.append(&draft, &mut rejected),
                other => {
                    stop = Some(other);
                    break;
                }
            }
            rows += 1;
        }
        if rows == 0 {
            return Ok(match stop {
                Some(Advance::NotYet(at)) => {
                    let speed = match self.options.pace {
                        // The first live record is due as soon as the feed's time begins to pass.
                        Pace::Realtime { speed } if at.0 <= self.options.clock.now().0 => speed,
                        _ => 1.0,
                    };
                    let until = Duration::from_micros(((at.0 - due.0).max(0) as f64 / speed).min(1e12) as u64);
                    Step::Wait { pause: until.clamp(PAUSE.0, PAUSE.1), caught_up: true }
                }
                _ => Step::End,
            });
        }
        let slot = self.position.slot;
        let first = if self.plan.knows(slot) { self.plan.slot(slot).first } else { self.options.incidents };
        Ok(Step::Chunk(Chunk {
            incidents: self.parser.finish()?,
            rejected,
            position: self.position.to_bytes(),
            progress: Progress {
                done: first + self.position.new,
                total: (!self.plan.is_endless() || slot < self.plan.history()).then_some(self.options.incidents),
            },
            caught_up: matches!(stop, Some(Advance::NotYet(_))),
            vanished: Vec::new(),
        }))
    }
}

fn name(options: &SimulatorOptions) -> String {
    format!("simulator-{}-seed-{}", options.city.slug, options.seed)
}

/// For each layer of the profile the portal's column, where the profile is one of such a portal.
fn columns_of(profile: &Profile) -> Result<Vec<usize>, SourceError> {
    let not_alike = |why: String| {
        refused(format!(
            "it makes the columns of Chicago's portal, and the profile of {} {why}; give a profile with those columns",
            profile.name
        ))
    };
    let header =
        Header::resolve(profile, &export::COLUMNS).map_err(|error| not_alike(format!("reads others: {error}")))?;
    let missing: Vec<String> = Header::missing(profile, &export::COLUMNS).into_iter().map(|(field, _)| field).collect();
    if !missing.is_empty() {
        return Err(not_alike(format!("reads others for {}", missing.join(", "))));
    }
    let sample = parse_sample(profile);
    if sample != Some(Moment::Civil(CivilMicros(1_483_272_060 * SECOND))) {
        return Err(not_alike("has no date format `%m/%d/%Y %I:%M:%S %p`".into()));
    }
    let known = [export::BEAT, export::DISTRICT, export::WARD, export::COMMUNITY_AREA];
    (header.area_columns().iter())
        .map(|column| {
            column
                .filter(|column| known.contains(column))
                .ok_or_else(|| not_alike("has a layer of another kind".into()))
        })
        .collect()
}

fn parse_sample(profile: &Profile) -> Option<Moment> {
    profile.date_formats.iter().find_map(|format| format.parse(b"01/01/2017 12:01:00 PM"))
}

impl Words {
    fn new(parser: &mut Parser, city: &City, layers: &[usize]) -> Self {
        let offences = (city.offences.iter())
            .map(|offence| {
                let category = &city.categories[offence.category].name;
                [
                    parser.word(WordColumn::Category, category),
                    parser.word(WordColumn::CategoryPublished, category),
                    parser.word(WordColumn::Description, &offence.description),
                    parser.word(WordColumn::Code, &offence.code),
                ]
            })
            .collect();
        let places: Vec<Word> =
            city.places.iter().map(|place| parser.word(WordColumn::Place, &place.description)).collect();
        let mut zones = Vec::with_capacity(city.zones.len() * layers.len());
        for zone in &city.zones {
            for (layer, column) in layers.iter().enumerate() {
                let area = zone.area.to_string();
                let code = match *column {
                    export::BEAT => &zone.beat,
                    export::DISTRICT => &zone.district,
                    export::WARD => &zone.ward,
                    _ => &area,
                };
                zones.push(parser.word(WordColumn::Layer(layer), code));
            }
        }
        let row = vec![places[0]; 5 + layers.len()];
        Self { offences, places, zones, row, id: Vec::new(), case: Vec::new() }
    }
}
