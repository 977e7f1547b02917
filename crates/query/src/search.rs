//! The newest local snapshot, for those who look for a block or a case number: its blocks with their middles, and its rows. Opened
//! when somebody first looks, and kept until there is a newer one.

use crate::{
    LoadError,
    opened::OpenSnapshot,
    snapshot::LocalSnapshot,
    snapshot_columns::{column, wrong},
};
use arrow::{
    array::{Array, AsArray, StringArray},
    datatypes::Float64Type,
};
use blotter_city::Profile;
use hashbrown::HashMap;
use serde::Serialize;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};
use utoipa::ToSchema;

/// Blocks that are kept. A city has some ten thousands; where every incident has a text of its own, the first are found.
const MOST_BLOCKS: usize = 300_000;

/// A block.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FoundBlock {
    /// Its text, as published.
    pub block: String,
    /// Number of its incidents.
    pub incidents: u64,
    /// Mean latitude of its incidents in degrees, WGS 84. Null if none has coordinates.
    #[schema(required)]
    pub latitude: Option<f64>,
    /// Mean longitude of its incidents in degrees, WGS 84. Null if none has coordinates.
    #[schema(required)]
    pub longitude: Option<f64>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct BlockIndex {
    /// In the order of their first incident.
    pub(crate) blocks: Vec<FoundBlock>,
    /// Incidents that were looked at.
    pub(crate) incidents: u64,
}

#[derive(Default)]
struct Sums {
    incidents: u64,
    mapped: u64,
    latitude: f64,
    longitude: f64,
}

/// A snapshot that is searched.
#[derive(Debug)]
pub(crate) struct SearchedSnapshot {
    version: u64,
    pub(crate) rows: OpenSnapshot,
    pub(crate) index: BlockIndex,
}

/// The newest local snapshot, opened and indexed when somebody last looked.
#[derive(Default)]
pub(crate) struct Search {
    directory: OnceLock<PathBuf>,
    kept: Mutex<Option<Arc<SearchedSnapshot>>>,
}

impl Search {
    /// Says where the snapshots are.
    pub(crate) fn begin(&self, directory: &Path) {
        // A second follower of one city has the same.
        let _set_before = self.directory.set(directory.to_owned());
    }

    /// The newest local snapshot of the city, if there is one. Whoever looks first opens it; others wait for that.
    pub(crate) fn newest(&self, profile: &Profile) -> Result<Option<Arc<SearchedSnapshot>>, LoadError> {
        let Some(directory) = self.directory.get() else { return Ok(None) };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(snapshot) = LocalSnapshot::newest(directory)? else { return Ok(None) };
        let version = snapshot.manifest.version;
        if let Some(kept) = kept.as_ref().filter(|kept| kept.version == version) {
            return Ok(Some(Arc::clone(kept)));
        }
        if snapshot.manifest.city != profile.slug {
            return Ok(None);
        }
        let rows = OpenSnapshot::open(&snapshot, &snapshot.open()?, profile)?;
        let index = BlockIndex::read(&rows)?;
        let searched = Arc::new(SearchedSnapshot { version, rows, index });
        *kept = Some(Arc::clone(&searched));
        Ok(Some(searched))
    }
}

impl BlockIndex {
    fn read(snapshot: &OpenSnapshot) -> Result<Self, LoadError> {
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut sums: Vec<Sums> = Vec::new();
        let mut incidents = 0;
        snapshot.each_batch(&["block", "latitude", "longitude"], |_, batch| {
            let blocks: &StringArray = column(batch, "block")?.as_string_opt().ok_or_else(|| wrong("block"))?;
            let degrees = |name| column(batch, name)?.as_primitive_opt::<Float64Type>().ok_or_else(|| wrong(name));
            let (latitudes, longitudes) = (degrees("latitude")?, degrees("longitude")?);
            incidents += batch.num_rows() as u64;
            for row in (0..batch.num_rows()).filter(|row| blocks.is_valid(*row)) {
                let block = blocks.value(row);
                let place = match places.get(block) {
                    Some(place) => *place,
                    None if sums.len() < MOST_BLOCKS && !block.is_empty() => {
                        sums.push(Sums::default());
                        places.insert(block.to_owned(), sums.len() - 1);
                        sums.len() - 1
                    }
                    None => continue,
                };
                let of_block = &mut sums[place];
                of_block.incidents += 1;
                if latitudes.is_valid(row) && longitudes.is_valid(row) {
                    of_block.mapped += 1;
                    of_block.latitude += latitudes.value(row);
                    of_block.longitude += longitudes.value(row);
                }
            }
            Ok(())
        })?;
        let mut blocks: Vec<(usize, String)> = places.into_iter().map(|(block, place)| (place, block)).collect();
        blocks.sort_unstable();
        let found = blocks.into_iter().zip(&sums).map(|((_, block), sums)| {
            let mean = |sum: f64| (sums.mapped > 0).then(|| sum / sums.mapped as f64);
            FoundBlock {
                block,
                incidents: sums.incidents,
                latitude: mean(sums.latitude),
                longitude: mean(sums.longitude),
            }
        });
        Ok(Self { blocks: found.collect(), incidents })
    }
}
