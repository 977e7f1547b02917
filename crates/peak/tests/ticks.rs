//! Ticks of made histories: what they say, what they must not depend on, and what has no answer.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;

use blotter_peak::{
    Calendar, History, HolidayHours, Hour, Options, Peak, ReportingLag, Tick, WEEK_HOURS, Window, WindowState, peaks,
    upper_tail,
};
use proptest::prelude::*;

const WEEK: Hour = WEEK_HOURS as Hour;

fn tick(history: &History, at: Hour) -> Tick {
    peaks(history, at, &ReportingLag::none(), &Options::default())
}

fn window(tick: &Tick, hours: u16) -> &Window {
    tick.windows.iter().find(|window| window.hours == hours).unwrap()
}

fn peak(tick: &Tick, hours: u16, area: u32, category: u32) -> Peak {
    *window(tick, hours).peaks.iter().find(|peak| (peak.area, peak.category) == (area, category)).unwrap()
}

/// As many each hour, for so many weeks from hour 0.
fn even(weeks: Hour, areas: u32, categories: u32) -> History {
    let mut history = History::new();
    for hour in 0..weeks * WEEK {
        for area in 0..areas {
            for category in 0..categories {
                history.set(area, category, hour, 1);
            }
        }
    }
    history
}

fn is_sound(tick: &Tick) {
    for window in &tick.windows {
        assert!(window.standing == WindowState::Ranked || window.peaks.is_empty());
        for peak in &window.peaks {
            assert!(peak.expected.is_finite() && peak.expected > 0.0, "{peak:?}");
            assert!(peak.dispersion.is_finite() && peak.dispersion >= 1.0, "{peak:?}");
            assert!(peak.p > 0.0 && peak.p <= 1.0 && peak.q >= peak.p && peak.q <= 1.0, "{peak:?}");
            assert!(peak.ratio().is_finite());
            assert!(peak.percent_more().is_none_or(f64::is_finite));
            assert_eq!(peak.surge_evidence.is_some(), window.hours == 168);
            assert!(peak.surge_evidence.is_none_or(|evidence| evidence.is_finite() && evidence >= 0.0), "{peak:?}");
        }
        let order: Vec<(f64, f64)> = window.peaks.iter().map(|peak| (peak.q, peak.p)).collect();
        assert!(order.is_sorted_by(|a, b| a <= b), "the most surprising first");
    }
}

#[test]
fn what_has_no_answer_says_so() {
    let mut one_hour = History::new();
    one_hour.set(4, 2, 1000, 3);
    let long = even(20, 1, 1);
    for (history, at) in [
        (&History::new(), 0),
        (&History::new(), Hour::MIN),
        (&History::new(), Hour::MAX),
        (&one_hour, 1001),
        (&one_hour, 1000),
        (&one_hour, Hour::MIN),
        (&long, 0),
        (&long, -500),
        (&long, 4 * WEEK),
    ] {
        let tick = tick(history, at);
        assert_eq!(tick.at, at);
        assert_eq!(tick.windows.iter().map(|window| window.hours).collect::<Vec<_>>(), [1, 6, 24, 168]);
        for window in &tick.windows {
            assert_eq!((window.standing, window.peaks.len()), (WindowState::TooLittleHistory, 0));
        }
    }
}

#[test]
fn the_ends_of_time_do_not_panic() {
    let mut history = History::new();
    for week in 0..30 {
        history.set(0, 0, Hour::MIN + week * WEEK, 2);
        history.set(0, 0, Hour::MAX - week * WEEK, 2);
    }
    for at in [Hour::MIN, Hour::MIN + 1, Hour::MIN + 20 * WEEK, 0, Hour::MAX - 1, Hour::MAX] {
        is_sound(&tick(&history, at));
    }
    let strange = Options {
        window_hours: vec![0, u16::MAX, 168],
        half_life_weeks: 1e-9,
        least_baseline_weeks: 0,
        gap_weeks: 1000,
        profile_weeks: 0,
        ..Options::default()
    };
    is_sound(&peaks(&even(20, 1, 1), 20 * WEEK, &ReportingLag::none(), &strange));
    let none = Options { window_hours: Vec::new(), ..Options::default() };
    assert_eq!(peaks(&even(20, 1, 1), 20 * WEEK, &ReportingLag::none(), &none).windows, []);
}

#[test]
fn what_is_always_equal_is_expected_again() {
    let history = even(120, 2, 2);
    let tick = tick(&history, 120 * WEEK);
    is_sound(&tick);
    for window in &tick.windows {
        assert_eq!((window.standing, window.peaks.len()), (WindowState::Ranked, 4));
        for peak in &window.peaks {
            assert_eq!(peak.observed, u64::from(window.hours));
            assert!((peak.ratio() - 1.0).abs() < 1e-6, "{peak:?}");
            assert!(peak.p > 0.4, "{peak:?}");
        }
    }
    // A percentage over a small count is not said.
    assert_eq!(peak(&tick, 1, 0, 0).percent_more(), None);
    assert!(peak(&tick, 24, 0, 0).percent_more().is_some_and(|percent| percent.abs() < 1e-4));
}

#[test]
fn a_spike_comes_first_in_each_window() {
    let mut history = even(120, 3, 2);
    history.set(1, 1, 120 * WEEK - 1, 12);
    let tick = tick(&history, 120 * WEEK);
    is_sound(&tick);
    for hours in [1, 6] {
        let first = window(&tick, hours).peaks[0];
        assert_eq!((first.area, first.category), (1, 1));
        assert!(first.q < 0.01, "{first:?}");
        assert!((first.p / upper_tail(first.observed, first.expected, first.dispersion) - 1.0).abs() < 1e-12);
    }
    assert!(window(&tick, 1).peaks[1].q > 0.5);
}

#[test]
fn q_is_over_everything_tested_at_the_tick() {
    let mut history = even(120, 3, 2);
    history.set(1, 1, 120 * WEEK - 1, 12);
    let tick = tick(&history, 120 * WEEK);
    let all: Vec<Peak> = tick.windows.iter().flat_map(|window| window.peaks.clone()).collect();
    assert_eq!(all.len(), 4 * 6);
    let p: Vec<Option<f64>> = all.iter().map(|peak| Some(peak.p)).collect();
    let q: Vec<Option<f64>> = all.iter().map(|peak| Some(peak.q)).collect();
    assert_eq!(blotter_hotspot::q_values(&p), q);
}

#[test]
fn only_hours_before_the_end_count() {
    let history = even(60, 2, 1);
    let at = 50 * WEEK + 17;
    let mut cut = History::new();
    for hour in 0..at {
        cut.set(0, 0, hour, 1);
        cut.set(1, 0, hour, 1);
    }
    let mut with_others = history.clone();
    with_others.set(7, 7, at, 5);
    assert_eq!(tick(&history, at), tick(&cut, at));
    assert_eq!(tick(&with_others, at), tick(&cut, at));
    assert_ne!(tick(&history, at - 1), tick(&history, at));
}

#[test]
fn a_window_that_is_hardly_reported_is_incomplete() {
    let history = even(120, 1, 1);
    let lag = ReportingLag::from_shares((0..48).map(|age| f64::from(age) / 48.0));
    let tick = peaks(&history, 120 * WEEK, &lag, &Options::default());
    is_sound(&tick);
    let standing: Vec<WindowState> = tick.windows.iter().map(|window| window.standing).collect();
    assert_eq!(
        standing,
        [WindowState::Incomplete, WindowState::Incomplete, WindowState::Incomplete, WindowState::Ranked]
    );
    // 24.5 of the last 48 hours are not known.
    let week = window(&tick, 168);
    assert!((week.reported_share - (168.0 - 24.5) / 168.0).abs() < 1e-12);
    let expected = week.peaks[0].expected;
    assert!((expected - 168.0 * week.reported_share).abs() < 0.01, "{expected}");
}

#[test]
fn the_hour_of_the_week_and_summer_time_count() {
    let mut history = History::new();
    let hour_of_day = |hour: Hour, offset: Hour| (hour + offset).rem_euclid(24);
    // Four incidents at civil noon, and one at midnight; the clock goes forward at week 70.
    let change = 70 * WEEK;
    for hour in 0..120 * WEEK {
        match hour_of_day(hour, if hour < change { -6 } else { -5 }) {
            12 => history.set(0, 0, hour, 4),
            0 => history.set(0, 0, hour, 1),
            _ => {}
        }
    }
    let calendar = Calendar::new(vec![(0, -6), (change, -5)], Vec::new());
    let options = Options { calendar, ..Options::default() };
    let at_noon = 119 * WEEK + 3 * 24 + 18;
    let expected = |at| peak(&peaks(&history, at, &ReportingLag::none(), &options), 1, 0, 0).expected;
    let (noon, next) = (expected(at_noon), expected(at_noon + 1));
    assert!(noon > 3.0 && noon < 4.5, "{noon}");
    assert!(next < 0.3, "{next}");
}

#[test]
fn a_holiday_is_expected_to_be_like_itself() {
    let mut history = even(200, 1, 1);
    // Every twentieth week begins with a day of five an hour.
    let holidays: Vec<HolidayHours> =
        (0..10).map(|n| HolidayHours { kind: 1, first_hour: (20 * n + 19) * WEEK, hours: 24 }).collect();
    for holiday in &holidays {
        (holiday.first_hour..holiday.first_hour + 24).for_each(|hour| history.set(0, 0, hour, 5));
    }
    let at = 199 * WEEK + 24;
    let plain = peak(&tick(&history, at), 24, 0, 0);
    let options = Options { calendar: Calendar::new(Vec::new(), holidays), ..Options::default() };
    let known = peak(&peaks(&history, at, &ReportingLag::none(), &options), 24, 0, 0);
    assert_eq!((plain.observed, known.observed), (120, 120));
    assert!(plain.ratio() > 3.0, "{plain:?}");
    assert!((known.ratio() - 1.0).abs() < 0.15, "{known:?}");
}

#[test]
fn a_holiday_is_no_evidence_of_a_surge_in_the_week_after_it() {
    let mut history = even(200, 1, 1);
    let holidays: Vec<HolidayHours> =
        (0..10).map(|n| HolidayHours { kind: 1, first_hour: (20 * n + 18) * WEEK, hours: 24 }).collect();
    for holiday in &holidays {
        (holiday.first_hour..holiday.first_hour + 24).for_each(|hour| history.set(0, 0, hour, 5));
    }
    let options = Options { calendar: Calendar::new(Vec::new(), holidays), ..Options::default() };
    // Of the newest ten, the last holiday lies in the previous week.
    let evidence = |options: &Options| {
        peak(&peaks(&history, 200 * WEEK, &ReportingLag::none(), options), 168, 0, 0).surge_evidence.unwrap()
    };
    let (plain, known) = (evidence(&Options::default()), evidence(&options));
    assert!(plain > 10.0 && known < 2.0, "{plain} {known}");
}

#[test]
fn what_lies_before_the_data_raises_no_expectation() {
    let holidays: Vec<HolidayHours> =
        (0..8).map(|n| HolidayHours { kind: 1, first_hour: 40 * n * WEEK, hours: 24 }).collect();
    let options = Options { calendar: Calendar::new(Vec::new(), holidays), ..Options::default() };
    // The data begin in week 200, and have a holiday in week 240 and now.
    let mut history = History::new();
    for hour in 200 * WEEK..280 * WEEK + 24 {
        history.set(0, 0, hour, 2);
    }
    let plain = peaks(&history, 280 * WEEK + 24, &ReportingLag::none(), &options);
    for stray in [40 * WEEK, 80 * WEEK, 120 * WEEK, 160 * WEEK + 3] {
        history.set(0, 0, stray, 15);
    }
    assert_eq!(peaks(&history, 280 * WEEK + 24, &ReportingLag::none(), &options), plain);
    assert!((peak(&plain, 24, 0, 0).expected - 48.0).abs() < 3.0);
}

#[test]
fn a_yearly_season_and_a_trend_are_followed() {
    let mut history = History::new();
    let mean = |week: Hour| {
        let years = f64::from(week) * 7.0 / 365.2425;
        400.0 * (0.1 * years).exp() * (1.0 + 0.4 * (std::f64::consts::TAU * years).cos())
    };
    for week in 0..300 {
        history.set(0, 0, week * WEEK + 5, mean(week).round() as u32);
    }
    // A maximum, a minimum, and between.
    for end in [261, 287, 300] {
        let peak = peak(&tick(&history, end * WEEK), 168, 0, 0);
        assert!((peak.expected / mean(end - 1) - 1.0).abs() < 0.04, "{end}: {peak:?} {}", mean(end - 1));
    }
}

#[test]
fn a_sparse_area_is_drawn_to_the_city() {
    let mut history = even(120, 2, 1);
    for week in 0..120 {
        // Category 1: twelve a week in area 0, none ever in area 1, which has half of all crime otherwise.
        history.set(0, 1, week * WEEK + 3, 12);
    }
    let tick = tick(&history, 120 * WEEK);
    let (dense, sparse) = (peak(&tick, 168, 0, 1), peak(&tick, 168, 1, 1));
    assert!((dense.expected - 12.0).abs() < 1.0, "{dense:?}");
    assert!(sparse.expected > 0.05 && sparse.expected < 1.0, "{sparse:?}");
    assert!((dense.expected + sparse.expected - 12.0).abs() < 1e-6);
}

#[test]
fn an_old_stray_record_is_not_the_beginning() {
    let shifted = |history: &mut History| {
        for hour in 300 * WEEK..320 * WEEK {
            history.set(0, 0, hour, 2);
        }
    };
    let (mut plain, mut stray) = (History::new(), History::new());
    shifted(&mut plain);
    shifted(&mut stray);
    stray.set(0, 0, 290 * WEEK, 1);
    let (plain, stray) = (tick(&plain, 320 * WEEK), tick(&stray, 320 * WEEK));
    let of = |tick| peak(tick, 168, 0, 0).expected;
    assert!((of(&plain) - of(&stray)).abs() < 1e-6 && (of(&plain) - 336.0).abs() < 1.0);
}

#[test]
fn a_past_outbreak_does_not_hide_the_next() {
    let with = |outbreak: u32| {
        let mut history = History::new();
        for week in 0..300_i32 {
            history.set(0, 0, week * WEEK, 7 + (week % 7) as u32);
        }
        (270..273).for_each(|week| history.set(0, 0, week * WEEK, outbreak));
        peak(&tick(&history, 300 * WEEK), 168, 0, 0)
    };
    let (quiet, after) = (with(10), with(40));
    assert!(after.expected < quiet.expected * 1.1, "{quiet:?} {after:?}");
}

#[test]
fn a_surge_of_two_weeks_has_more_evidence_than_either_week() {
    let with = |before: u32, now: u32| {
        let mut history = History::new();
        for week in 0..150 {
            history.set(0, 0, week * WEEK, 9 + (week % 3) as u32);
        }
        history.set(0, 0, 148 * WEEK, before);
        history.set(0, 0, 149 * WEEK, now);
        peak(&tick(&history, 150 * WEEK), 168, 0, 0)
    };
    let (once, twice) = (with(10, 17), with(17, 17));
    assert_eq!(once.observed, twice.observed);
    assert!((once.expected - twice.expected).abs() < 1e-9 && (once.p - twice.p).abs() < 1e-9, "{once:?} {twice:?}");
    assert!(twice.surge_evidence.unwrap() > 1.5 * once.surge_evidence.unwrap(), "{once:?} {twice:?}");
    assert!(with(10, 10).surge_evidence.unwrap() < 1.0);
}

#[test]
fn the_first_incidents_of_an_area_are_surprising_but_not_impossible() {
    let mut history = even(26, 2, 1);
    (0..4).for_each(|hour| history.set(2, 0, 26 * WEEK - 1 - hour, 1));
    let tick = tick(&history, 26 * WEEK);
    is_sound(&tick);
    let first = peak(&tick, 168, 2, 0);
    assert_eq!(first.observed, 4);
    assert!(first.expected > 1e-4 && first.expected < 0.1, "{first:?}");
    assert!(first.p > 1e-15 && first.p < 1e-4, "{first:?}");
}

fn bits(tick: &Tick) -> Vec<u64> {
    let of = |peak: &Peak| {
        [peak.expected, peak.dispersion, peak.p, peak.q, peak.surge_evidence.unwrap_or(-1.0)].map(f64::to_bits)
    };
    tick.windows.iter().flat_map(|window| window.peaks.iter().flat_map(of)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Whatever the order of arrival and however often totals are replaced, the tick is that of a fresh load, bit for bit.
    #[test]
    fn live_equals_batch(
        sets in prop::collection::vec((0_u32..3, 0_u32..3, 0_i32..30 * WEEK, 0_u32..5), 0..400),
        at in 25_i32 * WEEK..31 * WEEK,
    ) {
        let (mut live, mut totals) = (History::new(), BTreeMap::new());
        for (area, category, hour, count) in sets {
            live.set(area, category, hour, count);
            totals.insert((area, category, hour), count);
        }
        let mut fresh = History::new();
        for ((area, category, hour), count) in totals.into_iter().rev() {
            fresh.set(area, category, hour, count);
        }
        let (live, fresh) = (tick(&live, at), tick(&fresh, at));
        prop_assert_eq!(bits(&live), bits(&fresh));
        prop_assert_eq!(&live, &fresh);
        is_sound(&live);
    }

    /// Never NaN and never a panic, on bursts of any size.
    #[test]
    fn is_sound_on_anything(
        sets in prop::collection::vec((0_u32..4, 0_u32..4, 0_i32..140, 0_u32..3, 0_i32..WEEK), 0..300),
        burst in prop::option::of((0_u32..4, 0_i32..140, 0_u32..2_000_000)),
        shares in prop::collection::vec(0.0_f64..1.0, 0..300),
        gap in 0_usize..5,
    ) {
        let mut history = History::new();
        for (area, category, week, count, hour) in sets {
            history.set(area, category, week * WEEK + hour, count);
        }
        if let Some((area, week, count)) = burst {
            history.set(area, 0, week * WEEK, count);
        }
        let options = Options { gap_weeks: gap, ..Options::default() };
        is_sound(&peaks(&history, 140 * WEEK, &ReportingLag::from_shares(shares), &options));
    }
}
