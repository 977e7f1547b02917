//! Bodies that are written a piece at a time, as their client reads: an answer of many rows never lies in memory as a whole.

use arrow::error::ArrowError;
use axum::body::Body;
use blotter_query::encode::{AnswerWriter, Rest};
use blotter_runtime::{AnswerMemory, Problem};
use bytes::Bytes;
use futures::{StreamExt, stream};

/// A piece is at least so long, but for the last.
const PIECE_BYTES: usize = 64 << 10;

/// A body from what `write` appends, called until it has nothing more. A body of one piece has a length, others are sent in
/// chunks; while they are sent, they count as `held_bytes` of what all answers may hold.
pub(super) fn body(sending: &AnswerMemory, held_bytes: usize, mut write: AnswerWriter) -> Result<Body, Problem> {
    let mut first = Vec::new();
    if piece(&mut write, &mut first).map_err(|error| Problem::internal(&error))? == Rest::Nothing {
        return Ok(Body::from(first));
    }
    let held = sending.hold(held_bytes.saturating_add(PIECE_BYTES))?;
    let rest = stream::unfold((Some(Bytes::from(first)), Rest::More, write, held), |state| async move {
        let (first, rest, mut write, held) = state;
        if let Some(first) = first {
            return Some((Ok(first), (None, rest, write, held)));
        }
        if rest == Rest::Nothing {
            return None;
        }
        let mut next = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 2);
        match piece(&mut write, &mut next) {
            Ok(rest) => Some((Ok(Bytes::from(next)), (None, rest, write, held))),
            Err(error) => {
                // The status is sent already: the body breaks off.
                tracing::error!(%error, "an answer could not be written to its end");
                Some((Err(error), (None, Rest::Nothing, write, held)))
            }
        }
    });
    // Whoever reads may look once more after the end.
    Ok(Body::from_stream(rest.fuse()))
}

fn piece(write: &mut AnswerWriter, into: &mut Vec<u8>) -> Result<Rest, ArrowError> {
    while into.len() < PIECE_BYTES {
        if write(into)? == Rest::Nothing {
            return Ok(Rest::Nothing);
        }
    }
    Ok(Rest::More)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use http_body::Body as _;
    use serde_json::{Value, json};
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    fn numbers(sending: &AnswerMemory, count: usize, written: &Arc<AtomicUsize>) -> Result<Body, Problem> {
        let written = Arc::clone(written);
        let mut next = 0;
        let write = move |into: &mut Vec<u8>| {
            written.fetch_add(1, Ordering::Relaxed);
            into.push(if next == 0 { b'[' } else { b',' });
            if next == count {
                *into.last_mut().unwrap() = b']';
                return Ok(Rest::Nothing);
            }
            serde_json::to_writer(into, &next).unwrap();
            next += 1;
            Ok(Rest::More)
        };
        body(sending, 1000, Box::new(write))
    }

    #[tokio::test]
    async fn a_body_is_the_same_in_one_piece_and_in_many() {
        let sending = AnswerMemory::new(1 << 20);
        for count in [1, 2, 1000, 300_000] {
            let body = numbers(&sending, count, &Arc::default()).unwrap();
            // Only what is small has a length before it is written.
            assert_eq!(body.size_hint().exact().is_some(), count <= 1000, "{count}");
            let bytes = to_bytes(body, usize::MAX).await.unwrap();
            let value: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(value, json!((0..count).collect::<Vec<_>>()), "{count}");
        }
    }

    #[tokio::test]
    async fn what_nobody_reads_is_not_written() {
        let (sending, written) = (AnswerMemory::new(1 << 20), Arc::default());
        let body = numbers(&sending, 1_000_000, &written).unwrap();
        let mut pieces = body.into_data_stream();
        let first = pieces.next().await.unwrap().unwrap().len();
        assert!(first < 2 * PIECE_BYTES, "{first}");
        assert!(written.load(Ordering::Relaxed) < 2 * PIECE_BYTES, "{}", written.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn a_body_can_be_polled_after_its_end() {
        let mut pieces = numbers(&AnswerMemory::new(1 << 20), 100_000, &Arc::default()).unwrap().into_data_stream();
        while pieces.next().await.is_some() {}
        assert!(pieces.next().await.is_none());
    }

    #[tokio::test]
    async fn an_answer_holds_its_room_until_it_is_dropped() {
        let (sending, written) = (AnswerMemory::new(PIECE_BYTES + 1024), Arc::default());
        let first = numbers(&sending, 100_000, &written).unwrap();
        assert!(numbers(&sending, 100_000, &written).is_err());
        // A small answer needs none.
        assert!(numbers(&sending, 10, &written).is_ok());
        drop(first);
        assert!(numbers(&sending, 100_000, &written).is_ok());
    }

    #[tokio::test]
    async fn a_row_that_cannot_be_written_breaks_the_body_off() {
        let sending = AnswerMemory::new(1 << 20);
        let mut turn = 0;
        let failing = move |into: &mut Vec<u8>| {
            turn += 1;
            into.resize(into.len() + PIECE_BYTES, b'x');
            if turn > 1 { Err(ArrowError::ComputeError("no".into())) } else { Ok(Rest::More) }
        };
        let mut pieces = body(&sending, 0, Box::new(failing)).unwrap().into_data_stream();
        assert!(pieces.next().await.unwrap().is_ok());
        assert!(pieces.next().await.unwrap().is_err());
        assert!(pieces.next().await.is_none());
    }
}
