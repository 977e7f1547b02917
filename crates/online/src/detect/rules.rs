//! Rules: which peaks somebody wants to be told of, once per episode.

use blotter_city::{Profile, format_utc, parse_instant};
use blotter_peak::{Alert, Episode, Hour, Names, Peak, ReportedPeak, Tick, begin_of, hour_of};
use std::collections::{BTreeMap, btree_map::Entry};

/// Between two ticks that are one after the other, where a feed comes in days or weeks. After longer, something else began.
const LONGEST_STEP_HOURS: i64 = 7 * 24;

/// Which peaks somebody wants to be told of.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its name, and that of the group that keeps what was sent.
    pub name: String,
    /// Codes of the primary layer; any where there are none.
    pub areas: Vec<String>,
    /// Categories; any where there are none.
    pub categories: Vec<String>,
    /// Windows; any where there are none.
    pub hours: Vec<u16>,
    /// The greatest false discovery rate.
    pub q: f64,
    /// The least number of incidents in the window.
    pub minimum: u64,
    /// An episode is over once it has not been found for so many hours of the data.
    pub quiet_hours: u16,
}

/// The most surprising window of each area and category that a rule finds.
type Found<'a> = BTreeMap<(u32, u32), (u16, &'a Peak)>;

impl Rule {
    fn found<'a>(&self, tick: &'a Tick, names: &Names) -> Found<'a> {
        let is_one_of = |list: &[String], name: &String| list.is_empty() || list.contains(name);
        let mut found = Found::new();
        for window in tick.windows.iter().filter(|window| self.hours.is_empty() || self.hours.contains(&window.hours)) {
            // The most surprising come first.
            for peak in window.peaks.iter().take_while(|peak| peak.q <= self.q) {
                let is_wanted = peak.observed >= self.minimum
                    && is_one_of(&self.areas, &names.areas[peak.area as usize])
                    && is_one_of(&self.categories, &names.categories[peak.category as usize]);
                if !is_wanted {
                    continue;
                }
                match found.entry((peak.area, peak.category)) {
                    Entry::Vacant(free) => drop(free.insert((window.hours, peak))),
                    Entry::Occupied(mut best) if peak.p < best.get().1.p => drop(best.insert((window.hours, peak))),
                    Entry::Occupied(_) => {}
                }
            }
        }
        found
    }

    /// Whether an episode has ended by `at`, at which it is not found.
    fn is_over(&self, episode: &Episode, at: Hour) -> bool {
        i64::from(at) - i64::from(found_last(episode)) >= i64::from(self.quiet_hours)
    }
}

fn found_last(episode: &Episode) -> Hour {
    parse_instant(&episode.until).map_or(Hour::MIN, hour_of)
}

/// What the rules make of a tick, given the one before it and the episodes that lasted then: those that last, and alerts of
/// those that have just begun. What is found at two ticks one after the other has not been quiet between them.
pub(super) fn follow(
    rules: &[Rule],
    before: Option<(Hour, &[Episode])>,
    tick: &Tick,
    names: &Names,
    told: &AlertContext<'_>,
) -> (Vec<Episode>, Vec<Alert>) {
    let (mut episodes, mut alerts) = (Vec::new(), Vec::new());
    let (last_tick, before) = before.unwrap_or((Hour::MIN, &[]));
    let now = format_utc(begin_of(tick.at));
    for rule in rules {
        let found = rule.found(tick, names);
        let lasts = |one: &Episode| {
            let age = i64::from(tick.at) - i64::from(found_last(one));
            found_last(one) >= last_tick && age <= LONGEST_STEP_HOURS
        };
        let is_known = |area: u32, category: u32| {
            let (area, category) = (&names.areas[area as usize], &names.categories[category as usize]);
            before.iter().find(|one| {
                one.rule == rule.name
                    && one.area == *area
                    && one.category == *category
                    && (!rule.is_over(one, tick.at) || lasts(one))
            })
        };
        for ((area, category), (hours, peak)) in &found {
            let known = is_known(*area, *category);
            episodes.push(Episode {
                rule: rule.name.clone(),
                area: names.areas[*area as usize].clone(),
                category: names.categories[*category as usize].clone(),
                since: known.map_or_else(|| now.clone(), |known| known.since.clone()),
                until: now.clone(),
            });
            if known.is_none() {
                alerts.push(told.alert(rule, tick, *hours, peak, names));
            }
        }
        let is_found = |one: &&Episode| {
            found.keys().any(|(area, category)| {
                names.areas[*area as usize] == one.area && names.categories[*category as usize] == one.category
            })
        };
        let of_rule = before.iter().filter(|one| one.rule == rule.name && !rule.is_over(one, tick.at));
        episodes.extend(of_rule.filter(|one| !is_found(one)).cloned());
    }
    (episodes, alerts)
}

/// What alerts say beside the peak.
pub(super) struct AlertContext<'a> {
    pub(super) profile: &'a Profile,
    /// The end of the tick, in the city's civil time.
    pub(super) at: String,
    pub(super) next_offsets: &'a BTreeMap<String, u64>,
}

impl AlertContext<'_> {
    fn alert(&self, rule: &Rule, tick: &Tick, hours: u16, peak: &Peak, names: &Names) -> Alert {
        let peak = ReportedPeak::new(peak, names);
        let layer = &self.profile.layers[self.profile.primary_layer()];
        let area_name = layer.names.get(&peak.area).unwrap_or(&peak.area).clone();
        let since = format_utc(begin_of(tick.at));
        let text = format!(
            "{}: {} in {} ({} {}): {} in {} until {}, {:.1} expected (false discovery rate {:.2e}; rule {})",
            self.profile.name,
            peak.category,
            area_name,
            layer.title,
            peak.area,
            peak.observed,
            span(hours),
            self.at,
            peak.expected,
            peak.q,
            rule.name,
        );
        Alert {
            id: format!("{}/{}/{}/{}/{since}", self.profile.slug, rule.name, peak.area, peak.category),
            text,
            city: self.profile.slug.clone(),
            rule: rule.name.clone(),
            at: self.at.clone(),
            hours,
            layer: layer.name.clone(),
            area_name,
            peak,
            next_offsets: self.next_offsets.clone(),
        }
    }
}

/// A window for people.
fn span(hours: u16) -> String {
    match hours {
        1 => "one hour".to_owned(),
        hours if hours > 24 && hours % 24 == 0 => format!("{} days", hours / 24),
        hours => format!("{hours} hours"),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use blotter_peak::{Window, WindowState};
    use std::sync::Arc;

    const CITY: &str = include_str!("../../../../cities/chicago.toml");

    fn peak(area: u32, category: u32, observed: u64, q: f64) -> Peak {
        Peak { area, category, observed, expected: 1.5, dispersion: 1.0, p: q / 10.0, q, surge_evidence: None }
    }

    fn tick(at: Hour, windows: &[(u16, &[Peak])]) -> Tick {
        let window = |(hours, peaks): &(u16, &[Peak])| Window {
            hours: *hours,
            standing: WindowState::Ranked,
            reported_share: 1.0,
            peaks: peaks.to_vec(),
        };
        Tick { at, windows: windows.iter().map(window).collect() }
    }

    /// Follows ticks one after the other; of each, the episodes that last and the ids of alerts.
    fn run(rules: &[Rule], ticks: &[Tick]) -> Vec<(usize, Vec<String>)> {
        let names = Names {
            areas: Arc::new(["8".to_owned(), "25".to_owned()]),
            categories: Arc::new(["ROBBERY".to_owned(), "THEFT".to_owned()]),
        };
        let profile: Profile = Profile::from_toml(CITY).unwrap();
        let next_offsets = BTreeMap::new();
        let mut last: Option<(Hour, Vec<Episode>)> = None;
        let step = |tick: &Tick| {
            let told = AlertContext { profile: &profile, at: "then".to_owned(), next_offsets: &next_offsets };
            let before = last.as_ref().map(|(at, episodes)| (*at, episodes.as_slice()));
            let (lasting, alerts) = follow(rules, before, tick, &names, &told);
            let lasts = lasting.len();
            last = Some((tick.at, lasting));
            (lasts, alerts.into_iter().map(|alert| format!("{} {}h {}", alert.id, alert.hours, alert.text)).collect())
        };
        ticks.iter().map(step).collect()
    }

    fn rule() -> Rule {
        Rule {
            name: "r".into(),
            areas: Vec::new(),
            categories: Vec::new(),
            hours: Vec::new(),
            q: 0.05,
            minimum: 3,
            quiet_hours: 24,
        }
    }

    #[test]
    fn an_episode_alerts_once_until_it_has_been_quiet_for_long() {
        let (there, gone) = ([peak(1, 1, 5, 0.01)], [peak(1, 1, 5, 0.06)]);
        let at = |hour, peaks: &[Peak]| tick(hour, &[(24, peaks)]);
        // The pauses are of 23 and then of 24 hours.
        let ticks =
            [at(0, &there), at(1, &there), at(2, &gone), at(24, &there), at(30, &gone), at(48, &gone), at(49, &there)];
        let told: Vec<(usize, usize)> =
            run(&[rule()], &ticks).iter().map(|(lasting, told)| (*lasting, told.len())).collect();
        assert_eq!(told, [(1, 1), (1, 0), (1, 0), (1, 0), (1, 0), (0, 0), (1, 1)]);
    }

    #[test]
    fn a_feed_of_whole_days_does_not_tell_the_same_every_day() {
        let there = [peak(1, 1, 5, 0.01)];
        let at = |day: Hour, peaks: &[Peak]| tick(day * 24, &[(24, peaks)]);
        let ticks = [at(0, &there), at(1, &there), at(4, &there), at(5, &[]), at(6, &there), at(14, &there)];
        let told: Vec<usize> = run(&[rule()], &ticks).iter().map(|(_, told)| told.len()).collect();
        assert_eq!(told, [1, 0, 0, 0, 1, 1]);
    }

    #[test]
    fn a_rule_says_where_what_and_how_much() {
        let peaks = [peak(0, 0, 3, 0.001), peak(1, 0, 2, 0.002), peak(1, 1, 9, 0.01), peak(0, 1, 9, 0.2)];
        let check = |rule: Rule, expect: &[&str]| {
            let (lasting, told) = run(&[rule], &[tick(0, &[(24, &peaks)])]).remove(0);
            let begins: Vec<&str> = told.iter().map(|one| &one[..one.find("/1970").unwrap()]).collect();
            assert_eq!(begins, expect);
            assert_eq!(lasting, expect.len());
        };
        check(rule(), &["chicago/r/8/ROBBERY", "chicago/r/25/THEFT"]);
        check(Rule { areas: vec!["25".into()], ..rule() }, &["chicago/r/25/THEFT"]);
        check(
            Rule { categories: vec!["ROBBERY".into()], minimum: 1, ..rule() },
            &["chicago/r/8/ROBBERY", "chicago/r/25/ROBBERY"],
        );
        check(Rule { q: 0.001, ..rule() }, &["chicago/r/8/ROBBERY"]);
        check(Rule { hours: vec![6], ..rule() }, &[]);
    }

    #[test]
    fn the_most_surprising_window_is_told() {
        let (week, day) = ([peak(1, 1, 50, 0.04)], [peak(1, 1, 12, 0.0001)]);
        let told = run(&[rule()], &[tick(17_000, &[(168, &week), (24, &day)])]).remove(0).1.remove(0);
        assert_eq!(
            told,
            "chicago/r/25/THEFT/1971-12-10T08:00:00Z 24h Chicago: THEFT in Austin (Community area 25): 12 in 24 hours until then, \
             1.5 expected (false discovery rate 1.00e-4; rule r)"
        );
    }

    #[test]
    fn each_rule_has_episodes_of_its_own_and_what_is_no_rule_any_more_has_none() {
        let peaks = [peak(1, 1, 5, 0.01)];
        let rules = [rule(), Rule { name: "s".into(), ..rule() }];
        assert_eq!(run(&rules, &[tick(0, &[(1, &peaks)])])[0].1.len(), 2);
        assert_eq!(run(&[], &[tick(0, &[(1, &peaks)])])[0].0, 0);
    }
}
