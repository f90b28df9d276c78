//! Requests of the application's own server, made into what the receiver takes.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use hyper::Request;
use hyper::body::{Body, Frame, SizeHint};
use hyper::http::uri::PathAndQuery;

use crate::receive::outcome::BoxError;

/// Any body. All are one type from here on, so that the receiver is compiled once.
pub(super) type AnyBody = Box<dyn Body<Data = Bytes, Error = BoxError> + Send + Unpin>;

/// Hides the type of a request's body.
pub(super) fn any_body<B>(request: Request<B>) -> Request<AnyBody>
where
    B: Body<Data: Buf, Error: Into<BoxError>> + Send + 'static,
{
    request.map(|body| Box::new(Foreign(Box::pin(body))) as AnyBody)
}

/// Gives a request the endpoint's path: the application's router has decided that it is for this endpoint.
pub(super) fn to_path<B>(request: &mut Request<B>, path: &str) {
    let mut parts = request.uri().clone().into_parts();
    let Ok(path) = PathAndQuery::try_from(path) else { return };
    parts.path_and_query = Some(path);
    if let Ok(uri) = parts.try_into() {
        *request.uri_mut() = uri;
    }
}

/// The body of another server, whose data and errors are of other types.
struct Foreign<B>(Pin<Box<B>>);

impl<B: Body<Data: Buf, Error: Into<BoxError>>> Body for Foreign<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = self.0.as_mut().poll_frame(context);
        // `Bytes` are not copied.
        frame
            .map_ok(|frame| frame.map_data(|mut data| data.copy_to_bytes(data.remaining())))
            .map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
