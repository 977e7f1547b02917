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
    /// Data of a `change` event.
    #[schema(title = "change")]
    Change(Change),
    /// Data of a `peaks` event.
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

/// Live changes, as server-sent events
///
/// Sends `change` events with an id such as `0:12,1:7`: the next offset of each partition. The first event has all figures. If
/// `Last-Event-ID` equals the present offsets, its `counts` is an empty array. Otherwise `counts` is null: request the counts again.
/// `peaks` events have no id. They contain a tick that `detect` has just published: the first ten peaks of each window, and the alerts
/// of episodes that have just begun.
#[utoipa::path(
    get,
    path = "/api/v1/live",
    params(("Last-Event-ID" = Option<String>, Header, nullable = false, description = "Id of the last event that the client has seen.")),
    responses(
        (status = 200, description = "A stream of events. Their data are JSON: `Change` in `change` events, else `PublishedTick`.",
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
