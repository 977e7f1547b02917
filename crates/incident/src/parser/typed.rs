//! Rows whose values have their types already.

use crate::builder::FIXED_DICTIONARIES;
use blotter_city::CivilMicros;

/// A dictionary column of [`incident_schema`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordColumn {
    /// After the profile's clean-ups.
    Category,
    /// Before them.
    CategoryPublished,
    /// What happened.
    Description,
    /// Kind of place.
    Place,
    /// Offence code.
    Code,
    /// The code of an area, by the layer's position in the profile.
    Layer(usize),
}

impl WordColumn {
    pub(super) fn index(self) -> usize {
        match self {
            Self::Category => 0,
            Self::CategoryPublished => 1,
            Self::Description => 2,
            Self::Place => 3,
            Self::Code => 4,
            Self::Layer(layer) => FIXED_DICTIONARIES + layer,
        }
    }
}

/// A published text, cleaned and interned by [`Parser::word`]; of use to that parser alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word(pub(crate) u32);

/// A row whose values have their types already: what [`Parser::push`] reads from a row's bytes. Texts have
/// no surrounding white space; an empty one is missing.
#[derive(Clone, Copy, Debug)]
pub struct TypedRow<'a> {
    /// Unique in the city, never empty.
    pub id: &'a str,
    /// Case number.
    pub case_number: &'a str,
    /// Civil.
    pub occurred_at: CivilMicros,
    /// Civil.
    pub updated_at: Option<CivilMicros>,
    /// One per dictionary column: category, category as published, description, place, code, then the layers.
    pub words: &'a [Word],
    /// Block.
    pub block: &'a str,
    /// Arrest.
    pub arrest: Option<bool>,
    /// Domestic.
    pub domestic: Option<bool>,
    /// Degrees north and east.
    pub position: Option<(f64, f64)>,
}
