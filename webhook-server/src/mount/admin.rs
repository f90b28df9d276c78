//! The admin pages, as a service that an application mounts.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Buf;
use hyper::body::Body;
use hyper::{Request, Response, StatusCode};

use super::request::{AnyBody, any_body};
use super::{Mount, Webhooks};
use crate::admin::{Admin, AdminBody, Reached, form};
use crate::future::BoxFuture;

impl Webhooks {
    /// Returns the admin pages as a service: health, and the dashboard. `path` is where your router has them, such as
    /// `/webhooks`; all links begin with it. They show customers' data, so put your own authentication in front of them.
    ///
    /// ```no_run
    /// # fn routes(webhooks: webhook_server::Webhooks) -> axum::Router {
    /// use axum::Router;
    ///
    /// Router::new()
    ///     .route_service("/webhook", webhooks.service())
    ///     .nest_service("/internal/webhooks", webhooks.admin("/internal/webhooks"))
    /// # }
    /// ```
    ///
    /// A change is accepted only from a page under the same origin, as the browser says. The name of the host is not checked:
    /// your server decides which names it answers to. If `admin-token-file` is set, the pages ask for the token as well.
    pub fn admin(&self, path: &str) -> AdminService {
        AdminService { mount: Arc::clone(&self.mount), path: path.into() }
    }
}

/// The admin pages of [`Webhooks`], as a [`tower_service::Service`] for any body. It is always ready.
///
/// Cancel safety: an action that has begun is carried out all the same.
#[derive(Clone)]
pub struct AdminService {
    mount: Arc<Mount>,
    path: Arc<str>,
}

impl<B> tower_service::Service<Request<B>> for AdminService
where
    B: Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    type Response = Response<AdminBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        answer(self.clone(), any_body(request))
    }
}

/// Answers a request on the server's own runtime, which has the inbox.
fn answer(
    AdminService { mount, path }: AdminService,
    request: Request<AnyBody>,
) -> BoxFuture<'static, Result<Response<AdminBody>, Infallible>> {
    Box::pin(async move {
        let mut answered = None;
        let subject = mount.state.borrow().subject.clone();
        if let Some(subject) = subject {
            let (head, body) = request.into_parts();
            let admin = Admin::new(subject, Reached::Mounted(&path));
            let answering = mount.runtime.spawn(async move { admin.answer(head, form(body), None).await });
            // An error means that the server has ended.
            answered = answering.await.ok();
            // A stream would keep the application's server from ending.
            let mut state = mount.state.subscribe();
            let asked = async move {
                let _ = state.wait_for(|state| state.asked_at.is_some()).await;
            };
            answered = answered.map(|answered| answered.map(|body| body.until(asked)));
        }
        Ok(answered.unwrap_or_else(|| {
            let mut stopped = Response::new(AdminBody::whole(""));
            *stopped.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            stopped
        }))
    })
}

impl fmt::Debug for AdminService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminService").finish_non_exhaustive()
    }
}
