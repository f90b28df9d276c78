//! SIGTERM under load: every connection that was accepted is answered. `-- --nocapture` shows the figures.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use product_tests::{Client, Delivery, SECRET, Server, program, random_below, until};

const ROUNDS: u64 = 10;

/// How a sender goes about it.
#[derive(Clone, Copy)]
enum Sends {
    /// One request after the other on a connection that is kept.
    Kept,
    /// The same, with a pause in between.
    KeptWithPauses,
    /// Each request on a connection of its own.
    Anew,
}

/// What senders have seen.
#[derive(Default)]
struct Seen {
    answered: AtomicU64,
    unanswered: AtomicU64,
    numbers: AtomicU64,
}

#[test]
fn a_shutdown_answers_what_was_sent_and_resets_no_connection() {
    let mut total = (0, 0);
    for _ in 0..ROUNDS {
        let mut command = program(env!("CARGO_BIN_EXE_durable"));
        command.env("STRIPE_WEBHOOK_SECRET", SECRET).env("WEBHOOK_INBOX", ":memory:");
        let server = Server::from_command(&mut command, &[]);
        let seen = Arc::<Seen>::default();
        let senders: Vec<_> = [Sends::Kept, Sends::KeptWithPauses, Sends::Anew, Sends::Anew]
            .into_iter()
            .cycle()
            .take(24)
            .map(|sends| {
                let (address, seen) = (server.address, Arc::clone(&seen));
                std::thread::spawn(move || send_until_refused(address, sends, &seen))
            })
            .collect();
        until("there is load", || seen.answered.load(Ordering::Relaxed) >= 500);
        server.process.signal("TERM");
        senders.into_iter().for_each(|sender| sender.join().expect("no panic"));
        let ended = server.process.wait().with_code(0);
        assert!(!ended.stderr.contains("still in progress"), "{ended:#?}");
        total.0 += seen.answered.load(Ordering::Relaxed);
        total.1 += seen.unanswered.load(Ordering::Relaxed);
    }
    let (answered, unanswered) = total;
    println!("{unanswered} of {} requests without an answer, in {ROUNDS} shutdowns", answered + unanswered);
    assert_eq!(unanswered, 0, "of {}", answered + unanswered);
}

/// Sends for as long as new connections are taken.
fn send_until_refused(to: SocketAddr, sends: Sends, seen: &Seen) {
    let mut client = Client::default();
    loop {
        let number = seen.numbers.fetch_add(1, Ordering::Relaxed);
        let delivery = Delivery::new("payment_intent.succeeded", number, number, 0);
        match client.post(to, delivery.body.as_bytes()) {
            Ok(_) => seen.answered.fetch_add(1, Ordering::Relaxed),
            // Nothing listens any more.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => return,
            Err(error) => {
                eprintln!("{error}");
                seen.unanswered.fetch_add(1, Ordering::Relaxed)
            }
        };
        match sends {
            Sends::Kept => {}
            Sends::KeptWithPauses => std::thread::sleep(std::time::Duration::from_millis(random_below(20))),
            Sends::Anew => client = Client::default(),
        }
    }
}
