//! Reading a request's body, with a limit, a deadline, and room for all that are being read.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::delivery::{BoxError, Refusal};

/// A request's body, from the network or from a test.
pub(crate) trait RequestBody: Body<Data = Bytes, Error: Into<BoxError>> + Unpin {}

impl<B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin> RequestBody for B {}

/// The room for bodies that are being received and stored.
#[derive(Clone, Debug)]
pub(crate) struct BodyRoom(Arc<Semaphore>);

/// In bytes.
const BODY_ROOM: usize = 64 * 1024 * 1024;

/// How long a request waits for room.
const ROOM_TIMEOUT: Duration = Duration::from_millis(250);

impl Default for BodyRoom {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(BODY_ROOM)))
    }
}

/// A body, and the room that it takes for as long as this lives.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) body: Bytes,
    pub(crate) room: Option<OwnedSemaphorePermit>,
}

/// Reads a whole body of at most `limit` bytes. A body that announces more is refused before it is read.
///
/// The deadline is for the whole body, so that a sender cannot stretch it by sending a byte now and then. Room is taken
/// for what has arrived, not for what was announced. A body that arrives in one piece is not copied.
pub(crate) async fn read(
    body: impl RequestBody,
    limit: u64,
    timeout: Duration,
    room: &BodyRoom,
) -> Result<Received, Refusal> {
    if body.size_hint().lower() > limit {
        return Err(Refusal::BodyTooLong { limit });
    }
    match tokio::time::timeout(timeout, collect(body, limit, room)).await {
        Ok(result) => result,
        Err(_) => Err(Refusal::BodyTimeout(timeout)),
    }
}

async fn collect(mut body: impl RequestBody, limit: u64, room: &BodyRoom) -> Result<Received, Refusal> {
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    let mut taken = None;
    while let Some(frame) = body.frame().await {
        // Trailers are no data, and nothing else about them concerns us.
        let Ok(chunk) = frame.map_err(|error| Refusal::BodyBroken(error.into()))?.into_data() else {
            continue;
        };
        let so_far = first.len() + whole.len();
        if (so_far + chunk.len()) as u64 > limit {
            return Err(Refusal::BodyTooLong { limit });
        }
        room.take(chunk.len(), &mut taken).await?;
        if so_far == 0 {
            first = chunk;
            continue;
        }
        if whole.is_empty() {
            whole.extend_from_slice(&std::mem::take(&mut first));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(Received { body: if whole.is_empty() { first } else { whole.freeze() }, room: taken })
}

impl BodyRoom {
    /// Adds room for so many bytes to what a body has taken.
    async fn take(&self, bytes: usize, taken: &mut Option<OwnedSemaphorePermit>) -> Result<(), Refusal> {
        let bytes = u32::try_from(bytes).map_err(|_| Refusal::NoRoom)?;
        let more = tokio::time::timeout(ROOM_TIMEOUT, Arc::clone(&self.0).acquire_many_owned(bytes)).await;
        let Ok(Ok(more)) = more else { return Err(Refusal::NoRoom) };
        match taken {
            Some(taken) => taken.merge(more),
            None => *taken = Some(more),
        }
        Ok(())
    }
}
