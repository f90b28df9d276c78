//! What a connection gets that is not served, because there are too many.

use std::io::{Read, Write};

use tokio::net::TcpStream;

use super::reply;

/// The most that is read, in bytes: more than Stripe sends.
const MOST: usize = 16 * 1024;

/// Answers a connection at once with 503, and closes it. This costs no task and no wait. Returns one on which nothing has
/// arrived yet, unless it is to be answered all the same.
///
/// If only a part of the request has arrived, the sender may find the connection reset.
pub(super) fn turn_away(stream: TcpStream, all_the_same: bool) -> Option<TcpStream> {
    // It does not block, as the stream did not.
    let mut stream = stream.into_std().ok()?;
    // A socket that is closed with unread bytes resets the connection, and the sender may lose the answer.
    if stream.read(&mut [0; MOST]).is_err() && !all_the_same {
        return TcpStream::from_std(stream).ok();
    }
    // It fails only for a sender that is gone: there is room for the first answer.
    let _ = stream.write(&reply::unserved());
    None
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::super::tests::connected;
    use super::*;

    #[tokio::test]
    async fn a_sender_that_is_turned_away_gets_its_answer() {
        for request in ["", "POST /webhook HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"] {
            let (mut sender, stream) = connected().await;
            sender.write_all(request.as_bytes()).await.expect("there is room");
            if !request.is_empty() {
                stream.readable().await.expect("it is open");
            }
            assert!(turn_away(stream, request.is_empty()).is_none());
            let mut answer = String::new();
            sender.read_to_string(&mut answer).await.expect("the connection is closed, not reset");
            let (head, body) = answer.split_once("\r\n\r\n").expect("there is a head");
            assert!(head.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{head}");
            for header in ["\r\nretry-after: ", "\r\nconnection: close", "\r\ncontent-type: application/json"]
            {
                assert!(head.contains(header), "{head}");
            }
            assert!(head.ends_with(&format!("\r\ncontent-length: {}", body.len())), "{head}");
            assert_eq!(body, r#"{"received":false}"#);
        }
    }

    #[tokio::test]
    async fn a_sender_that_has_sent_nothing_may_be_kept() {
        let (mut sender, stream) = connected().await;
        let mut kept = turn_away(stream, false).expect("nothing has arrived");
        sender.write_all(b"x").await.expect("there is room");
        assert_eq!(kept.read_u8().await.expect("it is open"), b'x');
    }
}
