//! A portal's boundary datasets: one answer each.

use super::{client::Client, options::SocrataOptions};
use crate::SourceError;
use blotter_city::Profile;

/// More areas than a layer has: the portal answers 1,000 unless told otherwise.
const MOST_AREAS: &str = "1000000";

/// A portal, asked for the outlines of areas.
pub struct BoundaryPortal {
    client: Client,
}

impl BoundaryPortal {
    /// That of the profile. Nothing is asked yet.
    pub fn new(profile: &Profile, options: &SocrataOptions) -> Result<Self, SourceError> {
        let portal = profile.portal.as_ref().ok_or_else(|| SourceError::Refused {
            what: format!("the portal of {}", profile.name),
            why: "its profile names none; give files with `--boundaries LAYER=PATH`".into(),
        })?;
        Ok(Self { client: Client::new(portal, options)? })
    }

    /// The GeoJSON of a dataset, as the portal has it.
    pub fn geojson(&self, dataset: &str) -> Result<Vec<u8>, SourceError> {
        self.client.geojson(dataset, &[("$limit", MOST_AREAS)])
    }
}
