//! Reading a request's body, with a limit, a deadline and a memory budget.

use std::error::Error;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, LengthLimitError};
use hyper::body::Body;

use super::connections::Connection;
use super::memory::BodyMemory;
use super::outcome::{BoxError, Refusal};

/// A request's body, from the network or from a test.
pub(crate) trait RequestBody: Body<Data = Bytes, Error: Into<BoxError> + Send> + Unpin {}

impl<B: Body<Data = Bytes, Error: Into<BoxError> + Send> + Unpin> RequestBody for B {}

/// A body, and the common memory that it holds while this lives.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) body: Bytes,
    /// Dropping it frees the memory.
    pub(crate) memory: BodyMemory,
}

/// Refuses a body that announces more than `limit` bytes, before it is read.
///
/// # Errors
///
/// Fails with [`Refusal::BodyTooLong`].
pub(crate) fn announces_at_most(limit: u64, body: &impl RequestBody) -> Result<(), Refusal> {
    if body.size_hint().lower() > limit { Err(Refusal::BodyTooLong { limit }) } else { Ok(()) }
}

/// Reads a body of at most `limit` bytes.
///
/// The deadline is for the whole body, so a sender cannot extend it by sending a byte now and then. Under pressure it
/// ends earlier for the slowest. Memory is counted for what has arrived, not for what was announced. A body that arrives
/// in one piece is not copied.
///
/// # Errors
///
/// Fails if the body is too long, too slow or broken off, or if this connection had to give way.
pub(crate) async fn read(
    body: impl RequestBody,
    limit: u64,
    timeout: Duration,
    connection: &Connection,
) -> Result<Received, Refusal> {
    let waits = async {
        connection.waits();
        connection.must_give_way().await;
    };
    let received = tokio::select! {
        // What has arrived already was not waited for.
        biased;
        received = collect(body, limit, connection) => received,
        () = waits => Err(Refusal::GaveWay),
        () = tokio::time::sleep(timeout) => Err(Refusal::BodyTimeout(timeout)),
    }?;
    if connection.received_request() { Ok(received) } else { Err(Refusal::GaveWay) }
}

/// Reads frame by frame, and takes memory before it keeps a frame.
async fn collect(
    mut body: impl RequestBody,
    limit: u64,
    connection: &Connection,
) -> Result<Received, Refusal> {
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    let mut memory = BodyMemory::of(connection);
    while let Some(frame) = body.frame().await {
        // Trailers carry no data.
        let Ok(chunk) = frame.map_err(|error| broken(error.into()))?.into_data() else {
            continue;
        };
        let so_far = first.len() + whole.len();
        if (so_far + chunk.len()) as u64 > limit {
            return Err(Refusal::BodyTooLong { limit });
        }
        memory.cover(so_far, chunk.len()).await?;
        if so_far == 0 {
            first = chunk;
            continue;
        }
        if whole.is_empty() {
            whole.extend_from_slice(&std::mem::take(&mut first));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(Received { body: if whole.is_empty() { first } else { whole.freeze() }, memory })
}

/// Why a body could not be read. In a mounted application, a layer before the endpoint may have a limit of its own.
fn broken(error: BoxError) -> Refusal {
    let mut cause: Option<&(dyn Error + 'static)> = Some(&*error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return Refusal::BodyLimited;
        }
        cause = error.source();
    }
    Refusal::BodyBroken(error)
}
