//! Cells: incidents by place.

use crate::{
    Caller, Edition, FromParameters, LoadedCity, NextOffsets, Parameters, QueryError, Question, Reply, Selection,
    encode::{Answer, Form, Json, Table, beside, hexagon, middles},
    parameters::allowed::{RESOLUTION, Resolution},
};
use arrow::{
    array::{ArrayRef, RecordBatch, StringArray, UInt64Array},
    error::ArrowError,
};
use h3o::CellIndex;
use serde::{Serialize, Serializer};
use std::{io::Write, ops::Range, sync::Arc};
use utoipa::{IntoParams, ToSchema};

/// How many incidents lie in each cell?
#[derive(Clone, Debug, IntoParams)]
pub struct Cells {
    /// Of which incidents.
    #[param(ignore)]
    pub selection: Selection,
    /// Resolution of the H3 cells.
    #[param(value_type = Resolution, inline, required = false)]
    pub resolution: u8,
}

/// Every cell with incidents.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CellsAnswer {
    /// Values that hold for the whole answer.
    #[serde(flatten)]
    pub summary: CellsSummary,
    /// Pairs of a cell's H3 index, in hexadecimal, and its number of incidents, sorted by index. Cells without incidents are left out.
    #[schema(value_type = Vec<(String, u64)>)]
    #[serde(serialize_with = "pairs")]
    pub cells: Vec<(CellIndex, u64)>,
}

/// Values that hold for the whole answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CellsSummary {
    /// Resolution of the H3 cells.
    pub resolution: u8,
    /// Selected incidents with coordinates inside the city's bounding box.
    pub mapped: u64,
    /// Selected incidents without coordinates inside the city's bounding box. Always 0 with `bbox`.
    pub unmapped: u64,
    /// The next offsets that the answer reflects, by partition of the log's topic `incidents`.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub next_offsets: NextOffsets,
}

impl FromParameters for Cells {
    const HAS_FILTER: bool = true;

    fn from_parameters(parameters: &Parameters) -> Result<Self, QueryError> {
        Ok(Self { resolution: RESOLUTION.read(parameters, "resolution")?, selection: parameters.selection()? })
    }
}

impl Question for Cells {
    type Answer = CellsAnswer;

    const SUMMARY: &'static str = "Incidents by H3 cell";
    const DESCRIPTION: &'static str =
        "Counts the selected incidents of each cell. CSV and GeoJSON also have the centre of each cell.";

    fn ask(&self, city: &LoadedCity, caller: &dyn Caller) -> Result<Reply<CellsAnswer>, QueryError> {
        let resolution = self.resolution;
        let view = city.read();
        let filter = self.selection.filter(&city.profile, &view.cube)?;
        let edition = Edition { content: vec![view.cube.content(&filter)], next_offsets: view.reflects() };
        if caller.has(&edition) {
            return Ok(Reply::Known(edition));
        }
        let counts = view.cube.cells(&filter, resolution);
        drop(view);
        let (mapped, unmapped, next_offsets) = (counts.mapped, counts.unmapped, edition.next_offsets.clone());
        let summary = CellsSummary { resolution, mapped, unmapped, next_offsets };
        Ok(Reply::Answer(CellsAnswer { summary, cells: counts.cells }, Some(edition)))
    }
}

fn pairs<S: Serializer>(cells: &[(CellIndex, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(cells.iter().map(|(cell, count)| (cell.to_string(), count)))
}

impl Answer for CellsAnswer {
    const FORMS: &'static [Form] = Form::PLACES;

    fn into_json(self) -> Result<Json, QueryError> {
        let Self { summary, cells } = self;
        let (count, held_bytes) = (cells.len(), size_of_val(cells.as_slice()));
        // Thousands of small pairs: written as they are, without a tree in between.
        let pair = move |index: usize, body: &mut Vec<u8>| {
            let (cell, count) = cells[index];
            write!(body, "[\"{:x}\",{count}]", u64::from(cell)).map_err(serde_json::Error::io)
        };
        Json::elements(&summary, "cells", count, held_bytes, pair)
    }

    fn into_table(self, form: Form) -> Result<Option<Table>, QueryError> {
        let Self { summary, cells } = self;
        let (count, held_bytes) = (cells.len(), size_of_val(cells.as_slice()) * 2);
        let indexes: Vec<CellIndex> = cells.iter().map(|(cell, _)| *cell).collect();
        // Of Arrow, whoever reads it has H3.
        let has_middles = form != Form::Arrow;
        let rows = Box::new(move |rows: Range<usize>| table(&cells[rows], has_middles));
        let geometry = Box::new(move |row| hexagon(indexes[row]));
        Ok(Some(Table { count, rows, geometry, beside: beside(&summary)?, held_bytes }))
    }
}

fn table(cells: &[(CellIndex, u64)], has_middles: bool) -> Result<RecordBatch, ArrowError> {
    let names: StringArray = cells.iter().map(|(cell, _)| Some(cell.to_string())).collect();
    let counts = UInt64Array::from_iter_values(cells.iter().map(|(_, count)| *count));
    let mut columns = vec![("cell", Arc::new(names) as ArrayRef)];
    if has_middles {
        columns.extend(middles(cells.iter().map(|(cell, _)| *cell)));
    }
    columns.push(("count", Arc::new(counts)));
    RecordBatch::try_from_iter(columns)
}
