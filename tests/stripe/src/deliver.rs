//! Posting a signed event, as Stripe does.

use std::future::pending;
use std::io;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use webhook_core::{SIGNATURE_HEADER, Secret, sign};

/// What is to be sent, and to where: a URL with `http://`.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) url: String,
    pub(crate) secret: String,
    pub(crate) body: String,
    pub(crate) now: u64,
}

impl Delivery {
    /// Sends it, and returns whether the server took it.
    pub(crate) async fn send(self) -> bool {
        matches!(self.post().await, Ok(200..300))
    }

    async fn post(self) -> io::Result<u16> {
        let url: Uri = self.url.parse().map_err(io::Error::other)?;
        let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
        let stream = TcpStream::connect((host, url.port_u16().unwrap_or(80))).await?;
        let secret = Secret::new(&self.secret).map_err(io::Error::other)?;
        let signature = sign(&[secret], self.now, self.body.as_bytes());
        let request = hyper::Request::post(url.path_and_query().map_or("/", |path| path.as_str()))
            .header("host", url.authority().map_or("", |authority| authority.as_str()))
            .header("content-type", "application/json; charset=utf-8")
            .header(SIGNATURE_HEADER, signature)
            .body(Full::new(Bytes::from(self.body)))
            .map_err(io::Error::other)?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        // The connection may end with the answer, which is still to be read then.
        let working = async {
            let _ = connection.await;
            pending::<()>().await
        };
        let answer = tokio::select! {
            answer = sender.send_request(request) => answer,
            () = working => unreachable!("it never ends"),
        };
        answer.map(|answer| answer.status().as_u16()).map_err(io::Error::other)
    }
}
