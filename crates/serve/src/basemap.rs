//! The base map: one PMTiles file, from which browsers read the parts that they need.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use blotter_query::BasemapFacts;
use blotter_runtime::Problem;
use pmtiles::{AsyncPmTilesReader, PmtError, TileType};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use tower_http::services::ServeFile;

/// The version of PMTiles that browsers' readers read.
const VERSION: u8 = 3;

/// Where browsers find it.
pub(crate) const PATH: &str = "/basemap.pmtiles";

/// A file that is a base map.
#[derive(Clone, Debug)]
pub struct Basemap {
    path: PathBuf,
    facts: BasemapFacts,
}

/// Why a file cannot be a base map.
#[derive(Debug, thiserror::Error)]
pub enum BasemapError {
    /// It cannot be read.
    #[error("it cannot be read")]
    Io(#[from] std::io::Error),
    /// It is no PMTiles file of version 3, or it is damaged.
    #[error("it is not a usable PMTiles file of version 3")]
    Format(#[from] PmtError),
    /// Its metadata are not what the format says.
    #[error("its metadata cannot be read")]
    Metadata(#[from] serde_json::Error),
    /// Its tiles are of a form that maps do not draw.
    #[error("its tiles cannot be drawn: they must be mvt, png, jpeg, webp or avif")]
    Tiles,
}

/// Of a file's metadata.
#[derive(Debug, Default, Deserialize)]
struct Metadata {
    name: Option<String>,
    attribution: Option<String>,
    #[serde(default)]
    vector_layers: Vec<VectorLayer>,
}

#[derive(Debug, Deserialize)]
struct VectorLayer {
    id: String,
}

impl Basemap {
    /// Reads what the file says of itself.
    pub fn open(path: &Path) -> Result<Self, BasemapError> {
        // The reader maps a file into memory, and says less of one that it cannot open.
        std::fs::File::open(path)?;
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let (tiles, metadata) = runtime.block_on(async {
            let reader = AsyncPmTilesReader::new_with_path(path).await?;
            let header = reader.get_header();
            if header.spec_version() != VERSION {
                return Err(PmtError::UnsupportedPmTilesVersion);
            }
            let metadata = reader.get_metadata().await?;
            Ok::<_, PmtError>(((header.tile_type, header.min_zoom, header.max_zoom), metadata))
        })?;
        let metadata: Metadata = serde_json::from_str(&metadata)?;
        let (tile_type, min_zoom, max_zoom) = tiles;
        let tile_type = match tile_type {
            TileType::Mvt => "mvt",
            TileType::Png => "png",
            TileType::Jpeg => "jpeg",
            TileType::Webp => "webp",
            TileType::Avif => "avif",
            _ => return Err(BasemapError::Tiles),
        };
        let facts = BasemapFacts {
            url: PATH.to_owned(),
            name: metadata.name,
            attribution: metadata.attribution,
            tile_type: tile_type.to_owned(),
            min_zoom,
            max_zoom,
            vector_layers: metadata.vector_layers.into_iter().map(|layer| layer.id).collect(),
        };
        Ok(Self { path: path.to_owned(), facts })
    }

    /// What it says of itself.
    pub fn facts(&self) -> &BasemapFacts {
        &self.facts
    }

    /// The file, or the requested range of it.
    pub(crate) async fn answer(&self, request: Request) -> Response {
        match ServeFile::new(&self.path).try_call(request).await {
            Ok(response) => {
                let mut response = response.map(Body::new);
                let headers = response.headers_mut();
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/vnd.pmtiles"));
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
                headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
                response
            }
            Err(error) => Problem::internal(&error).into_response(),
        }
    }
}
