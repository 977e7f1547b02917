//! `GET /api/v1/live`: server-sent events whose id is the next offsets that they reflect.

use super::{Context, problem, refusals::Refusals};
use crate::metrics::Metrics;
use axum::{
    extract::State as Shared,
    http::{HeaderMap, Uri},
    response::{
        IntoResponse, Response,
        sse::{Event as Message, KeepAlive, Sse},
    },
};
use blotter_query::{Change, Event, Parameters, PublishedTick};
use blotter_runtime::Problem;
use futures::{Stream, StreamExt, stream};
use serde::Serialize;
use std::{
    convert::Infallible,
    sync::{Arc, atomic::Ordering},
};
use tokio::sync::{OwnedSemaphorePermit, broadcast::error::RecvError};
use utoipa::ToSchema;

/// The data of an event.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, clippy::large_enum_variant, reason = "it is for the document")]
enum LiveData {
    /// Of type `change`.
    #[schema(title = "change")]
    Change(Change),
    /// Of type `peaks`.
    #[schema(title = "peaks")]
    Peaks(PublishedTick),
}

/// Leaves the count of clients when the connection ends, however it ends.
struct Client(
    Arc<Metrics>,
    #[expect(dead_code, reason = "a place, given back when it is dropped")] OwnedSemaphorePermit,
);

impl Client {
    fn new(metrics: Arc<Metrics>, place: OwnedSemaphorePermit) -> Self {
        metrics.live_clients.fetch_add(1, Ordering::Relaxed);
        Self(metrics, place)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.0.live_clients.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Server-sent events: what changes, as it changes
///
/// Events of type `change`; the id is the next offsets that the event reflects (`0:12,1:7`). The first event has all figures.
/// `Last-Event-ID` resumes: a client that has seen the present offsets gets no counts until something changes, any other gets all
/// figures and asks for counts anew. Events of type `peaks` come without an id: what `detect` has just published, the first ten peaks
/// of each window, with its own `next_offsets` and the alerts of episodes that have just begun.
#[utoipa::path(
    get,
    path = "/api/v1/live",
    params(("Last-Event-ID" = Option<String>, Header, description = "The id of the last event seen.")),
    responses(
        (status = 200, description = "A stream of events, whose data are JSON: `Change` or `PublishedTick`, by their type.",
         body = LiveData, content_type = "text/event-stream"),
        Refusals,
    )
)]
pub(super) async fn live(Shared(context): Shared<Context>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    Parameters::read(uri.query(), &[]).map_err(problem)?;
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(ToOwned::to_owned);
    let place = Arc::clone(&context.live_streams).try_acquire_owned().map_err(|_| {
        Problem::busy("too many browsers are on the live stream: try again later, or ask `meta` at intervals")
    })?;
    let events = events(context, seen, place).await?;
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

fn message(event: &Event) -> Message {
    let message = Message::default().event(event.name);
    let message = match &event.id {
        Some(id) => message.id(id),
        None => message,
    };
    message.data(&event.data)
}

async fn events(
    context: Context,
    seen: Option<String>,
    place: OwnedSemaphorePermit,
) -> Result<impl Stream<Item = Result<Message, Infallible>> + use<>, Problem> {
    let Context { city, metrics, stopped, lanes, .. } = context;
    // Subscribed before the first look, so that nothing falls between the two.
    let receiver = city.events.subscribe();
    // The view's lock and the log are waited for off the threads that answer everybody.
    let first = {
        let city = Arc::clone(&city);
        lanes.quick.run(move || Event::whole(&city, seen.as_deref()).map_err(problem)).await?
    };
    let client = Client::new(metrics, place);
    let rest = stream::unfold(
        (receiver, stopped, client, city, lanes),
        |(mut receiver, mut stopped, client, city, lanes)| async move {
            let event = tokio::select! {
                // The role is closing, or gone.
                _ = stopped.wait_for(|stopped| *stopped) => return None,
                event = receiver.recv() => event,
            };
            let message = match event {
                Ok(event) => message(&event),
                Err(RecvError::Lagged(_)) => {
                    let now = Arc::clone(&city);
                    message(&lanes.quick.run(move || Event::whole(&now, None).map_err(problem)).await.ok()?)
                }
                Err(RecvError::Closed) => return None,
            };
            Some((Ok(message), (receiver, stopped, client, city, lanes)))
        },
    );
    Ok(stream::iter([Ok(message(&first))]).chain(rest))
}
