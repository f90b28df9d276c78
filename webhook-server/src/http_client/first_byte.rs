//! The first byte of an answer, which tells what the server speaks.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The first byte that was read from a connection.
#[derive(Clone, Default)]
pub(super) struct FirstByte(Arc<OnceLock<u8>>);

impl FirstByte {
    /// A connection whose first byte is noted here.
    pub(super) fn noted<S>(&self, stream: S) -> Noted<S> {
        Noted { stream, first: self.clone() }
    }

    /// Whether it is that of a TLS record: an alert, or a message of the handshake (RFC 8446, section 5.1).
    pub(super) fn is_of_tls(&self) -> bool {
        matches!(self.0.get(), Some(0x15 | 0x16))
    }
}

/// A connection whose first byte is noted.
pub(super) struct Noted<S> {
    stream: S,
    first: FirstByte,
}

impl<S: AsyncRead + Unpin> AsyncRead for Noted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if let Some(byte) = buf.filled().get(before) {
            let _ = self.first.0.set(*byte);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Noted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
