//! Below the S3 client: bounds in time, and failures in our own words.
//!
//! The client knows one time limit for all requests, which must then be long enough for the largest upload.
//! Here an answer has [`ANSWER`] and what its body needs at [`SLOWEST`], and every further piece of an answer
//! has [`ANSWER`] again. An answer that is no success becomes a [`Failure`] before the client can put it,
//! with what it repeats of the request, into an error.

use super::failure::Failure;
use async_trait::async_trait;
use bytes::Bytes;
use http_body::{Body, Frame};
use object_store::{
    ClientOptions, Result,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
        ReqwestConnector,
    },
};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep, timeout};

/// The longest wait for the server to say something.
const ANSWER: Duration = Duration::from_secs(10);

/// Bytes a second that an upload may take the least.
const SLOWEST: usize = 1 << 20;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Connector(ReqwestConnector);

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> Result<HttpClient> {
        let client = self.0.connect(&options.clone().with_timeout_disabled())?;
        Ok(HttpClient::new(Service { client }))
    }
}

#[derive(Debug)]
struct Service {
    client: HttpClient,
}

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let uri = request.uri();
        let host = format!("{}://{}", uri.scheme_str().unwrap_or_default(), uri.host().unwrap_or_default());
        let host = uri.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        let patience = ANSWER + Duration::from_secs((request.body().content_length() / SLOWEST) as u64);
        let answer = match timeout(patience, self.client.execute(request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(Failure::of_transport(&host, error.kind(), &error).into_http()),
            Err(_) => return Err(Failure::of_transport(&host, HttpErrorKind::Timeout, &silent(patience)).into_http()),
        };
        let (parts, body) = answer.into_parts();
        let patient = HttpResponseBody::new(PatientBody { body, sleep: Box::pin(sleep(ANSWER)), is_waiting: false });
        if parts.status.is_success() {
            return Ok(HttpResponse::from_parts(parts, patient));
        }
        let text = patient.bytes().await.unwrap_or_default();
        match Failure::of_answer(&host, parts.status.as_u16(), &String::from_utf8_lossy(&text)) {
            Some(failure) => Err(failure.into_http()),
            None => Ok(HttpResponse::from_parts(parts, Bytes::new().into())),
        }
    }
}

fn silent(after: Duration) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("nothing within {} s", after.as_secs()))
}

/// A body whose next piece comes in time or not at all.
struct PatientBody {
    body: HttpResponseBody,
    sleep: Pin<Box<Sleep>>,
    /// Whether the sleep has begun when the reader last asked: a reader may take its time.
    is_waiting: bool,
}

impl Body for PatientBody {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.is_waiting = false;
            return Poll::Ready(frame);
        }
        if !self.is_waiting {
            self.is_waiting = true;
            self.sleep.as_mut().reset(Instant::now() + ANSWER);
        }
        self.sleep.as_mut().poll(cx).map(|()| Some(Err(HttpError::new(HttpErrorKind::Timeout, silent(ANSWER)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}
