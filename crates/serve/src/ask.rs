//! The API without a listener: a command asks what a browser asks, and is answered by the same code.

use crate::{ServeError, api, follower::Follower, snapshot::LocalSnapshot, state::State};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, header},
};
use blotter_city::Profile;
use blotter_incident::Boundaries;
use blotter_log::Log;
use blotter_runtime::Shutdown;
use blotter_runtime::http::Limits;
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::{runtime::Runtime, sync::watch};
use tower_service::Service;

/// What is asked about.
pub struct AskParts {
    /// The log to follow to its end first; without it answers are as fresh as the snapshot.
    pub log: Option<Arc<dyn Log>>,
    /// Local directory of snapshots.
    pub snapshots: PathBuf,
    /// The city.
    pub profile: Arc<Profile>,
    /// The outlines that are known of it.
    pub boundaries: Arc<Boundaries>,
}

/// A loaded city that can be asked.
pub struct LoadedCity {
    router: Router,
    runtime: Runtime,
}

/// An answer, as a client of the API would have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// What the body is.
    pub media_type: String,
    /// The body.
    pub body: Vec<u8>,
}

impl LoadedCity {
    /// Loads the snapshot and follows the log to the end that it has now.
    pub fn load(parts: AskParts, shutdown: &Shutdown) -> Result<Self, ServeError> {
        if parts.log.is_none() && LocalSnapshot::newest(&parts.snapshots)?.is_none() {
            return Err(ServeError::NoSnapshot { directory: parts.snapshots });
        }
        let state = Arc::new(State::new(parts.profile, parts.log, parts.boundaries));
        let follower = Follower {
            state: Arc::clone(&state),
            snapshots: parts.snapshots,
            coalesce: Duration::from_secs(1),
            until_caught_up: true,
        };
        follower.run(shutdown)?;
        Self::of(state)
    }

    /// What that state answers.
    pub(crate) fn of(state: Arc<State>) -> Result<Self, ServeError> {
        // Without listeners nobody is told of the end.
        let (_, stopped) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        Ok(Self { router: api::router(state, stopped, Limits::of_connections(1)), runtime })
    }

    /// Asks for a path with its query, such as `/api/v1/meta`.
    pub fn ask(&self, question: &str) -> Result<Reply, ServeError> {
        let io = |error: axum::Error| ServeError::Io(std::io::Error::other(error));
        let request = Request::get(question).body(Body::empty()).map_err(|error| io(axum::Error::new(error)))?;
        self.runtime.block_on(async {
            let response = match self.router.clone().call(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            let (head, body) = response.into_parts();
            let media_type = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
            Ok(Reply {
                status: head.status.as_u16(),
                media_type: media_type.unwrap_or_default().to_owned(),
                body: to_bytes(body, usize::MAX).await.map_err(io)?.to_vec(),
            })
        })
    }
}
