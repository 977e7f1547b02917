//! What becomes of an incident after its first report: revisions and deletions, days to months later.
//!
//! Nothing is remembered. A story follows from an incident's number alone, and its steps lie one of a few fixed
//! delays after the report; so an hour's revisions are found by asking the hours that lie those delays before
//! it. What the steps do is what the real feed does: arrests are made and undone, offences reclassified, blocks
//! moved, dates corrected, coordinates taken away and given back, or nothing changed but `updated_at`.

use super::{
    calendar::HOUR,
    city::{City, Draft, Location},
    draws::{Draws, Purpose, key, share},
};

/// Delays of the steps, in hours: from a day to five months.
pub(super) const DELAYS: [u64; 10] = [26, 53, 97, 170, 293, 508, 797, 1325, 2164, 3607];

/// Share of revised incidents that are revised a second time.
const TWICE: u64 = (1 << 32) / 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    ArrestMade,
    ArrestUndone,
    Reclassified,
    Moved,
    CoordinatesTaken,
    CoordinatesGiven,
    Redated,
    Touched,
}

/// The steps of one incident: the delay's number of each, and whether it ends in a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Story {
    pub(super) first: usize,
    pub(super) second: Option<usize>,
    pub(super) deletion: bool,
}

pub(super) struct Stories {
    seed: u64,
    revised: u64,
    ended: u64,
}

impl Stories {
    pub(super) fn new(seed: u64, revisions: f64, deletions: f64) -> Self {
        Self { seed, revised: share(revisions), ended: share(revisions + deletions) }
    }

    /// Whether there are any.
    pub(super) fn any(&self) -> bool {
        self.ended > 0
    }

    pub(super) fn key(&self, slot: u64) -> u64 {
        key(self.seed, Purpose::Story, slot)
    }

    /// The story of a slot's incident, if it has one.
    #[inline]
    pub(super) fn of(&self, story_key: u64, index: u64) -> Option<Story> {
        let bits = Draws::single(story_key, index);
        let chance = bits >> 32;
        if chance >= self.ended {
            return None;
        }
        let first = ((bits & 0xffff_ffff) as usize * DELAYS.len()) >> 32;
        let mut draws = Draws::new(story_key, index);
        let deletion = chance >= self.revised;
        let later = (DELAYS.len() - first - 1) as u64;
        let second = (!deletion && later > 0 && draws.chance(TWICE)).then(|| first + 1 + draws.below(later) as usize);
        Some(Story { first, second, deletion })
    }

    /// The incident as it is after a step of its story (0 or 1).
    pub(super) fn tell(&self, city: &City, slot: u64, index: u64, story: Story, step: u8, draft: &mut Draft) {
        if story.deletion {
            draft.deleted = true;
            return;
        }
        let key = key(self.seed, Purpose::Step, slot);
        let mut draws = Draws::new(key, index);
        let first = first_change(draft, &mut draws);
        apply(first, city, draft, &mut draws);
        if step == 1 {
            let second = match first {
                Change::CoordinatesTaken => Change::CoordinatesGiven,
                Change::ArrestMade if draws.chance(share(0.1)) => Change::ArrestUndone,
                _ if !draft.arrest && draws.chance(1 << 31) => Change::ArrestMade,
                _ => Change::Touched,
            };
            apply(second, city, draft, &mut draws);
        }
    }
}

fn first_change(draft: &Draft, draws: &mut Draws) -> Change {
    match (draws.below(100), draft.arrest) {
        (0..45, false) => Change::ArrestMade,
        (45..48, true) => Change::ArrestUndone,
        (48..63, _) => Change::Reclassified,
        (63..70, _) => Change::Moved,
        (70..78, _) if draft.location == Location::Mapped => Change::CoordinatesTaken,
        (78..84, _) => Change::Redated,
        _ => Change::Touched,
    }
}

fn apply(change: Change, city: &City, draft: &mut Draft, draws: &mut Draws) {
    match change {
        Change::ArrestMade => draft.arrest = true,
        Change::ArrestUndone => draft.arrest = false,
        Change::Reclassified => {
            draft.offence = city.reclassified(draft.offence, draws.next());
            draft.place = city.place_for(draft.offence, draws.next());
        }
        Change::Moved => draft.block = city.next_block(draft.block, 1 + draws.below(3) as i64),
        Change::CoordinatesTaken => draft.location = Location::Missing,
        Change::CoordinatesGiven => draft.location = Location::Mapped,
        Change::Redated => draft.occurred_at.0 -= (1 + draws.below(72) as i64) * HOUR,
        Change::Touched => {}
    }
}
