//! `GET /api/v1/live`: server-sent events whose id is the next offsets that they reflect.

use super::{Context, problem};
use crate::metrics::Metrics;
use axum::{
    extract::State as Shared,
    http::{HeaderMap, Uri},
    response::{
        IntoResponse, Response,
        sse::{Event as Message, KeepAlive, Sse},
    },
};
use blotter_query::{Event, Parameters};
use blotter_runtime::Problem;
use futures::{Stream, StreamExt, stream};
use std::{
    convert::Infallible,
    sync::{Arc, atomic::Ordering},
};
use tokio::sync::{OwnedSemaphorePermit, broadcast::error::RecvError};

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
        lanes.quick.run(move || Ok(Event::whole(&city, seen.as_deref()))).await?
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
                    message(&lanes.quick.run(move || Ok(Event::whole(&now, None))).await.ok()?)
                }
                Err(RecvError::Closed) => return None,
            };
            Some((Ok(message), (receiver, stopped, client, city, lanes)))
        },
    );
    Ok(stream::iter([Ok(message(&first))]).chain(rest))
}
