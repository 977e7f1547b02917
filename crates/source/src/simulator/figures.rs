//! The rates of a real city, read from `figures.csv`; `derive.py` beside it says what each figure is and how it
//! was derived.

/// Categories with a common rhythm.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) day_sigma: f64,
    pub(super) slope: f64,
    /// Shares of all incidents.
    pub(super) unknown_month: f64,
    pub(super) unknown_year: f64,
    /// Near-repeat pairs on one block within a week, per incident, beyond chance.
    pub(super) repeats: f64,
    /// By hour of the week from Monday 00:00; the mean is 1.
    pub(super) hours: Vec<f64>,
    /// January first; the mean is 1.
    pub(super) months: Vec<f64>,
    pub(super) lags: Vec<f64>,
}

#[derive(Debug)]
pub(super) struct Category {
    pub(super) name: String,
    pub(super) group: usize,
    /// Weights by community area, 1 first.
    pub(super) areas: Vec<f64>,
}

#[derive(Debug)]
pub(super) struct Offence {
    pub(super) category: usize,
    pub(super) code: String,
    pub(super) description: String,
    pub(super) fbi: String,
    pub(super) weight: f64,
    /// Shares of one.
    pub(super) arrest: f64,
    pub(super) domestic: f64,
    pub(super) unmapped: f64,
}

#[derive(Debug)]
pub(super) struct Place {
    pub(super) category: usize,
    pub(super) description: String,
    pub(super) weight: f64,
}

#[derive(Debug)]
pub(super) struct Zone {
    /// From 1.
    pub(super) area: usize,
    pub(super) district: String,
    pub(super) beat: String,
    pub(super) ward: String,
}

#[derive(Debug)]
pub(super) struct Cell {
    pub(super) zone: usize,
    /// In thousandths of a degree.
    pub(super) latitude: i64,
    pub(super) longitude: i64,
    /// By setting.
    pub(super) weights: [f64; 4],
}

#[derive(Debug)]
pub(super) struct Point {
    pub(super) area: usize,
    pub(super) latitude: i64,
    pub(super) longitude: i64,
    /// Share of the area's incidents.
    pub(super) share: f64,
}

/// What decides where in an area something happens; the order is that of [`Cell::weights`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    /// Shops, stations, offices: few places with much of it.
    Shops,
    /// Homes and parked cars: evenly spread.
    Homes,
    /// Wherever people meet.
    People,
    /// Corners where things are sold: few places with much of it.
    Corners,
}

impl Setting {
    /// The setting of a group. As `SETTINGS` in `derive.py`.
    pub(super) fn of(group: &str) -> Self {
        match group {
            "theft" | "deceptive" => Self::Shops,
            "damage" | "burglary" | "vehicle" => Self::Homes,
            "narcotics" | "vice" => Self::Corners,
            _ => Self::People,
        }
    }
}

/// Community areas.
pub(super) const AREAS: usize = 77;

#[derive(Debug, Default)]
pub(super) struct CityFigures {
    pub(super) groups: Vec<Group>,
    pub(super) categories: Vec<Category>,
    /// In the order of their groups.
    pub(super) offences: Vec<Offence>,
    pub(super) places: Vec<Place>,
    /// Bounds of the classes of reporting lags, in hours.
    pub(super) lag_hours: Vec<i64>,
    /// By hour of the day, then by minute.
    pub(super) minutes: Vec<Vec<f64>>,
    pub(super) zones: Vec<Zone>,
    /// In the order of their areas.
    pub(super) cells: Vec<Cell>,
    pub(super) points: Vec<Point>,
}

impl CityFigures {
    /// The compiled-in figures.
    ///
    /// # Panics
    /// Where the file was damaged before it was compiled in; a test reads it.
    pub(super) fn new() -> Self {
        let mut figures = Self::default();
        for line in include_str!("figures.csv").lines() {
            let fields: Vec<&str> = line.split(',').collect();
            assert!(figures.read(&fields).is_some(), "figures.csv: {line}");
        }
        figures
    }

    fn read(&mut self, fields: &[&str]) -> Option<()> {
        let number = |index: usize| fields.get(index)?.parse::<f64>().ok();
        let numbers = |from: usize| fields[from..].iter().map(|field| field.parse().ok()).collect::<Option<Vec<f64>>>();
        // A comma within a text is written as a semicolon.
        let text = |index: usize| Some(fields.get(index)?.replace(';', ","));
        let thousandths = |index: usize| fields.get(index)?.replace('.', "").parse::<i64>().ok();
        let group = |index: usize| self.groups.iter().position(|group| group.name == fields[index]);
        let category = |index: usize| self.categories.iter().position(|category| category.name == fields[index]);
        match *fields.first()? {
            "group" => {
                let categories: Vec<Category> = (fields.get(2)?.split('|'))
                    .map(|name| Category { name: name.to_owned(), group: self.groups.len(), areas: Vec::new() })
                    .collect();
                self.groups.push(Group {
                    name: text(1)?,
                    day_sigma: number(3)? / 1e3,
                    slope: number(4)? / 1e3,
                    unknown_month: number(5)? / 1e5,
                    unknown_year: number(6)? / 1e5,
                    repeats: number(7)? / 1e3,
                    ..Group::default()
                });
                self.categories.extend(categories);
            }
            "hour" => {
                let group = group(1)?;
                self.groups[group].hours = numbers(2)?.into_iter().map(|value| value / 1e3).collect();
            }
            "month" => {
                let group = group(1)?;
                self.groups[group].months = numbers(2)?.into_iter().map(|value| value / 1e3).collect();
            }
            "lag" => {
                let group = group(1)?;
                self.groups[group].lags = numbers(2)?;
            }
            "lag_hours" => self.lag_hours = numbers(1)?.into_iter().map(|hours| hours as i64).collect(),
            "minute" => self.minutes.push(numbers(2)?),
            "offence" => {
                let offence = Offence {
                    category: category(2)?,
                    code: text(3)?,
                    description: text(4)?,
                    fbi: text(5)?,
                    weight: number(6)?,
                    arrest: number(7)? / 1e3,
                    domestic: number(8)? / 1e3,
                    unmapped: number(9)? / 1e3,
                };
                self.offences.push(offence);
            }
            "place" => {
                let place = Place { category: category(1)?, description: text(2)?, weight: number(3)? };
                self.places.push(place);
            }
            "area" => {
                let category = category(1)?;
                self.categories[category].areas = numbers(2)?;
            }
            "zone" => self.zones.push(Zone {
                area: fields.get(1)?.parse().ok()?,
                district: text(2)?,
                beat: text(3)?,
                ward: text(4)?,
            }),
            "cell" => self.cells.push(Cell {
                zone: self.zones.len().checked_sub(1)?,
                latitude: thousandths(1)?,
                longitude: thousandths(2)?,
                weights: [number(3)?, number(4)?, number(5)?, number(6)?],
            }),
            "point" => self.points.push(Point {
                area: fields.get(1)?.parse().ok()?,
                latitude: thousandths(2)?,
                longitude: thousandths(3)?,
                share: number(4)? / 1e3,
            }),
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_are_whole() {
        let figures = CityFigures::new();
        assert_eq!((figures.groups.len(), figures.categories.len()), (14, 33));
        let classes = figures.lag_hours.len() - 1;
        for group in &figures.groups {
            assert_eq!((group.hours.len(), group.months.len(), group.lags.len()), (168, 12, classes), "{}", group.name);
        }
        assert!(figures.categories.iter().all(|category| category.areas.len() == AREAS));
        assert!(figures.minutes.len() == 24 && figures.minutes.iter().all(|minutes| minutes.len() == 60));
        let areas: Vec<usize> = figures.cells.iter().map(|cell| figures.zones[cell.zone].area).collect();
        assert!(areas.is_sorted() && (1..=AREAS).all(|area| areas.contains(&area)));
        let groups: Vec<usize> =
            figures.offences.iter().map(|offence| figures.categories[offence.category].group).collect();
        assert!(groups.is_sorted());
        for category in 0..figures.categories.len() {
            assert!(figures.offences.iter().any(|offence| offence.category == category));
            assert!(figures.places.iter().any(|place| place.category == category));
        }
        let weight: f64 = figures.offences.iter().map(|offence| offence.weight).sum();
        assert!((1_718_000.0..1_718_686.0).contains(&weight), "{weight}");
    }
}
