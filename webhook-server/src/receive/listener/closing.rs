//! Closing the listener so that no sender finds its connection reset.
//!
//! The system completes connections by itself and queues them. One that is in the queue when the listener is closed is
//! reset, although its sender believes that it is connected. So the last ones are accepted first; and on Linux new ones are
//! kept out meanwhile, because one could arrive between the last look into the queue and the end.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::{Listener, is_senders};

/// The most connections that are accepted once the server stops: more than any accept queue holds.
const MAX_QUEUED: usize = 4_096;

/// Closes the listener, and passes the connections that were made and not accepted yet to `take`. `handshakes` is how long
/// those that are being made have.
pub(super) async fn close(
    listener: Listener,
    handshakes: Duration,
    mut take: impl FnMut(TcpStream, SocketAddr),
) {
    // One that systemd has passed stays open: the next server accepts what comes.
    if !listener.is_passed && keeps_new_ones_out(&listener.socket) {
        let accepting = async {
            loop {
                match listener.socket.accept().await {
                    Ok((stream, peer)) => take(stream, peer),
                    Err(error) if is_senders(&error) => {}
                    Err(_) => break,
                }
            }
        };
        let _ = tokio::time::timeout(handshakes, accepting).await;
    }
    let Ok(listener) = listener.socket.into_std() else { return };
    let accepted = std::iter::from_fn(|| {
        loop {
            match listener.accept() {
                Ok(accepted) => return Some(accepted),
                Err(error) if is_senders(&error) => {}
                // Most often, the queue is empty.
                Err(_) => return None,
            }
        }
    });
    for (stream, peer) in accepted.take(MAX_QUEUED) {
        if stream.set_nonblocking(true).is_ok()
            && let Ok(stream) = TcpStream::from_std(stream)
        {
            take(stream, peer);
        }
    }
}

/// Lets the system drop the packet that begins a connection. Its sender sends it again after a second, and finds the
/// listener closed, or the next server. Returns whether this is so.
#[cfg(target_os = "linux")]
fn keeps_new_ones_out(listener: &TcpListener) -> bool {
    use socket2::{SockFilter, SockRef};

    /// The byte of a TCP header that holds its flags, and the flag that begins a connection.
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    // In the words of classic BPF: load the byte; if it has the flag, keep nothing of the packet, otherwise all of it.
    let filter = [
        SockFilter::new(0x30, 0, 0, FLAGS),
        SockFilter::new(0x45, 0, 1, SYN),
        SockFilter::new(0x06, 0, 0, 0),
        SockFilter::new(0x06, 0, 0, u32::MAX),
    ];
    SockRef::from(listener).attach_filter(&filter).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn keeps_new_ones_out(_listener: &TcpListener) -> bool {
    false
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::net::TcpStream;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::LAST_HANDSHAKES;
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_sender_that_is_connected_is_accepted() {
        static CONNECTED: AtomicUsize = AtomicUsize::new(0);
        let mut accepted = 0;
        for _ in 0..3 {
            let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
            let address = socket.local_addr().expect("it is bound");
            let senders = std::array::from_fn::<_, 8, _>(|_| {
                std::thread::spawn(move || {
                    while TcpStream::connect(address).is_ok() {
                        CONNECTED.fetch_add(1, Ordering::SeqCst);
                    }
                })
            });
            for _ in 0..200 {
                socket.accept().await.expect("they connect");
                accepted += 1;
            }
            close(Listener { socket, is_passed: false }, LAST_HANDSHAKES, |_, _| accepted += 1).await;
            senders.into_iter().for_each(|sender| sender.join().expect("no panic"));
        }
        assert_eq!(accepted, CONNECTED.load(Ordering::SeqCst));
    }
}
