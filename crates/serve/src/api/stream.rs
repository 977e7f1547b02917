//! `GET /api/v1/live`: server-sent events whose id is the next offsets that they reflect.

use super::{Context, handlers::off, parameters::Parameters};
use crate::{figures::figures, live::Event, state::State};
use axum::{
    extract::State as Shared,
    http::{HeaderMap, Uri},
    response::{
        IntoResponse, Response,
        sse::{Event as Message, KeepAlive, Sse},
    },
};
use blotter_runtime::Problem;
use futures::{Stream, StreamExt, stream};
use serde_json::json;
use std::{
    convert::Infallible,
    sync::{Arc, atomic::Ordering},
};
use tokio::sync::{OwnedSemaphorePermit, broadcast::error::RecvError};

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

/// Everything as it is now. `seen`: the next offsets that the client has seen; unless they are the present ones, it asks for
/// counts anew.
fn whole(state: &State, seen: Option<&str>) -> Event {
    let view = state.read();
    let id = view.offsets_text();
    let counts = (seen == Some(id.as_str())).then_some([].as_slice());
    Event::new(id, &json!(view.offsets_json()), &figures(state, &view), counts)
}

async fn events(
    context: Context,
    seen: Option<String>,
    place: OwnedSemaphorePermit,
) -> Result<impl Stream<Item = Result<Message, Infallible>> + use<>, Problem> {
    let Context { state, stopped, lanes, .. } = context;
    // Subscribed before the first look, so that nothing falls between the two.
    let receiver = state.events.subscribe();
    // The view's lock and the log are waited for off the threads that answer everybody.
    let first = {
        let state = Arc::clone(&state);
        off(&lanes.quick, move || Ok(whole(&state, seen.as_deref()))).await?
    };
    let client = Client::new(state, place);
    let rest =
        stream::unfold((receiver, stopped, client, lanes), |(mut receiver, mut stopped, client, lanes)| async move {
            let event = tokio::select! {
                // The role is closing, or gone.
                _ = stopped.wait_for(|stopped| *stopped) => return None,
                event = receiver.recv() => event,
            };
            let message = match event {
                Ok(event) => message(&event),
                Err(RecvError::Lagged(_)) => {
                    let state = Arc::clone(&client.0);
                    message(&off(&lanes.quick, move || Ok(whole(&state, None))).await.ok()?)
                }
                Err(RecvError::Closed) => return None,
            };
            Some((Ok(message), (receiver, stopped, client, lanes)))
        });
    Ok(stream::iter([Ok(message(&first))]).chain(rest))
}
