//! Statements whose plans the server keeps for a while.
//!
//! To plan a statement takes the server longer than to run it, so one that a connection sends often is prepared. That needs a
//! connection which leads to the server itself. A pool may have another server process at work on the next call, where the
//! statement's name is unknown or, worse, another client's: through a pool, each call is planned.

use std::collections::HashMap;
use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};
use tokio_postgres::{Client, Statement};

/// Without this, the server goes on planning a statement whose values say more than it would know otherwise.
pub(super) const KEPT: &str = "SET plan_cache_mode = force_generic_plan";

/// Without this, the server compiles a statement that it believes to read much, as it does while an old transaction keeps dead
/// rows. That takes it a thousand times as long as to run the statement.
pub(super) const NOT_COMPILED: &str = "SET jit = off";

/// How often a text is sent in a [`SPAN`] before it is prepared.
const OFTEN: u32 = 5;

/// How long a plan is used. One that was made when the tables were small is slow when they are large.
const SPAN: Duration = Duration::from_secs(1);

/// How many texts are counted. All that a loop sends are fewer.
const MAX_TEXTS: usize = 64;

/// What a connection has prepared.
#[derive(Debug, Default)]
pub(super) struct Plans {
    have_begun: AtomicBool,
    of_texts: Mutex<HashMap<String, Plan>>,
}

#[derive(Debug)]
struct Plan {
    since: Instant,
    /// How often the text was sent since then.
    sent: u32,
    prepared: Option<Statement>,
}

impl Plans {
    /// Prepares statements from now on. The other side must be the server's own process.
    pub(super) fn begin(&self) {
        self.have_begun.store(true, Ordering::Relaxed);
    }

    /// Counts that this text is about to be sent. Returns whether it is to be prepared first.
    pub(super) fn is_due(&self, text: &str) -> bool {
        if !self.have_begun.load(Ordering::Relaxed) {
            return false;
        }
        let mut of_texts = self.of_texts();
        of_texts.retain(|_, plan| plan.since.elapsed() < SPAN);
        if of_texts.len() >= MAX_TEXTS {
            return false;
        }
        let plan = of_texts.entry(text.to_owned()).or_insert_with(|| Plan {
            since: Instant::now(),
            sent: 0,
            prepared: None,
        });
        plan.sent += 1;
        plan.sent > OFTEN && plan.prepared.is_none()
    }

    /// Keeps what was prepared of this text.
    pub(super) fn keep(&self, text: &str, statement: Statement) {
        if let Some(plan) = self.of_texts().get_mut(text) {
            plan.prepared = Some(statement);
        }
    }

    /// What is prepared of this text.
    pub(super) fn get(&self, text: &str) -> Option<Statement> {
        self.of_texts().get(text)?.prepared.clone()
    }

    /// Forgets what is prepared of this text: the server refused it.
    pub(super) fn forget(&self, text: &str) {
        self.of_texts().remove(text);
    }

    fn of_texts(&self) -> MutexGuard<'_, HashMap<String, Plan>> {
        self.of_texts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the other side is the server's own process with this id.
pub(super) async fn is_direct(client: &Client, process: i32) -> bool {
    own_process(client).await.is_some_and(|own| own == process)
}

/// The process that the other side named when the connection was made. A pool names one that is not the server's.
///
/// The driver tells it only in a request to cancel a call, which is written here and goes nowhere.
async fn own_process(client: &Client) -> Option<i32> {
    let request = Request::default();
    client.cancel_token().cancel_query_raw(request.clone(), request.clone()).await.ok()?;
    // It ends with the process and a key, of four bytes each.
    let written = request.0.lock().unwrap_or_else(PoisonError::into_inner);
    let process = written.len().checked_sub(8).and_then(|at| written.get(at..at + 4))?;
    Some(i32::from_be_bytes(process.try_into().ok()?))
}

/// Takes the place of the connection of a request to cancel a call. It agrees to be encrypted, and is not.
#[derive(Clone, Default)]
struct Request(Arc<Mutex<Vec<u8>>>);

impl TlsConnect<Request> for Request {
    type Stream = Self;
    type Error = io::Error;
    type Future = Ready<io::Result<Self>>;

    fn connect(self, _: Self) -> Self::Future {
        ready(Ok(self))
    }
}

impl TlsStream for Request {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Request {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        buffer.put_slice(b"S");
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Request {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
