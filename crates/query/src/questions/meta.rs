//! Meta: what is loaded, how fresh it is, and which names the filters accept.

use crate::{
    BasemapFacts, Caller, Figures, FromParameters, LoadedCity, NextOffsets, Parameters, QueryError, Question, Reply,
    encode::{Answer, Form, Json, Table},
};
use blotter_city::Profile;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

/// What is loaded, and how fresh is it?
#[derive(Clone, Copy, Debug, IntoParams)]
pub struct Meta {}

/// What is loaded, how fresh it is, and which names the filters accept.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MetaAnswer {
    /// How much is loaded, how fresh it is, and the state of its sources.
    #[serde(flatten)]
    pub figures: Figures,
    /// Short name of the city, as in `--city`.
    pub city: String,
    /// Facts about the city.
    pub profile: CityFacts,
    /// The next offsets that the answer reflects, by partition of the log's topic `incidents`.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub next_offsets: NextOffsets,
    /// Layers of areas, such as beats and districts.
    pub layers: Vec<LayerFacts>,
    /// Categories that incidents have, the most frequent first.
    pub categories: Vec<String>,
    /// The base map, from `--basemap`. Null if there is none.
    #[schema(required)]
    pub basemap: Option<BasemapFacts>,
}

/// A city.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CityFacts {
    /// Name to show.
    pub name: String,
    /// Time zone, as named in the tz database.
    pub time_zone: String,
    /// Notice required by the data's publisher.
    pub disclaimer: String,
    /// Bounding box: west, south, east, north, in degrees.
    #[schema(min_items = 4, max_items = 4)]
    pub bounding_box: [f64; 4],
    /// Address of the data's page. Null if the profile has none.
    #[schema(required)]
    pub portal: Option<String>,
}

/// A layer of areas.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LayerFacts {
    /// Name for `area`, `by` and `/api/v1/boundaries/{layer}`.
    pub name: String,
    /// Name to show.
    pub title: String,
    /// True for the one layer that peaks and hourly counts use.
    pub primary: bool,
    /// True if the server has the outlines of its areas.
    pub boundaries: bool,
    /// Incidents whose published area differs from the outline that contains their point. The published area counts. Null if outlines
    /// are unknown.
    #[schema(required)]
    pub disagreeing: Option<u64>,
    /// Areas that incidents have.
    pub areas: Vec<AreaFacts>,
}

/// An area.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AreaFacts {
    /// Code, as in incidents.
    pub code: String,
    /// Name to show; the code if the area has no name.
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

    const SUMMARY: &'static str = "What is loaded, how fresh it is, and which names the filters accept";
    const DESCRIPTION: &'static str = "Returns the number of incidents, how fresh they are, the state of each source, and the categories, \
        layers and areas that filters accept.";
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
            basemap: city.basemap.clone(),
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
