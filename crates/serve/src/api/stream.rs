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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use crate::testing::{Record, apply, chicago};
    use axum::{
        body::{Body, BodyDataStream},
        http::StatusCode,
    };
    use serde_json::{Value, json};
    use tokio::sync::{Semaphore, watch};

    /// A server with one incident and so many places for live streams.
    fn context(places: usize) -> (Context, watch::Sender<bool>) {
        let city = chicago();
        let record = Record {
            id: 1,
            observed: 1,
            deleted: false,
            second: 1_451_606_400,
            area: 1,
            category: 0,
            point: Some((41.85, -87.65)),
        };
        apply(&city, &[record]);
        let (stop, stopped) = watch::channel(false);
        let live_streams = Arc::new(Semaphore::new(places));
        (Context { city, metrics: Arc::default(), stopped, lanes: Arc::default(), live_streams }, stop)
    }

    async fn connect(context: &Context, seen: Option<&str>) -> Result<BodyDataStream, Problem> {
        let mut headers = HeaderMap::new();
        if let Some(seen) = seen {
            headers.insert("last-event-id", seen.parse().unwrap());
        }
        let response = live(Shared(context.clone()), headers, Uri::from_static("/api/v1/live")).await?;
        Ok(Body::new(response.into_body()).into_data_stream())
    }

    /// The next event's lines `event`, `id` and `data`.
    async fn next(stream: &mut BodyDataStream) -> Option<(String, Option<String>, Value)> {
        let text = String::from_utf8(stream.next().await?.unwrap().to_vec()).unwrap();
        let line =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(|text| text.trim().to_owned());
        Some((line("event:").unwrap(), line("id:"), serde_json::from_str(&line("data:").unwrap()).unwrap()))
    }

    #[tokio::test]
    async fn the_first_event_lists_no_changes_only_to_a_client_that_has_missed_none() {
        let (context, _stop) = context(1);
        let (name, id, whole) = next(&mut connect(&context, None).await.unwrap()).await.unwrap();
        assert_eq!((name.as_str(), &whole["counts"], &whole["incidents"]), ("change", &Value::Null, &Value::Null));
        assert_eq!(whole["meta"]["incidents"]["total"], 1);
        let id = id.unwrap();
        for (seen, expect) in [(id.as_str(), json!([])), ("0:99", Value::Null)] {
            let (_, again, event) = next(&mut connect(&context, Some(seen)).await.unwrap()).await.unwrap();
            assert_eq!(
                (again.as_deref(), &event["counts"], &event["incidents"]),
                (Some(id.as_str()), &expect, &expect)
            );
        }
    }

    #[tokio::test]
    async fn a_client_that_is_too_slow_is_told_to_request_the_counts_again() {
        let (context, _stop) = context(1);
        let mut stream = connect(&context, None).await.unwrap();
        next(&mut stream).await.unwrap();
        let send = |number: usize| {
            let event = Event { name: "change", id: None, data: format!("{{\"number\":{number}}}") };
            context.city.events.send(Arc::new(event)).unwrap();
        };
        send(0);
        assert_eq!(next(&mut stream).await.unwrap().2, json!({ "number": 0 }));
        (1..1000).for_each(send);
        let (_, id, event) = next(&mut stream).await.unwrap();
        assert_eq!((id.is_some(), &event["counts"]), (true, &Value::Null));
        // It goes on with the oldest event that is still there, and misses none from then on.
        let mut last = next(&mut stream).await.unwrap().2["number"].as_u64().unwrap();
        while last < 999 {
            let number = next(&mut stream).await.unwrap().2["number"].as_u64().unwrap();
            assert_eq!(number, last + 1);
            last = number;
        }
    }

    #[tokio::test]
    async fn a_stream_ends_with_the_role_and_gives_its_place_back() {
        let (context, stop) = context(1);
        let mut stream = connect(&context, None).await.unwrap();
        next(&mut stream).await.unwrap();
        let refused = connect(&context, None).await.err().unwrap();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(refused.detail().starts_with("too many browsers are on the live stream"), "{}", refused.detail());
        assert_eq!(context.metrics.live_clients.load(Ordering::Relaxed), 1);
        stop.send(true).unwrap();
        assert!(next(&mut stream).await.is_none());
        drop(stream);
        assert_eq!(context.metrics.live_clients.load(Ordering::Relaxed), 0);
        assert_eq!(context.live_streams.available_permits(), 1);
    }
}
