//! What `meta` says of the base map that the operator gave.

use serde::Serialize;
use utoipa::ToSchema;

/// A base map: streets and names below the data, from one PMTiles file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BasemapFacts {
    /// Path of the file on this server. It answers Range requests.
    pub url: String,
    /// Name, as the file gives it. Null if it gives none.
    #[schema(required)]
    pub name: Option<String>,
    /// Whom to credit on the map, as the file gives it. It may contain HTML. Null if it gives none.
    #[schema(required)]
    pub attribution: Option<String>,
    /// Form of a tile: `mvt` (vector) or an image's: `png`, `jpeg`, `webp`, `avif`.
    pub tile_type: String,
    /// Least zoom with tiles.
    pub min_zoom: u8,
    /// Greatest zoom with tiles.
    pub max_zoom: u8,
    /// Layers of vector tiles. Empty for images.
    pub vector_layers: Vec<String>,
}
