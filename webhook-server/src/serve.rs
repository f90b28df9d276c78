//! Accepting connections, until told to stop.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{debug, error, warn};

use crate::service::Service;
use crate::words::chain;
use crate::{log, reply};

/// How long the head of a request may take to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// The room for the head of a request. Stripe's is below 1 KiB.
const HEAD_LIMIT: usize = 16 * 1024;

/// How long to wait after the system refused a connection, most often because no file descriptor was left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections until `shutdown` ends, then finishes the requests in progress, for at most `drain_timeout`.
pub(crate) async fn serve(
    listener: TcpListener,
    service: Arc<Service>,
    shutdown: impl Future<Output = ()>,
    drain_timeout: Duration,
) -> Drained {
    let (stop, stopping) = watch::channel(());
    let (open, mut all_closed) = mpsc::channel::<()>(1);
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    debug!(%peer, "connection accepted");
                    tokio::spawn(connection(stream, Arc::clone(&service), stopping.clone(), open.clone()));
                }
                Err(error) => {
                    warn!(%error, "connection not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop((listener, stop, open, service));
    // The channel ends when the last sender is gone: with the last connection and the last request.
    let drained = async { while all_closed.recv().await.is_some() {} };
    match tokio::time::timeout(drain_timeout, drained).await {
        Ok(()) => Drained::Wholly,
        Err(_) => Drained::CutShort,
    }
}

/// Whether a shutdown could wait for everything in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drained {
    Wholly,
    CutShort,
}

async fn connection(
    stream: TcpStream,
    service: Arc<Service>,
    mut stopping: watch::Receiver<()>,
    open: mpsc::Sender<()>,
) {
    let answer = service_fn(|request| answer(Arc::clone(&service), request, open.clone()));
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(HEAD_LIMIT)
            .serve_connection(TokioIo::new(stream), answer)
    );
    let result = tokio::select! {
        result = &mut connection => result,
        // An error says that the sender of `stop` is gone, which is the signal.
        _ = stopping.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        debug!(error = chain(&error), "connection ended early");
    }
}

/// Answers in a task of its own: a panic becomes an answer, and a sender that hangs up stops no handler.
async fn answer(
    service: Arc<Service>,
    request: Request<Incoming>,
    open: mpsc::Sender<()>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let answered = tokio::spawn(async move {
        let response = service.answer(request).await;
        drop(open);
        response
    });
    Ok(answered.await.unwrap_or_else(|panic| {
        error!(%panic, "the service failed");
        reply::failed()
    }))
}

/// Ends at the first SIGTERM or Ctrl-C. The second ends the process at once: whatever is stored survives that.
///
/// # Errors
///
/// Fails if the system does not let signals be received, or has no thread.
pub(crate) fn shutdown_signal() -> io::Result<impl Future<Output = ()>> {
    // A thread that lives as long as the process: the second signal may come when nothing else of ours is left.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = {
        let _context = runtime.enter();
        Signals::new()?
    };
    let (first, received) = oneshot::channel();
    std::thread::Builder::new().name("webhook-signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            signals.next().await;
            let _ = first.send(());
            signals.next().await;
        });
        warn!("stopping at once");
        log::exit(1);
    })?;
    Ok(async {
        // The thread does not end without it.
        let _ = received.await;
    })
}

#[cfg(unix)]
struct Signals([tokio::signal::unix::Signal; 2]);

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self([signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?]))
    }

    async fn next(&mut self) {
        let [terminate, interrupt] = &mut self.0;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
