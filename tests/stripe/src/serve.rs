//! The connection: reads requests, lets faults happen, and writes answers.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Collected};
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::fault::What;
use crate::reply::Reply;
use crate::state::{Request, State};
use crate::{control, events, route};

pub(crate) type Shared = Arc<Mutex<State>>;

pub(crate) fn lock(state: &Shared) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves one connection.
pub(crate) async fn serve(state: Shared, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    lock(&state).connections += 1;
    let service = service_fn(move |request| answer(Arc::clone(&state), request));
    // A connection that is cut is an error.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// The connection is to be cut.
#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is cut")
    }
}

impl std::error::Error for Cut {}

async fn answer(state: Shared, request: hyper::Request<Incoming>) -> Result<hyper::Response<Answer>, Cut> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(Collected::to_bytes).map_err(|_| Cut)?;
    let headers: BTreeMap<String, String> = head
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let request = Request {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
        status: None,
    };
    let told = control::answer(&mut lock(&state), &request);
    if let Some(reply) = told {
        return response(&state, reply, Answer::whole);
    }
    let (fault, number) = {
        let mut state = lock(&state);
        let fault = state.faults.take(&request.method, &request.path);
        state.requests.push(request.clone());
        (fault, state.requests.len() - 1)
    };
    let mut make = Answer::whole as fn(Bytes) -> Answer;
    let reply = match fault {
        None => work(&state, &request).await,
        Some(What::Slow(millis)) => {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            work(&state, &request).await
        }
        Some(What::CutBefore) => return Err(Cut),
        Some(What::CutAfter) => {
            work(&state, &request).await;
            return Err(Cut);
        }
        Some(What::CutWithin) => {
            make = Answer::half;
            work(&state, &request).await
        }
        Some(What::Endless) => {
            make = |_| Answer::Endless;
            Reply::plain(200, &[], "")
        }
        Some(What::UnknownKey) => Reply::unknown_key(),
        Some(What::MissingPermission(name)) => Reply::missing_permission(&name),
        Some(What::NotFound) => Reply::missing(&request.path),
        Some(What::Conflict) => Reply::conflict(),
        Some(What::RateLimited(by)) => Reply::rate_limited(by.as_deref()),
        Some(What::LockTimeout) => Reply::lock_timeout(),
        Some(What::ServerError) => Reply::server_error(),
        Some(What::Answer { status, headers, body }) => Reply { status, headers, body },
        Some(What::Garbage) => {
            Reply::plain(200, &[("content-type", "text/html")], "<html>Please log in to this network</html>")
        }
        Some(What::Redirect(to)) => Reply::plain(302, &[("location", &to)], ""),
    };
    lock(&state).requests[number].status = Some(reply.status);
    let id = format!("req_fake{number}");
    let mut response = response(&state, reply, make)?;
    response.headers_mut().entry("request-id").or_insert(id.parse().map_err(|_| Cut)?);
    Ok(response)
}

/// Does what is asked, and sends what is to be sent.
async fn work(state: &Shared, request: &Request) -> Reply {
    let outcome = route::answer(&mut lock(state), request);
    if let Some((delivery, event)) = outcome.delivery
        && delivery.send().await
    {
        events::note_delivered(&mut lock(state), request, &event);
    }
    outcome.reply
}

fn response(
    state: &Shared,
    reply: Reply,
    body: impl FnOnce(Bytes) -> Answer,
) -> Result<hyper::Response<Answer>, Cut> {
    let mut response =
        hyper::Response::builder().status(reply.status).header("date", lock(state).date_header());
    let has_type = reply.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if !has_type {
        response = response.header("content-type", "application/json");
    }
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    response.body(body(Bytes::from(reply.body))).map_err(|_| Cut)
}

/// The body of an answer.
enum Answer {
    Whole(Option<Bytes>),
    /// Fails after what is left; before that, it lets what was written be sent.
    Half(Option<Bytes>, bool),
    Endless,
}

impl Answer {
    fn whole(body: Bytes) -> Self {
        Self::Whole(Some(body))
    }

    fn half(body: Bytes) -> Self {
        Self::Half(Some(body.slice(..body.len() / 2)), false)
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let data = |data: Bytes| Poll::Ready(Some(Ok(Frame::data(data))));
        match &mut *self {
            Self::Whole(body) => body.take().map_or(Poll::Ready(None), data),
            Self::Half(body, is_sent) => match body.take() {
                Some(half) => data(half),
                None if std::mem::replace(is_sent, true) => {
                    Poll::Ready(Some(Err(io::Error::other("the connection is cut"))))
                }
                None => {
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
            },
            Self::Endless => data(Bytes::from_static(&[b' '; 64 * 1024])),
        }
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match self {
            Self::Whole(Some(body)) => hyper::body::SizeHint::with_exact(body.len() as u64),
            _ => hyper::body::SizeHint::default(),
        }
    }
}

/// Accepts connections until it is cancelled.
pub(crate) async fn accept(state: Shared, listener: tokio::net::TcpListener) -> Infallible {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(Arc::clone(&state), stream));
        }
    }
}
