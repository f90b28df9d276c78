//! The running server answers operators on a Unix socket beside its inbox.
//!
//! An inbox has one writer. While a server has it, the commands therefore ask that server, over HTTP on this socket.
//! Only the user that the server runs as, and root, can use it.
//!
//! If the socket cannot be made, the server runs without it and logs a warning.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Body;
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Operations;
use super::routes::{
    EVENTS, EVENTS_WITH_ID, INSTANCES, PRUNE, QUARANTINED, QUARANTINED_WITH_ID, REPLAY, RETRY, Refused,
    Replay, Route, SKIP, STATS, Skip, TASKS,
};
use crate::report::format::chain;
use crate::store::{StoreError, beside, real};

/// The longest request, in bytes: far more than a page of ids.
const MAX_REQUEST: usize = 1024 * 1024;

/// The longest path of a socket that every system accepts, in bytes.
const MAX_SOCKET_PATH: usize = 100;

/// Where the server that has an inbox listens: beside the real file, whatever name it is known by; if that path is too
/// long, beside the given name.
pub(super) fn path_beside(inbox: &Path) -> PathBuf {
    let beside_file = beside(&real(inbox), "-control");
    if beside_file.as_os_str().len() <= MAX_SOCKET_PATH { beside_file } else { beside(inbox, "-control") }
}

#[cfg(unix)]
pub(crate) use self::unix::listen;

/// There is no such socket on this system.
#[cfg(not(unix))]
pub(crate) fn listen(_inbox: &Path, _operations: Operations) {
    tracing::info!("the commands `inbox` and `replay` work only while the server is stopped");
}

/// Carries out one request and answers it. An error's body is a [`Refused`].
pub(super) async fn answer<B: Body<Error: Into<BoxedError>>>(
    operations: &Operations,
    request: Request<B>,
) -> Response<Full<Bytes>> {
    if request.method() != Method::POST {
        return refused(StatusCode::METHOD_NOT_ALLOWED, "operations are POST requests");
    }
    let path = request.uri().path().to_owned();
    let body = match Limited::new(request.into_body(), MAX_REQUEST).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            let why = format!("the request is longer than {MAX_REQUEST} bytes");
            return refused(StatusCode::PAYLOAD_TOO_LARGE, &why);
        }
        Err(error) => return refused(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let call = Call { path: &path, body: &body };
    if call.is(&TASKS) {
        call.answer(&TASKS, |filter| operations.tasks(filter)).await
    } else if call.is(&EVENTS) {
        call.answer(&EVENTS, |filter| operations.events(filter)).await
    } else if call.is(&EVENTS_WITH_ID) {
        call.answer(&EVENTS_WITH_ID, |id| operations.events_with_id(id)).await
    } else if call.is(&QUARANTINED) {
        call.answer(&QUARANTINED, |limit| operations.quarantined(limit)).await
    } else if call.is(&QUARANTINED_WITH_ID) {
        call.answer(&QUARANTINED_WITH_ID, |id| operations.quarantined_with_id(id)).await
    } else if call.is(&STATS) {
        call.answer(&STATS, |()| operations.stats()).await
    } else if call.is(&INSTANCES) {
        call.answer(&INSTANCES, |()| operations.instances()).await
    } else if call.is(&RETRY) {
        call.answer(&RETRY, |tasks| operations.retry(tasks)).await
    } else if call.is(&SKIP) {
        call.answer(&SKIP, |Skip { tasks, reason }| operations.skip(tasks, reason)).await
    } else if call.is(&REPLAY) {
        call.answer(&REPLAY, |Replay { events, handler }| operations.replay(events, handler)).await
    } else if call.is(&PRUNE) {
        call.answer(&PRUNE, |()| operations.prune()).await
    } else {
        refused(
            StatusCode::NOT_FOUND,
            &format!("the running server is a different version and has no operation {path}"),
        )
    }
}

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// A request that has arrived.
struct Call<'r> {
    path: &'r str,
    body: &'r [u8],
}

impl Call<'_> {
    /// Whether the request is for a route.
    fn is<T, A>(&self, route: &Route<T, A>) -> bool {
        self.path == route.path()
    }

    /// Reads the request, carries out the operation and writes its answer.
    async fn answer<T: DeserializeOwned, A: Serialize, F>(
        &self,
        _route: &Route<T, A>,
        operation: impl FnOnce(T) -> F,
    ) -> Response<Full<Bytes>>
    where
        F: Future<Output = Result<A, StoreError>>,
    {
        let request = match serde_json::from_slice(self.body) {
            Ok(request) => request,
            Err(error) => {
                let why = format!("the server does not understand the command: {error}");
                return refused(StatusCode::BAD_REQUEST, &why);
            }
        };
        match operation(request).await {
            Ok(answer) => response(StatusCode::OK, &answer),
            Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, &chain(&error)),
        }
    }
}

/// An answer that says why the request was refused.
fn refused(status: StatusCode, error: &str) -> Response<Full<Bytes>> {
    response(status, &Refused { error: error.to_owned() })
}

/// An answer with a value as JSON.
fn response(status: StatusCode, value: &impl Serialize) -> Response<Full<Bytes>> {
    let (status, body) = match serde_json::to_vec(value) {
        Ok(body) => (status, body),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, Vec::new()),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response
}

#[cfg(unix)]
mod unix {
    use std::convert::Infallible;
    use std::fs::Permissions;
    use std::io;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Arc;
    use std::time::Duration;

    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::net::{UnixListener, UnixStream};
    use tracing::{debug, warn};

    use super::*;
    use crate::future::spawn;
    use crate::store::is_socket;

    /// Answers this user's commands for as long as the server runs.
    pub(crate) fn listen(inbox: &Path, operations: Operations) {
        let socket = path_beside(inbox);
        // A socket at this path belongs to a server that is gone, since this one has the inbox's lock. Any other file is
        // left alone.
        if socket.symlink_metadata().is_ok_and(|found| is_socket(found.file_type())) {
            let _ = std::fs::remove_file(&socket);
        }
        let bound = UnixListener::bind(&socket).and_then(|listener| {
            std::fs::set_permissions(&socket, Permissions::from_mode(0o600))?;
            Ok(listener)
        });
        match bound {
            Ok(listener) => {
                spawn(accept(listener, operations));
            }
            Err(error) => warn!(
                %error,
                socket = %socket.display(),
                "no control socket: the commands `inbox` and `replay` work only while the server is stopped"
            ),
        }
    }

    /// Accepts connections for as long as the server runs.
    async fn accept(listener: UnixListener, operations: Operations) {
        let operations = Arc::new(operations);
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let operations = Arc::clone(&operations);
                    spawn(async move {
                        if let Err(error) = serve(stream, &operations).await {
                            debug!(%error, "the connection of a command ended early");
                        }
                    });
                }
                Err(error) => {
                    warn!(%error, "the connection of a command was not accepted");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    /// Serves one connection, if it belongs to the server's user or to root.
    async fn serve(stream: UnixStream, operations: &Operations) -> io::Result<()> {
        let own = rustix::process::geteuid().as_raw();
        if ![own, 0].contains(&stream.peer_cred()?.uid()) {
            return Err(io::Error::other("it belongs to another user"));
        }
        let service = service_fn(async |request| Ok::<_, Infallible>(answer(operations, request).await));
        http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.map_err(io::Error::other)
    }
}
