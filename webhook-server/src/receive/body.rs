//! Reading a request's body, with a limit, a deadline, and memory for all that are being read.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::sync::OwnedSemaphorePermit;

use crate::receive::connections::{Connection, OWN_ROOM};
use crate::receive::outcome::{BoxError, Refusal};

/// A request's body, from the network or from a test.
pub(crate) trait RequestBody: Body<Data = Bytes, Error: Into<BoxError>> + Unpin {}

impl<B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin> RequestBody for B {}

/// A body, and the part of the common room that it takes for as long as this lives.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) body: Bytes,
    pub(crate) room: CommonRoom,
}

/// What a body takes beyond its connection's own room.
#[derive(Debug)]
pub(crate) struct CommonRoom {
    taken: Option<OwnedSemaphorePermit>,
    by: Connection,
}

/// Reads a whole body of at most `limit` bytes. A body that announces more is refused before it is read.
///
/// The deadline is for the whole body, so that a sender cannot stretch it by sending a byte now and then; where memory
/// or connections run out, it ends earlier for the slowest. Memory is counted for what has arrived, not for what was
/// announced. A body that arrives in one piece is not copied.
pub(crate) async fn read(
    body: impl RequestBody,
    limit: u64,
    timeout: Duration,
    connection: &Connection,
) -> Result<Received, Refusal> {
    if body.size_hint().lower() > limit {
        return Err(Refusal::BodyTooLong { limit });
    }
    let received = tokio::select! {
        received = collect(body, limit, connection) => received,
        () = connection.gives_way() => Err(Refusal::GaveWay),
        () = tokio::time::sleep(timeout) => Err(Refusal::BodyTimeout(timeout)),
    }?;
    if connection.received_request() { Ok(received) } else { Err(Refusal::GaveWay) }
}

async fn collect(
    mut body: impl RequestBody,
    limit: u64,
    connection: &Connection,
) -> Result<Received, Refusal> {
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    let mut room = CommonRoom { taken: None, by: connection.clone() };
    while let Some(frame) = body.frame().await {
        // Trailers are no data, and nothing else about them concerns us.
        let Ok(chunk) = frame.map_err(|error| Refusal::BodyBroken(error.into()))?.into_data() else {
            continue;
        };
        let so_far = first.len() + whole.len();
        if (so_far + chunk.len()) as u64 > limit {
            return Err(Refusal::BodyTooLong { limit });
        }
        room.cover(so_far, chunk.len()).await?;
        if so_far == 0 {
            first = chunk;
            continue;
        }
        if whole.is_empty() {
            whole.extend_from_slice(&std::mem::take(&mut first));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(Received { body: if whole.is_empty() { first } else { whole.freeze() }, room })
}

impl CommonRoom {
    /// Takes what a chunk needs beyond the connection's own room.
    async fn cover(&mut self, so_far: usize, chunk: usize) -> Result<(), Refusal> {
        let beyond = (so_far + chunk).saturating_sub(OWN_ROOM.max(so_far));
        if beyond == 0 {
            return Ok(());
        }
        let more = self.by.take_room(beyond).await.map_err(|_| Refusal::NoRoom)?;
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            None => self.taken = Some(more),
        }
        Ok(())
    }
}

impl Drop for CommonRoom {
    fn drop(&mut self) {
        self.by.left_room();
    }
}
