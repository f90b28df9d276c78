//! The service as a value: no socket, no environment.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Frame};
use hyper::{Request, Response, Version};
use tokio::sync::mpsc;
use tower_service::Service;
use webhook_core::{SIGNATURE_HEADER, Sample, sign};

use super::*;
use crate::receive::tests::{NOW, paid, secret, server, with_inbox};
use crate::run::hand_over::HandlerRuntime;
use crate::store::{Filter, InboxLocation, OpenError, Opening, State as TaskState, open as open_inbox};

/// A body whose chunks come through a channel; its types are not those of our own server. Fails if the channel is gone.
struct Slow(mpsc::Receiver<Option<Bytes>>);

impl Body for Slow {
    type Data = VecDeque<u8>;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.0.poll_recv(context).map(|chunk| match chunk {
            Some(Some(chunk)) => Some(Ok(Frame::data(Vec::from(chunk).into()))),
            Some(None) => None,
            None => Some(Err(ErrorKind::ConnectionReset.into())),
        })
    }
}

/// A signed request with the event [`paid`].
fn post<B>(path: &str, body: B) -> Request<B> {
    let signature = sign(&[secret()], NOW, &paid());
    let request = Request::post(path).header("host", "a").header(SIGNATURE_HEADER, signature);
    request.body(body).expect("it is a request")
}

async fn answer<B>(webhooks: &Webhooks, request: Request<B>) -> Response<Full<Bytes>>
where
    B: Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    webhooks.service().call(request).await.unwrap_or_else(|never| match never {})
}

async fn status<B>(webhooks: &Webhooks, request: Request<B>) -> u16
where
    B: Body<Data: Buf, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    answer(webhooks, request).await.status().as_u16()
}

async fn mounted() -> Webhooks {
    Webhooks::of(with_inbox()).await.expect("it starts")
}

#[tokio::test]
async fn the_applications_router_decides_the_path() {
    let webhooks = mounted().await;
    for path in ["/webhook", "/", "/payments/stripe?account=1", "/payments/%2e%2e//"] {
        assert_eq!(status(&webhooks, post(path, Full::new(paid()))).await, 200, "{path}");
    }
    let mut get = post("/webhook", Full::new(paid()));
    *get.method_mut() = hyper::Method::GET;
    let refused = answer(&webhooks, get).await;
    assert_eq!(refused.headers()["allow"], "POST");
    webhooks.shutdown().await.expect("nothing is in progress");
}

#[tokio::test]
async fn a_body_of_any_type_is_read_in_pieces() {
    let webhooks = mounted().await;
    let (chunks, body) = mpsc::channel(3);
    let answering = tokio::spawn({
        let webhooks = webhooks.clone();
        async move { status(&webhooks, post("/", Slow(body))).await }
    });
    let (first, rest) = (paid().slice(..100), paid().slice(100..));
    for chunk in [Some(first), Some(rest), None] {
        chunks.send(chunk).await.expect("it is read");
    }
    assert_eq!(answering.await.expect("no panic"), 200);

    let (chunks, body) = mpsc::channel(1);
    chunks.send(Some(paid().slice(..100))).await.expect("there is room");
    drop(chunks);
    assert_eq!(status(&webhooks, post("/", Slow(body))).await, 400, "it breaks off");
}

/// tower-http's and axum's body limits are this type, inside errors of their own.
#[tokio::test]
async fn a_limit_of_the_applications_own_is_told_apart_from_a_broken_body() {
    #[derive(Debug, thiserror::Error)]
    #[error("of a layer")]
    struct Layer(#[source] Box<dyn std::error::Error + Send + Sync>);

    let webhooks = mounted().await;
    let (chunks, body) = mpsc::channel(1);
    chunks.send(Some(paid())).await.expect("there is room");
    assert_eq!(status(&webhooks, post("/", Limited::new(Slow(body), 10))).await, 413);
    let limited = Limited::new(Full::new(paid()), 10).map_err(|error| Layer(Layer(error).into()));
    assert_eq!(status(&webhooks, post("/", limited)).await, 413);
    let broken = Full::new(paid()).map_err(|never| -> Layer { match never {} });
    assert_eq!(status(&webhooks, post("/", broken)).await, 200);
}

/// HTTP/2 has no such header; hyper would drop it with a warning.
#[tokio::test]
async fn a_refusal_closes_a_connection_of_http_1_only() {
    let webhooks = mounted().await;
    for (version, closes) in [(Version::HTTP_11, true), (Version::HTTP_2, false)] {
        let mut unsigned = Request::post("https://shop.example/").header("host", "shop.example");
        unsigned = unsigned.version(version);
        let refused = answer(&webhooks, unsigned.body(Full::new(paid())).expect("it is a request")).await;
        assert_eq!(refused.headers().contains_key("connection"), closes, "{version:?}: {refused:?}");
    }
}

#[tokio::test]
async fn a_shutdown_waits_for_requests_and_lets_no_more_in() {
    let webhooks = mounted().await;
    let (chunks, body) = mpsc::channel(2);
    let answering = tokio::spawn({
        let webhooks = webhooks.clone();
        async move { status(&webhooks, post("/", Slow(body))).await }
    });
    chunks.send(Some(paid())).await.expect("it is read");
    while chunks.capacity() < 2 {
        tokio::task::yield_now().await;
    }
    let stopping = webhooks.stopping();
    let stopped = tokio::spawn({
        let webhooks = webhooks.clone();
        async move { webhooks.shutdown().await }
    });
    stopping.await;
    while webhooks.mount.state.borrow().receiver.is_some() {
        tokio::task::yield_now().await;
    }
    let late = answer(&webhooks, post("/", Full::new(paid()))).await;
    assert_eq!(late.status(), 503);
    assert!(late.headers().contains_key("retry-after"));
    assert!(!stopped.is_finished(), "a request is in progress");
    chunks.send(None).await.expect("it is read");
    assert_eq!(answering.await.expect("no panic"), 200);
    stopped.await.expect("no panic").expect("everything ended");
    webhooks.shutdown().await.expect("it is the same end");
    assert_eq!(status(&webhooks, post("/", Full::new(paid()))).await, 503, "its runtime has ended");
}

#[tokio::test]
async fn what_is_left_in_progress_is_reported() {
    let mut server = with_inbox();
    server.parts.settings.drain_timeout = Duration::ZERO;
    let webhooks = Webhooks::of(server).await.expect("it starts");
    let (chunks, body) = mpsc::channel(1);
    let answering = tokio::spawn({
        let webhooks = webhooks.clone();
        async move { status(&webhooks, post("/", Slow(body))).await }
    });
    chunks.send(Some(paid())).await.expect("it is read");
    while chunks.capacity() == 0 {
        tokio::task::yield_now().await;
    }
    let left = webhooks.shutdown().await.expect_err("a body never ends");
    assert_eq!(left.to_string(), "some requests were still in progress: Stripe will send them again");
    assert_eq!(answering.await.expect("no panic"), 503);
}

/// The service alone keeps the application at work; without any handle, its inbox is free for the next one.
#[tokio::test]
async fn the_last_handle_closes_the_inbox() {
    let folder = tempfile::tempdir().expect("there is room");
    let location = InboxLocation::File(folder.path().join("inbox.db"));
    let opening = |patience| Opening {
        on_network_disk: true,
        patience: Duration::from_secs(patience),
        ..Opening::default()
    };
    let store = open_inbox(&location, &opening(0)).expect("it can be made");
    let webhooks = Webhooks::of(server(Some(store))).await.expect("it starts");
    let stopping = webhooks.stopping();
    let mut service = webhooks.service();
    drop(webhooks);
    let answered = service.call(post("/", Full::new(paid()))).await;
    assert_eq!(answered.map(|answered| answered.status().as_u16()), Ok(200));
    let other = open_inbox(&location, &opening(0)).expect_err("it is in use");
    assert!(other.is_in_use(), "{other}");
    drop(service);
    stopping.await;
    let reopened = tokio::task::spawn_blocking(move || open_inbox(&location, &opening(300)));
    let _: Arc<dyn crate::store::Store> =
        reopened.await.expect("no panic").unwrap_or_else(|error: OpenError| panic!("{error}"));
}

/// No handler has failed, and none can run.
#[tokio::test]
async fn a_runtime_that_ends_before_the_application_costs_no_attempt() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build();
    let runtime = runtime.expect("the system has threads");
    let mut server = with_inbox();
    server.parts.runner.runtime = HandlerRuntime::of(runtime.handle().clone());
    let store = server.inbox.as_ref().map(|inbox| Arc::clone(&inbox.worker.store)).expect("it has an inbox");
    let server = Server::new(server.parts.clone(), Some(Arc::clone(&store)));
    let webhooks = Webhooks::of(server).await.expect("it starts");

    let held: Bytes =
        Sample::new("invoice.paid", 1).expect("there is such a type").body(1_700_000_000).into();
    let signature = sign(&[secret()], NOW, &held);
    let request = Request::post("/").header("host", "a").header(SIGNATURE_HEADER, signature);
    let request = request.body(Full::new(held)).expect("it is a request");
    assert_eq!(status(&webhooks, request).await, 200);
    while runtime.metrics().num_alive_tasks() == 0 {
        tokio::task::yield_now().await;
    }
    // The only thread takes tasks in order: now the handler has begun.
    runtime.spawn(async {}).await.expect("no panic");
    tokio::task::spawn_blocking(move || drop(runtime)).await.expect("no panic");
    assert_eq!(status(&webhooks, post("/", Full::new(paid()))).await, 200, "it is stored");
    webhooks.shutdown().await.expect("nothing is in progress");
    let tasks = store.tasks(Filter { limit: 10, ..Filter::default() }).await.expect("it can be read");
    let states: Vec<_> = tasks.iter().map(|task| (task.state, task.attempt)).collect();
    assert_eq!(states, [(TaskState::Ready, 0), (TaskState::Ready, 0)]);
}

#[cfg(feature = "admin")]
#[tokio::test]
async fn the_admin_pages_are_mounted_below_a_path() {
    let webhooks = mounted().await;
    let ask = async |method: &str, path: &str, headers: &[(&str, &str)]| {
        let mut request = Request::builder().method(method).uri(path).version(Version::HTTP_2);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request =
            request.body(Full::new(Bytes::from_static(b"task=1&reason=known"))).expect("it is a request");
        let answer = webhooks.admin("/internal/webhooks").call(request).await;
        let (head, body) = answer.unwrap_or_else(|never| match never {}).into_parts();
        let body = body.collect().await.expect("it is in memory").to_bytes();
        (head.status.as_u16(), String::from_utf8(body.to_vec()).expect("it is text"))
    };
    // A router may take the path off, or not. The host is the application's own matter.
    for path in ["https://shop.example/", "https://shop.example/internal/webhooks/"] {
        let (status, page) = ask("GET", path, &[]).await;
        assert!(status == 200 && page.contains("href=\"/internal/webhooks/events\""), "{path}: {page}");
    }
    let skip = "https://shop.example/internal/webhooks/skip";
    let ours = ("sec-fetch-site", "same-origin");
    for (headers, expected) in [
        (&[ours, ("origin", "https://shop.example")][..], 303),
        (&[ours, ("origin", "https://evil.example")], 403),
        (&[("origin", "https://shop.example")], 403),
    ] {
        assert_eq!(ask("POST", skip, headers).await.0, expected, "{headers:?}");
    }
    let admin = webhooks.admin("/internal/webhooks");
    drop(webhooks.shutdown().await);
    let request =
        Request::get("/").header("host", "a").body(Full::new(Bytes::new())).expect("it is a request");
    let answer = admin.clone().call(request).await.unwrap_or_else(|never| match never {});
    assert_eq!(answer.status().as_u16(), 503);
}
