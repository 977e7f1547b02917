//! The server by its routes.

mod api;
mod disagreements;
mod peaks;
mod texts;
