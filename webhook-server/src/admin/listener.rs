//! The listener of the admin pages: few connections, each with limits, on the server's own thread.
//!
//! A connection for which the server waits gives way to a new one, the one that has waited longest first: so those that send
//! nothing, or do not read, keep nobody out who asks whether the server is healthy.

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tracing::{debug, warn};

use super::{Admin, Form, form};
use crate::future::spawn;
use crate::receive::connections::{Connection, Connections};

/// How many connections there may be at once. A browser opens six.
const MOST: usize = 64;

/// The longest head of a request, in bytes.
const MAX_HEAD: usize = 16 * 1024;

/// How long the sender of a connection may take.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// Until the head of the request has arrived.
    head: Duration,
    /// Until the end. A connection has one request.
    longest: Duration,
}

const PATIENCE: Patience = Patience { head: Duration::from_secs(5), longest: Duration::from_secs(60) };

/// Accepts connections for as long as the server runs. Never returns.
pub(crate) async fn listen(listener: TcpListener, admin: Arc<Admin>) {
    listen_with(PATIENCE, listener, admin).await;
}

async fn listen_with(patience: Patience, listener: TcpListener, admin: Arc<Admin>) {
    let connections = Connections::at_most(MOST);
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // If the server is working on a request of each other one, those that follow are in the system's queue.
                let connection = match connections.admit(Some(peer)) {
                    Some(connection) => connection,
                    None => connections.room_for(peer).await,
                };
                let admin = Arc::clone(&admin);
                spawn(async move {
                    tokio::select! {
                        () = serve(stream, &connection, &admin, patience) => {}
                        () = connection.must_give_way() => debug!("a connection to the admin pages gave way"),
                    }
                });
                // It is looked at before another one comes, to which it may have to give way.
                tokio::task::yield_now().await;
            }
            Err(error) => {
                warn!(%error, "a connection to the admin pages was not accepted");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, connection: &Connection, admin: &Admin, patience: Patience) {
    let service = service_fn(async |request: Request<Incoming>| {
        connection.began_request();
        let (head, body) = request.into_parts();
        let answer = admin.answer(head, noted(connection, form(body)), connection.peer()).await;
        // It waits until the sender has read the answer.
        connection.ended_request(false);
        Ok::<_, Infallible>(answer)
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .header_read_timeout(patience.head)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let waiting = async {
        // It was just looked whether there is a request.
        if !connection.has_request() {
            connection.waits();
        }
        std::future::pending().await
    };
    let serving = async {
        tokio::select! {
            biased;
            served = serving => served,
            () = waiting => Ok(()),
        }
    };
    match tokio::time::timeout(patience.longest, serving).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "a connection to the admin pages ended early"),
        Err(_) => debug!("a connection to the admin pages took too long"),
    }
}

/// A form during whose arrival the connection may have to give way.
fn noted(connection: &Connection, form: Form) -> Form {
    let connection = connection.clone();
    Box::pin(async move {
        connection.waits();
        let form = form.await;
        connection.received_request();
        form
    })
}
