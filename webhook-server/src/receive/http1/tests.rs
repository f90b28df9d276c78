//! How long a connection lasts, with a clock that a test moves.

use std::pin::pin;

use tokio::io::{AsyncWriteExt, BufWriter, DuplexStream, duplex};
use tokio::task::JoinHandle;
use webhook_core::sign;

use super::super::tests::{NOW, connected, paid, secret, with_inbox};
use super::*;
use crate::run::in_flight::InFlight;

/// A request that is refused after its body was read, which is empty.
fn refused() -> String {
    format!(
        "POST /webhook HTTP/1.1\r\nHost: a\r\nStripe-Signature: t={NOW},v1={}\r\nContent-Length: 0\r\n\r\n",
        "0".repeat(64)
    )
}

/// Serves a connection that has room for this many bytes. The second value stops the server.
fn serve(room: usize) -> (DuplexStream, watch::Sender<bool>, JoinHandle<()>) {
    serve_through(room, |stream| stream)
}

/// Does the same through another stream, such as one that has a buffer.
fn serve_through<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    room: usize,
    through: impl FnOnce(DuplexStream) -> S,
) -> (DuplexStream, watch::Sender<bool>, JoinHandle<()>) {
    let receiver = with_inbox().receiver;
    let (ours, theirs) = duplex(room);
    let (stop, stopping) = watch::channel(false);
    let connection = receiver.connections.admit(None).expect("there are few");
    let http = Http::new(receiver, connection, stopping, InFlight::default().one(), None);
    (ours, stop, tokio::spawn(http.serve(through(theirs), Duration::from_secs(1))))
}

#[tokio::test(start_paused = true)]
async fn beyond_the_most_connections_a_request_is_told_to_come_again() {
    let receiver = with_inbox().receiver;
    let surplus = || receiver.connections.admit_surplus(None).expect("there are few");
    let (mut stream, theirs) = duplex(1 << 16);
    let (_stop, stopping) = watch::channel(false);
    let http = Http::new(Arc::clone(&receiver), surplus(), stopping, InFlight::default().one(), None);
    let serving = tokio::spawn(http.serve(theirs, Duration::from_secs(1)));
    // The server is listening before the request arrives, and its body never does.
    tokio::task::yield_now().await;
    let head = refused().replace("Content-Length: 0", "Content-Length: 9");
    stream.write_all(head.as_bytes()).await.expect("it is read");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it is text");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("connection: close\r\n") && answer.contains("retry-after: "), "{answer}");
    about(ends_after(serving).await, LINGER_TIMEOUT);

    // One that sends nothing is not waited for.
    let (silent, theirs) = duplex(1);
    let (_stop, stopping) = watch::channel(false);
    let http = Http::new(Arc::clone(&receiver), surplus(), stopping, InFlight::default().one(), None);
    about(ends_after(tokio::spawn(http.serve(theirs, Duration::from_secs(1)))).await, LEAVE_TIMEOUT);
    drop(silent);
}

#[tokio::test]
async fn a_request_that_is_there_when_its_connection_gives_way_is_told_to_come_again() {
    let receiver = with_inbox().receiver;
    let (mut sender, stream) = connected().await;
    let connection = receiver.connections.admit(None).expect("there are few");
    let (_stop, stopping) = watch::channel(false);
    let http = Http::new(Arc::clone(&receiver), connection, stopping, InFlight::default().one(), None);
    let serving = tokio::spawn(http.serve(stream, Duration::from_secs(1)));
    // It waits for a request when this one arrives, and gives way before the runtime has learnt of it.
    while receiver.connections.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    sender.write_all(refused().as_bytes()).await.expect("there is room");
    receiver.connections.make_way();
    let mut answer = String::new();
    sender.read_to_string(&mut answer).await.expect("it is closed, not reset");
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    drop(sender);
    serving.await.expect("no panic");
}

/// Reads one answer, and returns whether it says that the connection ends.
async fn is_last(stream: &mut DuplexStream) -> bool {
    let mut answer = Vec::new();
    while !answer.ends_with(br#"{"received":false}"#) {
        answer.push(stream.read_u8().await.expect("there is an answer"));
    }
    let answer = String::from_utf8(answer).expect("it is text");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    answer.contains("connection: close\r\n")
}

async fn ends_after(serving: JoinHandle<()>) -> Duration {
    let began = Instant::now();
    serving.await.expect("no panic");
    began.elapsed()
}

fn about(took: Duration, expected: Duration) {
    let rounding = Duration::from_millis(50);
    assert!(took >= expected && took < expected + rounding, "{took:?} instead of {expected:?}");
}

#[tokio::test(start_paused = true)]
async fn the_thousandth_answer_is_the_last() {
    let (mut stream, _stop, serving) = serve(1 << 16);
    for number in 1..=MAX_REQUESTS {
        stream.write_all(refused().as_bytes()).await.expect("it is read");
        assert_eq!(is_last(&mut stream).await, number == MAX_REQUESTS, "{number}");
    }
    assert!(stream.read_u8().await.is_err(), "it is closed");
    drop(stream);
    serving.await.expect("no panic");
}

#[tokio::test(start_paused = true)]
async fn an_old_connection_ends_with_an_answer() {
    let (mut stream, _stop, serving) = serve(1 << 16);
    let mut answers = 0;
    loop {
        tokio::time::sleep(HEAD_TIMEOUT - Duration::from_secs(1)).await;
        stream.write_all(refused().as_bytes()).await.expect("it is read");
        answers += 1;
        if is_last(&mut stream).await {
            break;
        }
    }
    // 34 times 9 s are more than five minutes.
    assert_eq!(answers, 34);
    drop(stream);
    serving.await.expect("no panic");
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_does_not_read_is_left_in_time() {
    // The answer is longer than what there is room for.
    let (mut stream, _stop, serving) = serve(64);
    stream.write_all(refused().as_bytes()).await.expect("it is read");
    about(ends_after(serving).await, WRITE_TIMEOUT);

    // Nor if the stream has a buffer, as TLS does.
    let (mut stream, _stop, serving) = serve_through(64, BufWriter::new);
    stream.write_all(refused().as_bytes()).await.expect("it is read");
    about(ends_after(serving).await, WRITE_TIMEOUT);

    // One that reads a byte a second does not get more time.
    let (mut stream, _stop, serving) = serve(64);
    stream.write_all(refused().as_bytes()).await.expect("it is read");
    let reading = async {
        while stream.read_u8().await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let (took, ()) = tokio::join!(ends_after(serving), reading);
    about(took, WRITE_TIMEOUT);
}

/// What the system holds for a reader that does not read is more than any answers: here, it is filled.
#[tokio::test(start_paused = true)]
async fn a_socket_that_is_not_read_is_left_in_time() {
    let (peer, stream) = connected().await;
    let mut stream = WriteDeadline::new(stream, WRITE_TIMEOUT);
    let began = Instant::now();
    let written = stream.write_all(&vec![b' '; 64 << 20]).await;
    assert_eq!(written.map_err(|error| error.kind()), Err(std::io::ErrorKind::TimedOut));
    assert!(began.elapsed() >= WRITE_TIMEOUT);
    drop(peer);
}

/// On the wire, with a clock that stands still: the exact edges of the tolerance.
#[tokio::test]
async fn a_signature_counts_for_300_seconds_each_way() {
    let (mut stream, _stop, serving) = serve(1 << 16);
    let body = paid();
    for (signed_at, status) in [
        (NOW - 301, 400),
        (NOW - 300, 200),
        (NOW, 200),
        (NOW + 300, 200),
        (NOW + 301, 400),
        (NOW + 3_600, 400),
        (NOW - 300, 200),
    ] {
        let signature = sign(&[secret()], signed_at, &body);
        let length = body.len();
        let head = format!(
            "POST /webhook HTTP/1.1\r\nHost: a\r\nStripe-Signature: {signature}\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all(&[head.as_bytes(), &body].concat()).await.expect("it is read");
        // A few with a wrong time are verified, and keep their connection.
        let mut answer = Vec::new();
        while !answer.ends_with(b"}") {
            answer.push(stream.read_u8().await.expect("there is an answer"));
        }
        let answer = String::from_utf8(answer).expect("it is text");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{signed_at}: {answer}");
        assert!(!answer.contains("connection: close"), "{signed_at}: {answer}");
    }
    drop(stream);
    serving.await.expect("no panic");
}

#[tokio::test(start_paused = true)]
async fn half_a_head_is_left_in_time_and_does_not_hold_the_shutdown() {
    for (stopped_after, expected) in [(None, HEAD_TIMEOUT), (Some(3), Duration::from_secs(3 + 1))] {
        let (mut stream, stop, serving) = serve(1 << 16);
        let mut sending = pin!(async {
            for (second, byte) in refused().bytes().enumerate() {
                if Some(second) == stopped_after {
                    stop.send_replace(true);
                }
                if stream.write_u8(byte).await.is_err() {
                    break;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let (took, ()) = tokio::join!(ends_after(serving), &mut sending);
        about(took, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_not_lost_to_what_is_still_being_sent() {
    let (mut stream, _stop, serving) = serve(1 << 10);
    let request = "POST /webhook HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("it is read");
    assert!(is_last(&mut stream).await, "the body was not read");
    stream.write_all(&[b' '; 100_000]).await.expect("it is read, and dropped");
    about(ends_after(serving).await, LINGER_TIMEOUT);
}
