//! Instances of `durable` on one database, and senders that meet them as Stripe would through a balancer.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use product_tests::{
    Client, Delivery, PATIENCE, Postgres, SECRET, Server, program, random_below, until_within,
};

/// How many objects the events are about.
const OBJECTS: u64 = 40;

/// How many events of a hundred are sent more than once.
const TWICE_OF_100: u64 = 15;

/// How long the lease of an instance lasts in these tests.
pub(crate) const LEASE: &str = "3s";

/// A program with its inbox in the database of this URL.
pub(crate) fn durable(url: &str) -> Command {
    with_inbox(env!("CARGO_BIN_EXE_durable"), url)
}

/// A program whose effects are in the table `effect` of the same database, in the transactions that end its tasks.
pub(crate) fn transactional(url: &str) -> Command {
    with_inbox(env!("CARGO_BIN_EXE_transactional"), url)
}

/// A program at a path, with its inbox in the database of this URL.
pub(crate) fn with_inbox(path: &str, url: &str) -> Command {
    let mut command = program(path);
    command.env("STRIPE_WEBHOOK_SECRET", SECRET).env("WEBHOOK_INBOX", url);
    command.env("WEBHOOK_INBOX_LEASE", LEASE);
    command
}

/// Checks that every task of `transactional` that is done has had its effect exactly once, and no other one has had any.
#[track_caller]
pub(crate) fn assert_exactly_once(database: &Postgres) {
    let wrong = database.query(
        "SELECT e.event_id, count(f.event_id), min(t.state) FROM webhook.ended t JOIN webhook.event e ON e.seq = t.event_seq
         LEFT JOIN effect f ON f.event_id = e.event_id GROUP BY t.id, e.event_id
         HAVING count(f.event_id) <> (min(t.state) = 3)::int",
    );
    assert_eq!(wrong, "", "an event, how often its effect is there, and the state of its task");
}

/// What the senders share.
#[derive(Default)]
pub(crate) struct Traffic {
    /// The instances that listen.
    addresses: Mutex<Vec<SocketAddr>>,
    pub(crate) ends: AtomicBool,
    events: AtomicU64,
    again: Mutex<Vec<Delivery>>,
    /// The ids of the events that were answered with 200.
    acked: Mutex<BTreeSet<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Traffic {
    /// Sends events until the end, each to any instance.
    pub(crate) fn send(&self) {
        let mut client = Client::default();
        while !self.ends.load(Ordering::Relaxed) {
            let addresses = lock(&self.addresses).clone();
            let Some(address) = addresses.get(random_below(addresses.len().max(1) as u64) as usize) else {
                std::thread::yield_now();
                continue;
            };
            let delivery = self.next();
            match client.post(*address, delivery.body.as_bytes()) {
                Ok(told) if told.status == 200 => {
                    lock(&self.acked).insert(delivery.id);
                }
                // Stripe would send it again; that it does is not what the inbox may count on.
                _ if random_below(2) == 0 => lock(&self.again).push(delivery),
                _ => {}
            }
            std::thread::sleep(Duration::from_millis(random_below(20)));
        }
    }

    fn next(&self) -> Delivery {
        if let Some(delivery) = lock(&self.again).pop() {
            return delivery;
        }
        let delivery = Delivery::random(self.events.fetch_add(1, Ordering::Relaxed), OBJECTS);
        if random_below(100) < TWICE_OF_100 {
            // Another instance gets it, most likely while this one still stores it.
            lock(&self.again).push(delivery.clone());
        }
        delivery
    }

    pub(crate) fn acked(&self) -> usize {
        lock(&self.acked).len()
    }

    /// Starts an instance of `durable` that the senders find.
    pub(crate) fn start(&self, database: &Postgres) -> Server {
        self.start_as(&mut durable(&database.url()))
    }

    /// Starts an instance that the senders find.
    pub(crate) fn start_as(&self, program: &mut Command) -> Server {
        let server = Server::from_command(program, &[]);
        self.find(&server);
        server
    }

    /// Any of the instances.
    pub(crate) fn any(&self) -> SocketAddr {
        let addresses = lock(&self.addresses);
        addresses[random_below(addresses.len() as u64) as usize]
    }

    /// Lets the senders find an instance.
    pub(crate) fn find(&self, server: &Server) {
        lock(&self.addresses).push(server.address);
    }

    /// Lets the senders avoid an instance.
    pub(crate) fn avoid(&self, server: &Server) {
        lock(&self.addresses).retain(|address| *address != server.address);
    }

    /// Kills an instance, and returns its log.
    pub(crate) fn kill(&self, server: Server) -> String {
        server.process.signal("KILL");
        self.avoid(&server);
        server.process.wait().stderr
    }

    /// The events that were answered with 200 and are not in the database.
    #[track_caller]
    pub(crate) fn lost(&self, database: &Postgres) -> Vec<String> {
        let stored = database.query("SELECT event_id FROM webhook.event");
        let stored: BTreeSet<&str> = stored.lines().collect();
        lock(&self.acked).iter().filter(|id| !stored.contains(id.as_str())).cloned().collect()
    }

    /// Waits until nothing is open, and checks that nothing was lost.
    #[track_caller]
    pub(crate) fn assert_nothing_lost(&self, database: &Postgres) {
        until_within(2 * PATIENCE, "no task is open", || {
            database.query("SELECT count(*) FROM webhook.task") == "0"
        });
        let lost = self.lost(database);
        assert!(lost.is_empty(), "{} of {} are lost: {lost:?}", lost.len(), self.acked());
        // Every event has a task for each of its handlers, and each of them has ended.
        let unhandled = database.query(
            "SELECT count(*) FROM webhook.event e WHERE NOT EXISTS (
                 SELECT 1 FROM webhook.ended t WHERE t.event_seq = e.seq AND t.state IN (3, 5))",
        );
        assert_eq!(unhandled, "0", "some events have no task");
        let odd =
            database.query("SELECT handler, why, error FROM webhook.ended WHERE state = 5 AND why <> 2");
        assert_eq!(odd, "", "only a task that seemed to end its process is parked");
    }
}
