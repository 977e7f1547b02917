//! Meta: what is loaded, how fresh it is, and what can be asked.

use crate::{
    Caller, Figures, FromParameters, LoadedCity, NextOffsets, Parameters, QueryError, Question, Reply,
    encode::{Answer, Form, Json, Table},
};
use blotter_city::Profile;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

/// What is loaded, and how fresh is it?
#[derive(Clone, Copy, Debug, IntoParams)]
pub struct Meta {}

/// The figures of the data, and what can be asked about.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MetaAnswer {
    /// How much is loaded, how fresh it is, and how its sources stand.
    #[serde(flatten)]
    pub figures: Figures,
    /// The city's short name, as `--city` has it.
    pub city: String,
    /// The city.
    pub profile: CityFacts,
    /// The next offsets that the answer reflects, by partition of the log's topic `incidents`.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub next_offsets: NextOffsets,
    /// The layers of areas, such as beats and districts.
    pub layers: Vec<LayerFacts>,
    /// The categories that incidents have, the most frequent first.
    pub categories: Vec<String>,
}

/// A city.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CityFacts {
    /// Its name, for people.
    pub name: String,
    /// Its time zone, as the tz database names it.
    pub time_zone: String,
    /// What the publisher of the data asks to be said.
    pub disclaimer: String,
    /// West, south, east, north, in degrees.
    #[schema(min_items = 4, max_items = 4)]
    pub bounding_box: [f64; 4],
    /// Address of the data's page; null where the profile has none.
    #[schema(required)]
    pub portal: Option<String>,
}

/// A layer of areas.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LayerFacts {
    /// Its name in questions.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// Whether peaks are by its areas.
    pub primary: bool,
    /// Whether the outlines of its areas are known.
    pub boundaries: bool,
    /// Mapped incidents whose area is another than the one whose outline contains their point; what the source has stands. Null where
    /// the outlines are not known.
    #[schema(required)]
    pub disagreeing: Option<u64>,
    /// The areas that incidents have.
    pub areas: Vec<AreaFacts>,
}

/// An area.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AreaFacts {
    /// Its code, as incidents have it.
    pub code: String,
    /// Its name for people; the code where it has none.
    pub name: String,
}

impl FromParameters for Meta {
    const HAS_FILTER: bool = false;

    fn from_parameters(_: &Parameters) -> Result<Self, QueryError> {
        Ok(Self {})
    }
}

impl Question for Meta {
    type Answer = MetaAnswer;

    const SUMMARY: &'static str = "What is loaded, how fresh it is, and what can be asked for";
    const DESCRIPTION: &'static str = "How many incidents there are, how fresh they are, the state of each source, and the names that \
        filters take: categories, layers and areas.";
    const HAS_EDITION: bool = false;

    fn ask(&self, city: &LoadedCity, _: &dyn Caller) -> Result<Reply<MetaAnswer>, QueryError> {
        city.find_areas(usize::MAX);
        let view = city.read();
        let disagreeing = city.disagreeing(&view);
        let layers = city.profile.layers.iter().zip(disagreeing).enumerate().map(|(index, (layer, disagreeing))| {
            let name = |code: &str| layer.names.get(code).map_or_else(|| code.to_owned(), Clone::clone);
            let codes = view.cube.area_codes(index).into_iter();
            LayerFacts {
                name: layer.name.clone(),
                title: layer.title.clone(),
                primary: layer.primary,
                boundaries: city.boundaries.of(index).is_some(),
                disagreeing,
                areas: codes.map(|code| AreaFacts { code: code.to_owned(), name: name(code) }).collect(),
            }
        });
        let answer = MetaAnswer {
            figures: Figures::of(city, &view),
            city: city.profile.slug.clone(),
            profile: CityFacts::of(&city.profile),
            next_offsets: view.reflects(),
            layers: layers.collect(),
            categories: view.cube.categories().into_iter().map(Into::into).collect(),
        };
        Ok(Reply::Answer(answer, None))
    }
}

impl CityFacts {
    fn of(profile: &Profile) -> Self {
        let bounds = profile.bounding_box;
        Self {
            name: profile.name.clone(),
            time_zone: profile.time_zone.clone(),
            disclaimer: profile.disclaimer.clone(),
            bounding_box: [bounds.west, bounds.south, bounds.east, bounds.north],
            portal: profile.portal.as_ref().map(|portal| portal.page.clone()),
        }
    }
}

impl Answer for MetaAnswer {
    const FORMS: &'static [Form] = Form::OBJECT;

    fn into_json(self) -> Result<Json, QueryError> {
        Json::whole(&self)
    }

    fn into_table(self, _: Form) -> Result<Option<Table>, QueryError> {
        Ok(None)
    }
}
