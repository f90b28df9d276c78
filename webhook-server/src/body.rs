//! Reading a request's body, with a limit and a deadline.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;

use crate::delivery::{BoxError, Refusal};

/// A request's body, from the network or from a test.
pub(crate) trait RequestBody: Body<Data = Bytes, Error: Into<BoxError>> + Unpin {}

impl<B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin> RequestBody for B {}

/// Reads a whole body of at most `limit` bytes. A body that announces more is refused before it is read.
///
/// The deadline is for the whole body, so that a sender cannot stretch it by sending a byte now and then. A body
/// that arrives in one piece is not copied.
pub(crate) async fn read(body: impl RequestBody, limit: u64, timeout: Duration) -> Result<Bytes, Refusal> {
    if body.size_hint().lower() > limit {
        return Err(Refusal::BodyTooLong { limit });
    }
    match tokio::time::timeout(timeout, collect(body, limit)).await {
        Ok(result) => result,
        Err(_) => Err(Refusal::BodyTimeout(timeout)),
    }
}

async fn collect(mut body: impl RequestBody, limit: u64) -> Result<Bytes, Refusal> {
    let expected = usize::try_from(body.size_hint().lower()).unwrap_or(0);
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        // Trailers are no data, and nothing else about them concerns us.
        let Ok(chunk) = frame.map_err(|error| Refusal::BodyBroken(error.into()))?.into_data() else {
            continue;
        };
        let so_far = first.len() + whole.len();
        if (so_far + chunk.len()) as u64 > limit {
            return Err(Refusal::BodyTooLong { limit });
        }
        if so_far == 0 {
            first = chunk;
            continue;
        }
        if whole.is_empty() {
            whole.reserve(expected.max(so_far + chunk.len()));
            whole.extend_from_slice(&std::mem::take(&mut first));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}
