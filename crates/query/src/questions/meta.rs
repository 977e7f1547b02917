//! Meta: what is loaded, how fresh it is, and what can be asked.

use crate::{
    Caller, FromParameters, LoadedCity, Parameters, QueryError, Question, Reply,
    encode::{Answer, Form, Json, Table},
    figures,
};
use serde_json::{Map, Value, json};

/// What is loaded, and how fresh is it?
#[derive(Clone, Copy, Debug)]
pub struct Meta;

/// The figures of the data, and the city's layers and categories, as the API names them.
#[derive(Clone, Debug)]
pub struct MetaAnswer(pub Map<String, Value>);

impl FromParameters for Meta {
    const NAMES: &'static [&'static str] = &[];
    const HAS_FILTER: bool = false;

    fn from_parameters(_: &Parameters) -> Result<Self, QueryError> {
        Ok(Self)
    }
}

impl Question for Meta {
    type Answer = MetaAnswer;

    fn ask(&self, city: &LoadedCity, _: &dyn Caller) -> Result<Reply<MetaAnswer>, QueryError> {
        city.find_areas(usize::MAX);
        let view = city.read();
        let mut answer = figures(city, &view);
        let disagreeing = city.disagreeing(&view);
        let profile = &city.profile;
        let bounds = profile.bounding_box;
        let layers: Vec<Value> = profile
            .layers
            .iter()
            .enumerate()
            .map(|(index, layer)| {
                let seen = view.cube.area_codes(index);
                let areas: Vec<Value> = seen
                    .iter()
                    .map(|code| json!({ "code": code, "name": layer.names.get(*code).map_or(*code, String::as_str) }))
                    .collect();
                json!({
                    "name": layer.name, "title": layer.title, "primary": layer.primary,
                    "boundaries": city.boundaries.of(index).is_some(), "disagreeing": disagreeing[index],
                    "areas": areas,
                })
            })
            .collect();
        for (name, value) in [
            ("city", json!(profile.slug)),
            (
                "profile",
                json!({
                    "name": profile.name, "time_zone": profile.time_zone, "disclaimer": profile.disclaimer,
                    "bounding_box": [bounds.west, bounds.south, bounds.east, bounds.north],
                    "portal": profile.portal.as_ref().map(|portal| &portal.page),
                }),
            ),
            ("next_offsets", json!(view.reflects())),
            ("layers", json!(layers)),
            ("categories", json!(view.cube.categories())),
        ] {
            answer.insert(name.to_owned(), value);
        }
        Ok(Reply::Answer(MetaAnswer(answer), None))
    }
}

impl Answer for MetaAnswer {
    const FORMS: &'static [Form] = Form::OBJECT;

    fn into_json(self) -> Result<Json, QueryError> {
        Json::whole(&self.0)
    }

    fn into_table(self, _: Form) -> Result<Option<Table>, QueryError> {
        Ok(None)
    }
}
