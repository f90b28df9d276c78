//! The listener of the admin pages: few connections, each with limits, on the server's own thread.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tracing::{debug, warn};

use super::{Admin, form};
use crate::future::spawn;

/// How many connections there may be at once. A browser opens six.
const MOST: usize = 64;

/// How long the head of a request may take to arrive, and how long a connection may last. Each has one request, so that
/// connections which do nothing cannot keep others out for long.
const HEAD: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(60);

/// The longest head of a request, in bytes.
const MAX_HEAD: usize = 16 * 1024;

/// Accepts connections for as long as the server runs. Never returns.
pub(crate) async fn listen(listener: TcpListener, admin: Arc<Admin>) {
    let free = Arc::new(Semaphore::new(MOST));
    loop {
        // Those that wait are in the system's queue.
        let Ok(place) = Arc::clone(&free).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => {
                let admin = Arc::clone(&admin);
                spawn(async move {
                    serve(stream, peer, &admin).await;
                    drop(place);
                });
            }
            Err(error) => {
                warn!(%error, "a connection to the admin pages was not accepted");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, peer: SocketAddr, admin: &Admin) {
    let service = service_fn(async |request: Request<Incoming>| {
        let (head, body) = request.into_parts();
        Ok::<_, Infallible>(admin.answer(head, form(body), Some(peer)).await)
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .header_read_timeout(HEAD)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    match tokio::time::timeout(LONGEST, serving).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "a connection to the admin pages ended early"),
        Err(_) => debug!("a connection to the admin pages took too long"),
    }
}
