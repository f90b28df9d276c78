//! The body of an answer: a page, or a stream that goes on.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc::Receiver;

use crate::future::BoxFuture;

/// The body of an answer of the admin pages.
pub struct AdminBody(Content);

enum Content {
    Whole(Full<Bytes>),
    /// Pieces as they come, until there are no more, or until something else is ready.
    Stream {
        pieces: Receiver<Bytes>,
        end: BoxFuture<'static, ()>,
    },
}

impl AdminBody {
    pub(crate) fn whole(text: impl Into<Bytes>) -> Self {
        Self(Content::Whole(Full::new(text.into())))
    }

    pub(super) fn stream(pieces: Receiver<Bytes>) -> Self {
        Self(Content::Stream { pieces, end: Box::pin(std::future::pending()) })
    }

    /// Ends a stream, at the latest, when `end` is ready.
    pub(crate) fn until(self, end: impl Future<Output = ()> + Send + 'static) -> Self {
        match self.0 {
            Content::Stream { pieces, .. } => Self(Content::Stream { pieces, end: Box::pin(end) }),
            Content::Whole(_) => self,
        }
    }
}

impl Body for AdminBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.get_mut().0 {
            Content::Whole(whole) => Pin::new(whole).poll_frame(context),
            Content::Stream { pieces, end } => {
                if end.as_mut().poll(context).is_ready() {
                    pieces.close();
                    // It must not be polled again.
                    *end = Box::pin(std::future::pending());
                }
                Poll::Ready(ready!(pieces.poll_recv(context)).map(|piece| Ok(Frame::data(piece))))
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Whole(whole) => whole.size_hint(),
            Content::Stream { .. } => SizeHint::default(),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.0, Content::Whole(whole) if whole.is_end_stream())
    }
}

impl fmt::Debug for AdminBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminBody").finish_non_exhaustive()
    }
}
