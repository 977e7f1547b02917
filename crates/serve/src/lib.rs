//! The HTTP API, the live stream, and the embedded web app.
