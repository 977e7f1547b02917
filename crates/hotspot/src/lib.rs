//! Hot spots: which hexagons hold more incidents, together with their neighbours, than chance would put there.
//!
//! Pure: no I/O, no clock, no randomness; the same counts give the same answer, bit for bit. Counts are whole numbers
//! and all sums of them are exact, so that an answer does not depend on the order in which incidents came.
//!
//! Sources: Getis & Ord 1992 and Ord & Getis 1995 (Gi\*); Benjamini & Hochberg 1995 (false discovery rate);
//! Caldas de Castro & Singer 2006 (that rate for local statistics).

mod gi_star;
mod significance;
mod study_area;

pub use gi_star::gi_star;
pub use significance::{Class, Confidence, q_values, two_sided_p};
pub use study_area::{Neighbors, StudyArea};
