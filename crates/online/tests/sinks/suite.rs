//! What every sink must do. An implementation joins with one line in `main.rs`.

use crate::support::{Open, assert_has, assert_has_peaks, expected};
use blotter_online::sinks::{PeakPoint, Point};

/// Every case as a test of its own, on what `$open` opens.
#[macro_export]
macro_rules! sink_suite {
    ($name:ident, $open:path) => {
        mod $name {
            $crate::sink_suite!(@ $open: what_was_written_is_there, written_again_changes_nothing, totals_are_revised,
                names_of_all_kinds, many_points_of_many_years, peaks_are_there, peaks_are_there_to_the_last_bit, peaks_are_revised,
                nothing_is_fine);
        }
    };
    (@ $open:path: $($case:ident),*) => {
        $(#[test]
        fn $case() {
            $crate::suite::$case($open);
        })*
    };
}

/// 2017-03-12T06:00:00Z: the night in which Chicago's clocks go forward.
const NIGHT: i64 = 1_489_298_400;

fn point<'a>(hour: i64, area: &'a str, category: &'a str, count: u64) -> Point<'a> {
    Point { bucket: NIGHT + hour * 3600, area, category, count }
}

pub(crate) fn what_was_written_is_there(open: Open) {
    let Some(mut tried) = open() else { return };
    let points =
        [point(0, "25", "THEFT", 3), point(1, "25", "THEFT", 4), point(2, "8", "THEFT", 1), point(2, "25", "ARSON", 9)];
    tried.write(&points);
    assert_has(&tried, &expected(&points));
}

pub(crate) fn written_again_changes_nothing(open: Open) {
    let Some(mut tried) = open() else { return };
    let points = [point(0, "25", "THEFT", 3), point(1, "25", "THEFT", 4)];
    for _ in 0..3 {
        tried.write(&points);
    }
    tried.write(&points[..1]);
    assert_has(&tried, &expected(&points));
}

pub(crate) fn totals_are_revised(open: Open) {
    let Some(mut tried) = open() else { return };
    let at = |count| [point(5, "25", "THEFT", count), point(6, "25", "THEFT", 2)];
    tried.write(&at(3));
    tried.write(&at(8));
    assert_has(&tried, &expected(&at(8)));
    if let Some(why) = tried.only_upwards {
        blotter_testing::skipped(&format!("totals that become smaller: {why}"));
        return;
    }
    for count in [5, 0] {
        tried.write(&at(count));
        assert_has(&tried, &expected(&at(count)));
    }
}

pub(crate) fn names_of_all_kinds(open: Open) {
    let Some(mut tried) = open() else { return };
    let points = [
        point(0, "", "THEFT", 1),
        point(0, "1A/2", "CRIMINAL DAMAGE", 2),
        point(0, "0111", "OFFENSE INVOLVING CHILDREN, \"OTHER\" = x", 3),
        point(0, "Été", "CONCEALED CARRY: LICENSE (VIOLATION)", 4),
        point(0, "a\\b", "100 % 'SURE'", 5),
    ];
    tried.write(&points);
    assert_has(&tried, &expected(&points));
}

pub(crate) fn many_points_of_many_years(open: Open) {
    let Some(mut tried) = open() else { return };
    let areas: Vec<String> = (1..=20).map(|area: u32| area.to_string()).collect();
    // From 2001 on, more than a request takes.
    let points: Vec<Point<'_>> = (0..30_000)
        .map(|number: i64| Point {
            bucket: 978_307_200 + number / 40 * 3600 * 97,
            area: &areas[number as usize % 20],
            category: ["THEFT", "BATTERY"][number as usize / 20 % 2],
            count: number as u64 % 50,
        })
        .collect();
    tried.write(&points);
    assert_has(&tried, &expected(&points));
}

fn peak(hour: i64, window: u16, area: &str, observed: u64, q: f64) -> PeakPoint<'_> {
    let category = "OTHER OFFENSE, \"A\" = b";
    PeakPoint { at: NIGHT + hour * 3600, window, area, category, observed, expected: 1.5, q }
}

pub(crate) fn peaks_are_there(open: Open) {
    let Some(mut tried) = open() else { return };
    // Some have no decimal point, as a whole number has none.
    let numbers = (0..).zip([1.0, 1e-7, 3.4e-11, 0.25]);
    let mut peaks: Vec<PeakPoint<'_>> =
        numbers.flat_map(|(hour, q)| [1, 168].map(|window| peak(hour, window, "25", 9, q))).collect();
    peaks.push(peak(0, 24, "", 0, 1.0));
    for _ in 0..2 {
        tried.write_peaks(&peaks);
    }
    assert_has_peaks(&tried, &peaks);
}

pub(crate) fn peaks_are_there_to_the_last_bit(open: Open) {
    let Some(mut tried) = open() else { return };
    if let Some(why) = tried.rounds {
        blotter_testing::skipped(&format!("peaks to the last bit: {why}"));
        return;
    }
    let exact = |hour, q| PeakPoint { expected: 2.0 / 3.0, ..peak(hour, 6, "25", 9, q) };
    let peaks = [exact(0, 0.1 + 0.2), exact(1, 1e-300)];
    tried.write_peaks(&peaks);
    assert_has_peaks(&tried, &peaks);
}

pub(crate) fn peaks_are_revised(open: Open) {
    let Some(mut tried) = open() else { return };
    if let Some(why) = tried.only_upwards {
        blotter_testing::skipped(&format!("peaks that are revised: {why}"));
        return;
    }
    let (other, next) = (peak(0, 6, "8", 4, 0.5), peak(1, 6, "25", 5, 0.5));
    for (observed, q) in [(3, 0.9), (8, 1e-9), (5, 0.25)] {
        let peaks = [peak(0, 6, "25", observed, q), other, next];
        tried.write_peaks(&peaks);
        assert_has_peaks(&tried, &peaks);
    }
}

pub(crate) fn nothing_is_fine(open: Open) {
    let Some(mut tried) = open() else { return };
    tried.write(&[]);
    tried.write_peaks(&[]);
    assert!(!tried.sink.name().is_empty());
}
