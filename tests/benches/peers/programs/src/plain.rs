//! A server on hyper alone: it reads each request's body and answers.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Listens, and answers every request with the status that `answer` makes of its headers and body.
pub async fn serve(answer: impl Fn(&HeaderMap, &Bytes) -> StatusCode + Copy + Send + 'static) {
    crate::tell_counts();
    let listener = TcpListener::bind(crate::address()).await.expect("nothing else listens there");
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        // Without it, an answer could wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        tokio::spawn(async move {
            let service = service_fn(move |request| respond(request, answer));
            // It fails when the sender closes the connection.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn respond(
    request: Request<Incoming>,
    answer: impl Fn(&HeaderMap, &Bytes) -> StatusCode,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let status = match Limited::new(body, 1024 * 1024).collect().await {
        Ok(body) => answer(&head.headers, &body.to_bytes()),
        Err(_) => StatusCode::PAYLOAD_TOO_LARGE,
    };
    let text = if status.is_success() { r#"{"received":true}"# } else { r#"{"received":false}"# };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    Ok(response)
}
