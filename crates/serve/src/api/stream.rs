//! `GET /api/v1/live`: server-sent events whose id is the next offsets that they reflect.

use super::{Context, parameters::Parameters};
use crate::{figures::figures, live::Event, problem::Problem, state::State};
use axum::{
    extract::State as Shared,
    http::{HeaderMap, Uri},
    response::{
        IntoResponse, Response,
        sse::{Event as Message, KeepAlive, Sse},
    },
};
use futures::{Stream, StreamExt, stream};
use serde_json::json;
use std::{
    convert::Infallible,
    sync::{Arc, atomic::Ordering},
};
use tokio::sync::{OwnedSemaphorePermit, broadcast::error::RecvError, watch};

/// Leaves the count of clients when the connection ends, however it ends.
struct Client(Arc<State>, #[expect(dead_code, reason = "a place, given back when it is dropped")] OwnedSemaphorePermit);

impl Client {
    fn new(state: Arc<State>, place: OwnedSemaphorePermit) -> Self {
        state.metrics.live_clients.fetch_add(1, Ordering::Relaxed);
        Self(state, place)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.0.metrics.live_clients.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(super) async fn live(Shared(context): Shared<Context>, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    Parameters::read(uri.query(), &[])?;
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(ToOwned::to_owned);
    let place = Arc::clone(&context.live_streams).try_acquire_owned().map_err(|_| {
        Problem::busy("too many browsers are on the live stream: try again later, or ask `meta` at intervals")
    })?;
    let events = events(context.state, context.stopped, seen.as_deref(), place);
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

/// Everything as it is now; the client asks for counts anew.
fn whole(state: &State) -> Event {
    let view = state.read();
    Event::new(view.offsets_text(), &json!(view.offsets_json()), &figures(state, &view), None)
}

fn events(
    state: Arc<State>,
    stopped: watch::Receiver<bool>,
    seen: Option<&str>,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Message, Infallible>> + use<> {
    // Subscribed before the first look, so that nothing falls between the two.
    let receiver = state.events.subscribe();
    let first = whole(&state);
    // A client that has seen the present offsets needs nothing until something changes.
    let first = (seen != first.id.as_deref()).then_some(first);
    let client = Client::new(state, place);
    let rest = stream::unfold((receiver, stopped, client), |(mut receiver, mut stopped, client)| async move {
        let event = tokio::select! {
            // The role is closing, or gone.
            _ = stopped.wait_for(|stopped| *stopped) => return None,
            event = receiver.recv() => event,
        };
        let message = match event {
            Ok(event) => message(&event),
            Err(RecvError::Lagged(_)) => message(&whole(&client.0)),
            Err(RecvError::Closed) => return None,
        };
        Some((Ok(message), (receiver, stopped, client)))
    });
    stream::iter(first.map(|event| Ok(message(&event)))).chain(rest)
}
