//! What a sink lets nobody else know.

/// Who asks. Shows nothing of it.
#[derive(Clone, Default)]
pub struct Secrets {
    /// `INFLUXDB_USERNAME`.
    pub influxdb_username: Option<String>,
    /// `INFLUXDB_PASSWORD`.
    pub influxdb_password: Option<String>,
    /// `INFLUXDB_TOKEN`.
    pub influxdb_token: Option<String>,
    /// `KAIROSDB_USERNAME`.
    pub kairosdb_username: Option<String>,
    /// `KAIROSDB_PASSWORD`.
    pub kairosdb_password: Option<String>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

/// RFC 7617.
pub(super) fn basic(user: &str, password: &str) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}
