//! What senders without the secret do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use product_tests::unix_now;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{Tally, exchange, head};

/// How a connection is held.
#[derive(Clone, Copy)]
pub(crate) enum Slow {
    /// Nothing is sent.
    Silent,
    /// A head, a byte a second.
    Head,
    /// A whole head, and then the body, a byte a second.
    Body,
}

/// Makes connections within `spread` and returns how long each lived, when all have ended.
pub(crate) async fn hold(to: SocketAddr, slow: Slow, connections: u32, spread: Duration) -> Vec<Duration> {
    let (began, mut held) = (Instant::now(), tokio::task::JoinSet::new());
    for number in 0..connections {
        tokio::time::sleep_until((began + spread * number / connections).into()).await;
        held.spawn(one(to, slow));
    }
    held.join_all().await
}

/// Holds one connection until the server ends it, and returns how long that took.
async fn one(to: SocketAddr, slow: Slow) -> Duration {
    let began = Instant::now();
    let Ok(mut stream) = TcpStream::connect(to).await else { return began.elapsed() };
    let head = head(&false_signature(), 4096);
    let (at_once, slowly) = match slow {
        Slow::Silent => ("", ""),
        Slow::Head => ("", &*head),
        Slow::Body => (&*head, "{                                              "),
    };
    if stream.write_all(at_once.as_bytes()).await.is_ok() {
        for byte in slowly.bytes() {
            let answer = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut [0; 1024])).await;
            if answer.is_ok() || stream.write_all(&[byte]).await.is_err() {
                return began.elapsed();
            }
        }
        let _ = stream.read(&mut [0; 1024]).await;
    }
    began.elapsed()
}

/// Posts bodies of 4 KB with false signatures at an even rate, on 32 connections that are kept.
pub(crate) async fn post_falsely(to: SocketAddr, a_second: usize, span: Duration) -> Tally {
    const CONNECTIONS: usize = 32;
    let request = [head(&false_signature(), 4096).into_bytes(), vec![b' '; 4096]].concat();
    let (began, request) = (Instant::now(), Arc::<[u8]>::from(request));
    let count = a_second * span.as_secs() as usize;
    let mut senders = tokio::task::JoinSet::new();
    for first in 0..CONNECTIONS {
        let request = Arc::clone(&request);
        senders.spawn(async move {
            let (mut kept, mut tally) = (None, Tally::default());
            for number in (first..count).step_by(CONNECTIONS) {
                let due = began + Duration::from_secs_f64(number as f64 / a_second as f64);
                tokio::time::sleep_until(due.into()).await;
                tally.add(exchange(&mut kept, to, &request).await, due.elapsed());
            }
            tally
        });
    }
    let mut all = Tally::default();
    while let Some(tally) = senders.join_next().await {
        all.merge(tally.expect("no panic"));
    }
    all
}

fn false_signature() -> String {
    format!("t={},v1={}", unix_now(), "0".repeat(64))
}
