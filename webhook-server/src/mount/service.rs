//! The service that an application mounts.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http_body_util::Full;
use hyper::body::Body;
use hyper::{Request, Response, Version};
use tracing::Instrument;

use super::Mount;
use super::request::{AnyBody, any_body, to_path};
use crate::future::BoxFuture;
use crate::receive::outcome::Refusal;
use crate::receive::{Via, answered, reply};

/// Receives Stripe's requests for [`Webhooks`](super::Webhooks), as a [`tower_service::Service`] for any body.
///
/// axum takes it with `Router::route_service`, hyper with `hyper_util::service::TowerToHyperService`. It must get the
/// body's bytes as they were sent: a layer before it may limit the body, but not decompress or change it.
///
/// If the application has one endpoint, every request is for that, whatever its path; with several, the path decides.
/// All checks of a request, and the limits of its body, are those of the server's own listener. What the listener itself
/// does for a connection is up to your server.
///
/// It is always ready. Cancel safety: a request whose body has arrived is stored even if the future is dropped.
#[derive(Clone)]
pub struct WebhookService {
    mount: Arc<Mount>,
}

impl WebhookService {
    pub(super) fn new(mount: Arc<Mount>) -> Self {
        Self { mount }
    }
}

impl<B> tower_service::Service<Request<B>> for WebhookService
where
    B: Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        call(Arc::clone(&self.mount), any_body(request))
    }
}

fn call(
    mount: Arc<Mount>,
    request: Request<AnyBody>,
) -> BoxFuture<'static, Result<Response<Full<Bytes>>, Infallible>> {
    Box::pin(async move {
        let version = request.version();
        let mut response = answer(&mount, request).await;
        if version > Version::HTTP_11 {
            reply::without_connection(&mut response);
        }
        Ok(response)
    })
}

/// Answers a request on the server's own runtime.
async fn answer(mount: &Mount, mut request: Request<AnyBody>) -> Response<Full<Bytes>> {
    let Some((receiver, in_flight)) = mount.enter() else { return refuse(mount, Refusal::Stopping) };
    let Some(connection) = receiver.connections.admit(None) else { return refuse(mount, Refusal::TooMany) };
    connection.began_request();
    if let Some(path) = receiver.only_path() {
        to_path(&mut request, path);
    }
    // It belongs to the trace of the application's own request, if there is one.
    let answering = async move {
        let response = receiver.answer(request, connection).await;
        drop(in_flight);
        response
    };
    let answering = mount.runtime.spawn(answering.in_current_span());
    // An error means that the server has ended.
    answering.await.unwrap_or_else(|_| refuse(mount, Refusal::Stopping))
}

/// Refuses a request that was not let in.
fn refuse(mount: &Mount, refusal: Refusal) -> Response<Full<Bytes>> {
    answered(&mount.report, &Err(refusal), &Via::default(), None)
}

impl fmt::Debug for WebhookService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookService").finish_non_exhaustive()
    }
}
