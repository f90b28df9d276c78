//! Asks the running server, over the socket beside its inbox.
//!
//! One connection serves a whole command, one request after another. The types of a request and of its answer come from
//! its route.

use super::operator::OperateError;
use super::routes::Refused;

#[cfg(unix)]
pub(crate) use self::unix::Client;

/// There is no such socket on this system, so there is never a client.
#[cfg(not(unix))]
pub(crate) enum Client {}

#[cfg(not(unix))]
impl Client {
    pub(super) async fn connect(_inbox: &std::path::Path) -> Result<Option<Self>, OperateError> {
        Ok(None)
    }

    pub(super) async fn call<T, A>(
        &mut self,
        _route: &super::routes::Route<T, A>,
        _request: &T,
    ) -> Result<A, OperateError> {
        match *self {}
    }
}

/// The reason that the server gives for refusing a request.
fn refusal(body: &[u8]) -> OperateError {
    match serde_json::from_slice(body) {
        Ok(Refused { error }) => OperateError::Refused(error),
        Err(_) => OperateError::OtherVersion,
    }
}

#[cfg(unix)]
mod unix {
    use std::io::ErrorKind;
    use std::path::Path;

    use bytes::Bytes;
    use http_body_util::{BodyExt, Full};
    use hyper::client::conn::http1::{self, SendRequest};
    use hyper::header::{CONTENT_TYPE, HOST};
    use hyper::{Request, Response};
    use hyper_util::rt::TokioIo;
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use tokio::net::UnixStream;

    use super::*;
    use crate::future::spawn;
    use crate::operate::routes::Route;
    use crate::operate::socket::path_beside;

    /// A connection to the server that has an inbox.
    #[derive(Debug)]
    pub(crate) struct Client {
        sender: SendRequest<Full<Bytes>>,
    }

    impl Client {
        /// Connects to the server that has the inbox in a file; `None` if there is none.
        ///
        /// # Errors
        ///
        /// Fails if there is a server, but this user may not talk to it.
        pub(crate) async fn connect(inbox: &Path) -> Result<Option<Self>, OperateError> {
            let socket = path_beside(inbox);
            match UnixStream::connect(&socket).await {
                Ok(stream) => {
                    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
                    spawn(async {
                        let _ = connection.await;
                    });
                    Ok(Some(Self { sender }))
                }
                Err(source) if source.kind() == ErrorKind::PermissionDenied => {
                    Err(OperateError::OtherUser { socket, source })
                }
                // There is no socket, or nothing listens on it any more.
                Err(_) => Ok(None),
            }
        }

        /// Asks the server to carry out an operation.
        ///
        /// # Errors
        ///
        /// Fails with the server's own sentence if it refuses, and if it does not answer. Then the operation may have been
        /// carried out.
        pub(crate) async fn call<T: Serialize, A: DeserializeOwned>(
            &mut self,
            route: &Route<T, A>,
            request: &T,
        ) -> Result<A, OperateError> {
            let body = serde_json::to_vec(request).map_err(OperateError::unsendable)?;
            let answer = self.post(route.path(), body).await?;
            serde_json::from_slice(&answer).map_err(|_| OperateError::OtherVersion)
        }

        /// The part of [`call`](Self::call) that is compiled once for all routes.
        async fn post(&mut self, path: &str, body: Vec<u8>) -> Result<Bytes, OperateError> {
            let request = Request::post(path)
                .header(HOST, "inbox")
                .header(CONTENT_TYPE, "application/json")
                .body(Full::from(body))
                .map_err(OperateError::unsendable)?;
            self.sender.ready().await?;
            let (head, body) = self.sender.send_request(request).await.map(Response::into_parts)?;
            let body = body.collect().await?.to_bytes();
            if !head.status.is_success() {
                return Err(refusal(&body));
            }
            Ok(body)
        }
    }
}
