//! Injected outbreaks: a known excess at a known time and place, the ground truth of every detector.

use super::{
    draws::{Draws, Purpose, key},
    figures::CityFigures,
    plan::{PlacedOutbreak, Plan},
    refused,
};
use crate::SourceError;
use blotter_city::{Profile, UtcMicros};

/// More incidents of one category in one area than its usual rate gives, for some hours: exactly `extra` more
/// than without it. They occur and are reported within those hours, most of them on a few neighbouring blocks,
/// and are incidents like all others in every other respect: nothing in a record tells them apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Outbreak {
    /// Code in the community areas' layer: `25`.
    pub area: String,
    /// Category, as published or after the profile's clean-ups.
    pub category: String,
    /// Its first moment; moved to the beginning of an hour of the simulation.
    pub starts_at: UtcMicros,
    /// How long it lasts.
    pub hours: u32,
    /// Incidents that it adds.
    pub extra: u32,
}

/// Checks given outbreaks, and moves them to the hours of the simulation.
pub(super) fn place(
    given: &[Outbreak],
    figures: &CityFigures,
    profile: &Profile,
    plan: &Plan,
    incidents: u64,
) -> Result<Vec<(Outbreak, PlacedOutbreak)>, SourceError> {
    let mut placed = Vec::new();
    let mut within_history = 0;
    for outbreak in given {
        let Outbreak { area, category, starts_at, hours, extra } = outbreak;
        let known = figures.categories.iter().position(|known| {
            known.name == *category || profile.category.renamed.get(&known.name).is_some_and(|name| name == category)
        });
        let Some(category) = known else {
            return Err(refused(format!("it knows no category `{category}` for an outbreak")));
        };
        let Some(area) =
            area.parse::<usize>().ok().filter(|area| (1..=figures.categories[0].areas.len()).contains(area))
        else {
            return Err(refused(format!("it knows no area `{area}` for an outbreak")));
        };
        if *hours == 0 {
            return Err(refused("an outbreak lasts an hour at least".into()));
        }
        let Some(first_slot) = plan.slot_at(*starts_at) else {
            return Err(refused("an outbreak cannot start before the history".into()));
        };
        let one = PlacedOutbreak { area, category, first_slot, hours: u64::from(*hours), extra: u64::from(*extra) };
        if !plan.is_endless() && first_slot + one.hours > plan.history() {
            return Err(refused("an outbreak must end before the history does, unless a live feed follows".into()));
        }
        within_history += (0..one.hours)
            .map(|hour| first_slot + hour)
            .take_while(|slot| *slot < plan.history())
            .map(|slot| one.in_slot(slot))
            .sum::<u64>();
        placed.push((Outbreak { starts_at: plan.start_of(first_slot), ..outbreak.clone() }, one));
    }
    if within_history > incidents / 2 {
        return Err(refused(format!(
            "the outbreaks would add {within_history} incidents, more than half of a history of {incidents}"
        )));
    }
    Ok(placed)
}

/// Where nothing is asked for: an outbreak about once a month in the history, of six to 72 hours; in a live feed
/// of at least 500 incidents an hour one of three hours every eight hours (the first begins an hour after the
/// history), else as in the history; the feed's for ninety days. Each has six times what its hours usually see,
/// at least ten incidents.
pub(super) fn defaults(
    seed: u64,
    incidents: u64,
    live_rate: Option<f64>,
    figures: &CityFigures,
    plan: &Plan,
) -> Vec<Outbreak> {
    const MONTH: u64 = 720;
    const NAMES: [&str; 7] =
        ["THEFT", "BATTERY", "BURGLARY", "ROBBERY", "MOTOR VEHICLE THEFT", "CRIMINAL DAMAGE", "ASSAULT"];
    let mut list = Vec::new();
    let total: f64 = figures.offences.iter().map(|offence| offence.weight).sum();
    let key = key(seed, Purpose::Outbreak, 0);
    let mut add = |first_slot: u64, room: u64, live: bool, rate: f64| {
        let mut draws = Draws::new(key, first_slot);
        let name = NAMES[draws.below(NAMES.len() as u64) as usize];
        let Some(category) = figures.categories.iter().position(|category| category.name == name) else { return };
        let areas = &figures.categories[category].areas;
        let weights: f64 = areas.iter().sum();
        let mut pick = draws.unit() * weights;
        let area = areas.iter().position(|weight| {
            pick -= weight;
            pick < 0.0
        });
        let Some(area) = area else { return };
        let hours = if live { 3 } else { [6, 12, 24, 48, 72][draws.below(5) as usize] }.min(room);
        let category_weight: f64 =
            figures.offences.iter().filter(|offence| offence.category == category).map(|offence| offence.weight).sum();
        let usual = rate * hours as f64 * category_weight / total * areas[area] / weights;
        list.push(Outbreak {
            area: (area + 1).to_string(),
            category: name.to_owned(),
            starts_at: plan.start_of(first_slot),
            hours: hours as u32,
            extra: (6.0 * usual).max(10.0) as u32,
        });
    };
    let rate = incidents as f64 / plan.history() as f64;
    // Less than a thousand incidents a month drown in twenty that were injected.
    if rate * MONTH as f64 >= 1000.0 {
        let mut draws = Draws::new(key, u64::MAX);
        for month in 0..plan.history() / MONTH {
            add(month * MONTH + draws.below(MONTH - 72), 72, false, rate);
        }
    }
    if let Some(live) = live_rate {
        let brisk = live >= 500.0;
        let spacing = if brisk { 8 } else { MONTH / 3 };
        if live * spacing as f64 >= 300.0 {
            for start in (1..90 * 24).step_by(spacing as usize) {
                add(plan.history() + start, 72, brisk, live);
            }
        }
    }
    list
}
