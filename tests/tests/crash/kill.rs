//! The server is killed again and again while events arrive, and nothing that it said it has is lost or done twice.
//!
//! `CRASH_CYCLES` says how often; a thousand times is for a night, or a release.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use product_tests::{
    Client, Delivery, Files, History, PATIENCE, Process, Server, SetOnDrop, random_below, until_within,
};

/// How many threads send.
const SENDERS: usize = 6;

/// How many objects the events are about.
const OBJECTS: u64 = 40;

/// How many events of a hundred are sent more than once.
const TWICE_OF_100: u64 = 15;

/// What the senders share.
#[derive(Default)]
struct Traffic {
    address: Mutex<Option<SocketAddr>>,
    ends: AtomicBool,
    events: AtomicU64,
    duplicates: AtomicU64,
    history: Mutex<History>,
    /// What is to be sent again.
    again: Mutex<Vec<Delivery>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Traffic {
    fn send(&self) {
        let mut client = Client::default();
        while !self.ends.load(Ordering::Relaxed) {
            let Some(address) = *lock(&self.address) else {
                std::thread::yield_now();
                continue;
            };
            let delivery = self.next();
            match client.post(address, delivery.body.as_bytes()) {
                Ok(told) if told.status == 200 => lock(&self.history).ack(&delivery),
                // Stripe would send it again; that it does is not what the inbox may count on.
                _ if random_below(2) == 0 => lock(&self.again).push(delivery),
                _ => {}
            }
            std::thread::sleep(Duration::from_millis(random_below(30)));
        }
    }

    fn next(&self) -> Delivery {
        if let Some(delivery) = lock(&self.again).pop() {
            self.duplicates.fetch_add(1, Ordering::Relaxed);
            return delivery;
        }
        let delivery = Delivery::random(self.events.fetch_add(1, Ordering::Relaxed), OBJECTS);
        lock(&self.history).send(&delivery);
        if random_below(100) < TWICE_OF_100 {
            // Another sender takes it, most likely while this one still sends it.
            let more = 1 + random_below(3);
            lock(&self.again).extend((0..more).map(|_| delivery.clone()));
        }
        delivery
    }
}

#[test]
fn what_was_answered_with_200_survives_every_kill() {
    let cycles = match std::env::var("CRASH_CYCLES") {
        Ok(text) => text.parse().expect("CRASH_CYCLES is a number"),
        Err(_) => 100,
    };
    let (files, traffic) = (Files::fresh("crash"), Traffic::default());
    let (mut logs, mut slowest) = (Vec::new(), Duration::ZERO);
    let mut start = || {
        let began = Instant::now();
        let server = Server::from_command(&mut files.command(env!("CARGO_BIN_EXE_durable")), &[]);
        slowest = slowest.max(began.elapsed());
        server
    };
    std::thread::scope(|scope| {
        // However this ends, the senders must.
        let _end = SetOnDrop(&traffic.ends);
        for _ in 0..SENDERS {
            scope.spawn(|| traffic.send());
        }
        let acked = || lock(&traffic.history).acked.len() as u64;
        for cycle in 0.. {
            // On a busy machine, more kills may be needed for as many answers.
            if cycle >= cycles && acked() >= cycles {
                break;
            }
            assert!(cycle < 20 * cycles, "hardly an event comes through: {} of {cycle} kills", acked());
            if cycle % 5 == 4 {
                // A crash while it recovers from the crash before.
                let mut command = files.command(env!("CARGO_BIN_EXE_durable"));
                let process = Process::start(command.args(["serve", "--listen", "127.0.0.1:0"]));
                std::thread::sleep(Duration::from_millis(random_below(100)));
                process.signal("KILL");
                logs.push(process.wait().stderr);
                continue;
            }
            let server = start();
            *lock(&traffic.address) = Some(server.address);
            std::thread::sleep(Duration::from_millis(10 + random_below(591)));
            server.process.signal("KILL");
            // The senders meet a server that is gone, too.
            logs.push(server.process.wait().stderr);
            *lock(&traffic.address) = None;
        }
    });
    let server = start();
    // Under all those kills more came in than was done.
    until_within(PATIENCE + Duration::from_secs(cycles), "no task is open", || files.open_tasks() == 0);
    logs.push(server.stop().stderr);

    let history = lock(&traffic.history);
    let checked = history.assert_agrees(&files, &logs);
    let suspects: u64 = logs.iter().flat_map(|log| log.lines()).filter_map(suspects_in).sum();
    println!(
        "{cycles} kills at least: {} events sent, {} answered with 200, {} sent again; {} stored, {} of them unanswered; \
         {suspects} runs cut off, {} tasks parked as poison; slowest start {slowest:.0?}",
        history.sent.len(),
        history.acked.len(),
        traffic.duplicates.load(Ordering::Relaxed),
        checked.events,
        checked.unacked,
        checked.poisoned,
    );
}

/// In the line that says which inbox it is.
fn suspects_in(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once(" interrupted=")?;
    rest.split(' ').next()?.parse().ok()
}
