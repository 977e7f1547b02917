//! What has become of a cell over the steps of a space-time cube.
//!
//! The classes and their definitions are those of ArcGIS Pro (*How Emerging Hot Spot Analysis works*). Where more than one
//! definition holds, the order of [`Kind`] decides, and what the cell is now is asked before what it was.

/// What a cell is at one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heat {
    /// Significantly more.
    Hot,
    /// Significantly less.
    Cold,
    /// Neither, as far as can be told.
    Neither,
}

/// Where the z scores of a cell go, as far as can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Significantly up.
    Up,
    /// Significantly down.
    Down,
    /// Neither.
    Neither,
}

/// Nine tenths of the steps, said in whole numbers.
const OFTEN: (usize, usize) = (9, 10);

/// The history of a hot cell; that of a cold one is the same with hot and cold exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Hot at nine tenths of the steps, the last among them, and significantly ever more so.
    Intensifying,
    /// Hot at nine tenths of the steps, the last among them, and significantly ever less so.
    Diminishing,
    /// Hot at nine tenths of the steps, the last among them, and neither.
    Persistent,
    /// Hot at the last step and at none before.
    New,
    /// Hot at the last steps, at least two, without a gap, and at none before; at less than nine tenths of all.
    Consecutive,
    /// Hot at the last step, cold at one before; hot at less than nine tenths.
    Oscillating,
    /// Hot at the last step and on and off before, never cold; hot at less than nine tenths.
    Sporadic,
    /// Not hot at the last step, but at nine tenths of all.
    Historical,
}

impl Kind {
    /// All, in the order in which they are asked about.
    pub const ALL: [Self; 8] = [
        Self::Intensifying,
        Self::Diminishing,
        Self::Persistent,
        Self::New,
        Self::Consecutive,
        Self::Oscillating,
        Self::Sporadic,
        Self::Historical,
    ];

    /// In one word, lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Intensifying => "intensifying",
            Self::Diminishing => "diminishing",
            Self::Persistent => "persistent",
            Self::New => "new",
            Self::Consecutive => "consecutive",
            Self::Oscillating => "oscillating",
            Self::Sporadic => "sporadic",
            Self::Historical => "historical",
        }
    }
}

/// What a cell is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// A hot spot.
    Hot(Kind),
    /// A cold spot.
    Cold(Kind),
    /// Neither, as far as can be told.
    NotDetected,
}

impl Pattern {
    /// Of a cell's steps, the oldest first, and the direction of its z scores.
    pub fn of(steps: &[Heat], direction: Direction) -> Self {
        let opposite = match direction {
            Direction::Up => Direction::Down,
            Direction::Down => Direction::Up,
            Direction::Neither => Direction::Neither,
        };
        match steps.last() {
            Some(Heat::Hot) => Self::Hot(present(steps, Heat::Hot, Heat::Cold, direction)),
            // A cold spot becomes more intense where z falls.
            Some(Heat::Cold) => Self::Cold(present(steps, Heat::Cold, Heat::Hot, opposite)),
            _ => Self::NotDetected,
        }
        .or_historical(steps)
    }

    fn or_historical(self, steps: &[Heat]) -> Self {
        match self {
            Self::NotDetected if is_often(steps, Heat::Hot) => Self::Hot(Kind::Historical),
            Self::NotDetected if is_often(steps, Heat::Cold) => Self::Cold(Kind::Historical),
            other => other,
        }
    }

    /// `new_hot`, `persistent_cold`, `not_detected`.
    pub fn name(self) -> String {
        match self {
            Self::Hot(kind) => format!("{}_hot", kind.name()),
            Self::Cold(kind) => format!("{}_cold", kind.name()),
            Self::NotDetected => "not_detected".into(),
        }
    }
}

/// The kind of a cell that is `now` at the last step; `towards` is up where it becomes more so.
fn present(steps: &[Heat], now: Heat, other: Heat, towards: Direction) -> Kind {
    if is_often(steps, now) {
        return match towards {
            Direction::Up => Kind::Intensifying,
            Direction::Down => Kind::Diminishing,
            Direction::Neither => Kind::Persistent,
        };
    }
    let run = steps.iter().rev().take_while(|heat| **heat == now).count();
    let before = &steps[..steps.len() - run];
    if !before.contains(&now) {
        if run == 1 { Kind::New } else { Kind::Consecutive }
    } else if before.contains(&other) {
        Kind::Oscillating
    } else {
        Kind::Sporadic
    }
}

fn is_often(steps: &[Heat], heat: Heat) -> bool {
    let such = steps.iter().filter(|other| **other == heat).count();
    such > 0 && such * OFTEN.1 >= steps.len() * OFTEN.0
}

#[cfg(test)]
mod tests {
    use super::{
        Direction::{Down, Neither, Up},
        *,
    };
    use proptest::prelude::*;

    fn heat(letter: char) -> Heat {
        match letter {
            'H' => Heat::Hot,
            'C' => Heat::Cold,
            _ => Heat::Neither,
        }
    }

    #[test]
    fn histories() {
        let check = |steps: &str, direction: Direction, expect: &str| {
            let steps: Vec<Heat> = steps.chars().map(heat).collect();
            assert_eq!(Pattern::of(&steps, direction).name(), expect, "{steps:?}");
        };
        check("..........", Up, "not_detected");
        check(".........H", Neither, "new_hot");
        check("C........H", Neither, "new_hot");
        check("........HH", Up, "consecutive_hot");
        check(".HHHHHHHHH", Up, "intensifying_hot");
        check("HHHHHHHHHH", Down, "diminishing_hot");
        check("HHHH.HHHHH", Neither, "persistent_hot");
        check("HHHHHHHHH.", Up, "historical_hot");
        check("HHHHHHHH..", Up, "not_detected");
        check("H...H..HHH", Up, "sporadic_hot");
        check("H.C.H..HHH", Up, "oscillating_hot");
        check("H...H..HH.", Up, "not_detected");
        check(".........C", Neither, "new_cold");
        check("........CC", Up, "consecutive_cold");
        check("CCCCCCCCCC", Down, "intensifying_cold");
        check("CCCCCCCCCC", Up, "diminishing_cold");
        check("CCCCCCCCC.", Up, "historical_cold");
        check("CC.H.....C", Up, "oscillating_cold");
        check("CC.......C", Up, "sporadic_cold");
        // What it is now comes before what it was.
        check("HHHHHHHHHC", Up, "new_cold");
        check("", Up, "not_detected");
    }

    /// The definitions as they are published, each by itself.
    fn holds(kind: Kind, steps: &[Heat], hot: Heat, cold: Heat, towards: Direction) -> bool {
        let count = |heat: Heat, steps: &[Heat]| steps.iter().filter(|other| **other == heat).count();
        let share = count(hot, steps) as f64 / steps.len() as f64;
        let (last, before) = (steps[steps.len() - 1] == hot, &steps[..steps.len() - 1]);
        let often = share >= 0.9 - 1e-12;
        match kind {
            Kind::Intensifying => last && often && towards == Direction::Up,
            Kind::Diminishing => last && often && towards == Direction::Down,
            Kind::Persistent => last && often && towards == Direction::Neither,
            Kind::New => last && count(hot, before) == 0,
            Kind::Consecutive => {
                let first = steps.iter().position(|heat| *heat == hot).unwrap_or(steps.len());
                let run = &steps[first..];
                run.len() >= 2 && run.iter().all(|heat| *heat == hot) && !often
            }
            Kind::Oscillating => last && count(cold, before) > 0 && !often,
            Kind::Sporadic => last && count(hot, before) > 0 && count(cold, before) == 0 && !often,
            Kind::Historical => !last && often,
        }
    }

    proptest! {
        #[test]
        fn the_first_definition_that_holds(
            letters in prop_oneof![
                prop::collection::vec(prop::sample::select(vec!['H', 'C', '.']), 2..30),
                prop::collection::vec(prop_oneof![12 => Just('H'), 1 => Just('.'), 1 => Just('C')], 2..30),
                (prop::collection::vec(prop::sample::select(vec!['C', '.']), 1..20), 1_usize..5).prop_map(|(mut steps, run)| {
                    steps.extend(std::iter::repeat_n('H', run));
                    steps
                }),
            ],
            mirrored: bool,
            direction in prop::sample::select(vec![Direction::Up, Direction::Down, Direction::Neither]),
        ) {
            let mut steps: Vec<Heat> = letters.into_iter().map(heat).collect();
            if mirrored {
                for heat in &mut steps {
                    *heat = match heat { Heat::Hot => Heat::Cold, Heat::Cold => Heat::Hot, Heat::Neither => Heat::Neither };
                }
            }
            let against = match direction {
                Direction::Up => Direction::Down, Direction::Down => Direction::Up, Direction::Neither => Direction::Neither,
            };
            let hot = Kind::ALL.into_iter().find(|kind| holds(*kind, &steps, Heat::Hot, Heat::Cold, direction));
            let cold = Kind::ALL.into_iter().find(|kind| holds(*kind, &steps, Heat::Cold, Heat::Hot, against));
            let expect = match (hot, cold) {
                (None, None) => Pattern::NotDetected,
                (Some(kind), None) => Pattern::Hot(kind),
                (None, Some(kind)) => Pattern::Cold(kind),
                // What was is asked last.
                (Some(hot), Some(cold)) => if cold == Kind::Historical { Pattern::Hot(hot) } else { Pattern::Cold(cold) },
            };
            prop_assert_eq!(Pattern::of(&steps, direction), expect);
        }
    }
}
