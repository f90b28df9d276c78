//! Who is connected, and who gives way when there are too many, or too much is being received.
//!
//! Nobody is turned away for the number of their connections: behind a proxy, everybody has one address. Instead, where
//! something runs out, the one that has kept the server waiting for longest gives way; those from whose address an
//! authentic event has come do so last. A request that has arrived whole never gives way.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// How many connections there may be. Each may hold a head of 16 KiB and 64 KiB of a body.
const MOST: usize = 1_024;

/// How many networks are known at once. Stripe sends from about a dozen addresses.
const MOST_KNOWN: usize = 1_024;

/// What a body may take of memory without asking, in bytes. Stripe's stay below: its own examples cap them here.
pub(crate) const OWN_ROOM: usize = 64 * 1024;

/// The room for what bodies are longer than that, all of them together, in bytes; more if one body may be longer.
const COMMON_ROOM: u64 = 32 * 1024 * 1024;

/// How long a body waits for room that others were asked to leave.
const ROOM_TIMEOUT: Duration = Duration::from_millis(250);

/// The connections of a server.
#[derive(Clone, Debug)]
pub(crate) struct Connections(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    most: usize,
    room: Arc<Semaphore>,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    next_id: u64,
    /// All but those that give way.
    entries: HashMap<u64, Entry>,
    /// The networks from which something authentic has come.
    known: HashSet<IpAddr>,
}

#[derive(Debug)]
struct Entry {
    network: Option<IpAddr>,
    /// `None` while the server is at work for it.
    waits_since: Option<Instant>,
    common_room: usize,
    leave: Arc<Leave>,
}

/// The request to give way.
#[derive(Debug, Default)]
struct Leave {
    asked: AtomicBool,
    told: Notify,
}

/// One connection, for as long as this or a clone of it lives.
#[derive(Clone, Debug)]
pub(crate) struct Connection(Arc<Held>);

#[derive(Debug)]
struct Held {
    id: u64,
    peer: Option<SocketAddr>,
    /// Whether a request's head has arrived that is not answered.
    has_request: AtomicBool,
    leave: Arc<Leave>,
    of: Connections,
}

/// There is no room for a body, and nobody who could give way.
#[derive(Debug)]
pub(crate) struct NoRoom;

impl Connections {
    /// As many connections as a server takes, and room for bodies of which one may be as long as `body_limit`.
    pub(crate) fn of_a_server(body_limit: u64) -> Self {
        let room = usize::try_from(COMMON_ROOM.max(body_limit)).unwrap_or(usize::MAX);
        Self::new(MOST.min(descriptors() / 4 * 3), room.min(Semaphore::MAX_PERMITS))
    }

    fn new(most: usize, room: usize) -> Self {
        let (room, table) = (Arc::new(Semaphore::new(room)), Mutex::default());
        Self(Arc::new(Shared { most, room, table }))
    }

    /// Lets a connection in, for which another one may have to give way. `None` if there are too many, and the server
    /// is at work for all of them.
    pub(crate) fn admit(&self, peer: Option<SocketAddr>) -> Option<Connection> {
        let mut table = self.table();
        if table.entries.len() >= self.0.most && !table.has_give_way(|_| true) {
            return None;
        }
        let (id, leave) = (table.next_id, Arc::<Leave>::default());
        table.next_id += 1;
        let entry = Entry {
            network: peer.map(|peer| network(peer.ip())),
            waits_since: Some(Instant::now()),
            common_room: 0,
            leave: Arc::clone(&leave),
        };
        table.entries.insert(id, entry);
        drop(table);
        let has_request = AtomicBool::new(false);
        Some(Connection(Arc::new(Held { id, peer, has_request, leave, of: self.clone() })))
    }

    /// Has one connection give way, because the system has no room for another one.
    pub(crate) fn make_way(&self) {
        self.table().has_give_way(|_| true);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Asks the one to leave that has kept the server waiting for longest, if any has.
    fn has_give_way(&mut self, may: impl Fn(&Entry) -> bool) -> bool {
        let is_known = |entry: &Entry| entry.network.is_some_and(|network| self.known.contains(&network));
        let waiting = self.entries.iter().filter(|(_, entry)| may(entry));
        let waiting = waiting
            .filter_map(|(id, entry)| Some(((is_known(entry), entry.waits_since?, *id), &entry.leave)));
        let Some(((_, _, id), leave)) = waiting.min_by_key(|(first, _)| *first) else { return false };
        leave.ask();
        self.entries.remove(&id);
        true
    }

    /// Asks as many to leave as it takes to have so many bytes of the common room. `false` if they have not got them.
    fn free_room(&mut self, mut bytes: usize) -> bool {
        while bytes > 0 {
            let held = |table: &Self| table.entries.values().map(|entry| entry.common_room).sum::<usize>();
            let before = held(self);
            if !self.has_give_way(|entry| entry.common_room > 0) {
                return false;
            }
            bytes = bytes.saturating_sub(before - held(self));
        }
        true
    }
}

impl Connection {
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.0.peer
    }

    /// Notes that the head of a request has arrived: from now on, its body is waited for.
    pub(crate) fn began_request(&self) {
        self.0.has_request.store(true, Ordering::Relaxed);
        self.waits(Some(Instant::now()));
    }

    /// Notes that a request has arrived whole: it does not give way any more. `false` if it just was asked to.
    pub(crate) fn received_request(&self) -> bool {
        self.waits(None)
    }

    /// Notes that something authentic has come, which is known of its network from now on.
    pub(crate) fn is_authentic(&self) {
        let Some(network) = self.0.peer.map(|peer| network(peer.ip())) else { return };
        let mut table = self.0.of.table();
        if table.known.len() >= MOST_KNOWN {
            table.known.clear();
        }
        table.known.insert(network);
    }

    /// Notes that a request is answered: from now on, the next one is waited for.
    pub(crate) fn ended_request(&self) {
        self.0.has_request.store(false, Ordering::Relaxed);
        self.waits(Some(Instant::now()));
    }

    /// Whether there is a request that is not answered.
    pub(crate) fn has_request(&self) -> bool {
        self.0.has_request.load(Ordering::Relaxed)
    }

    /// Returns when this connection has to give way.
    pub(crate) async fn gives_way(&self) {
        let told = self.0.leave.told.notified();
        if !self.0.leave.asked.load(Ordering::SeqCst) {
            told.await;
        }
    }

    /// Takes so many bytes of the common room, for which others may have to give way.
    pub(crate) async fn take_room(&self, bytes: usize) -> Result<OwnedSemaphorePermit, NoRoom> {
        let count = u32::try_from(bytes).map_err(|_| NoRoom)?;
        let room = &self.0.of.0.room;
        let taken = match Arc::clone(room).try_acquire_many_owned(count) {
            Ok(taken) => taken,
            Err(_) => {
                // Who holds room that is being left is not asked again: whether that suffices is seen by waiting.
                self.0.of.table().free_room(bytes);
                let room = Arc::clone(room).acquire_many_owned(count);
                tokio::time::timeout(ROOM_TIMEOUT, room).await.map_err(|_| NoRoom)?.map_err(|_| NoRoom)?
            }
        };
        if let Some(entry) = self.0.of.table().entries.get_mut(&self.0.id) {
            entry.common_room += bytes;
        }
        Ok(taken)
    }

    /// Gives back what [`take_room`](Self::take_room) took.
    pub(crate) fn left_room(&self) {
        if let Some(entry) = self.0.of.table().entries.get_mut(&self.0.id) {
            entry.common_room = 0;
        }
    }

    fn waits(&self, since: Option<Instant>) -> bool {
        let mut table = self.0.of.table();
        let entry = table.entries.get_mut(&self.0.id);
        entry.map(|entry| entry.waits_since = since).is_some()
    }
}

impl Leave {
    fn ask(&self) {
        self.asked.store(true, Ordering::SeqCst);
        self.told.notify_waiters();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.of.table().entries.remove(&self.id);
    }
}

/// What counts as one peer: an IPv4 address, or the /64 that one subscriber gets of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

/// How many files and sockets this process may have open.
#[cfg(unix)]
fn descriptors() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

#[cfg(not(unix))]
fn descriptors() -> usize {
    usize::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn admit(connections: &Connections, address: &str) -> Connection {
        let peer = SocketAddr::new(address.parse().expect("it is an address"), 1);
        connections.admit(Some(peer)).expect("there is room")
    }

    fn left(connections: &[&Connection]) -> Vec<usize> {
        let asked = |connection: &Connection| connection.0.leave.asked.load(Ordering::SeqCst);
        connections.iter().enumerate().filter(|(_, it)| asked(it)).map(|(at, _)| at).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_that_was_waited_for_longest_gives_way() {
        let connections = Connections::new(3, 0);
        let [answering, silent, kept] =
            ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map(|it| admit(&connections, it));
        assert!(answering.received_request());
        tokio::time::advance(SECOND).await;
        // One that has just been answered has kept nobody waiting.
        kept.ended_request();
        let new = admit(&connections, "10.0.0.4");
        assert_eq!(left(&[&answering, &silent, &kept, &new]), [1]);
        silent.gives_way().await;
        assert!(!silent.received_request(), "it is too late");
        tokio::time::advance(SECOND).await;
        let newer = admit(&connections, "10.0.0.5");
        assert_eq!(left(&[&answering, &silent, &kept, &new, &newer]), [1, 2]);

        // All are being answered: there is nobody to give way, until one is through.
        assert!(new.received_request() && newer.received_request());
        assert!(connections.admit(None).is_none());
        drop(answering);
        assert!(connections.admit(None).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn the_known_give_way_last() {
        for (known, stranger, neighbour) in [
            ("10.0.0.1", "10.0.0.2", "10.0.0.1"),
            ("::ffff:10.0.0.1", "10.0.0.2", "10.0.0.1"),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:0:1:ffff::2"),
        ] {
            let connections = Connections::new(2, 0);
            drop({
                let connection = admit(&connections, known);
                connection.is_authentic();
                connection
            });
            let neighbour = admit(&connections, neighbour);
            tokio::time::advance(SECOND).await;
            let strangers = [admit(&connections, stranger), admit(&connections, stranger)];
            assert_eq!(left(&[&neighbour, &strangers[0], &strangers[1]]), [1], "{known}");
            // Among themselves, they are as all others.
            strangers[1].is_authentic();
            admit(&connections, stranger);
            assert_eq!(left(&[&neighbour, &strangers[0], &strangers[1]]), [0, 1], "{known}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn room_is_left_by_those_that_hold_it_and_are_waited_for() {
        let connections = Connections::new(10, 100);
        let [whole, slow, small, new] =
            ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"].map(|it| admit(&connections, it));
        let of_whole = whole.take_room(40).await.expect("there is room");
        let of_slow = slow.take_room(60).await.expect("there is room");
        assert!(whole.received_request());
        tokio::time::advance(SECOND).await;
        let leaving = async {
            slow.gives_way().await;
            drop(of_slow);
        };
        let (taken, ()) = tokio::join!(new.take_room(50), leaving);
        let taken = taken.expect("it was left");
        assert_eq!(left(&[&whole, &slow, &small, &new]), [1]);

        // Nobody else may be asked but the asker itself.
        assert!(new.received_request());
        let in_vain = admit(&connections, "10.0.0.5");
        assert!(in_vain.take_room(20).await.is_err());
        assert_eq!(left(&[&whole, &slow, &small, &new, &in_vain]), [1]);
        drop((of_whole, taken));
        assert!(in_vain.take_room(100).await.is_ok());
    }
}
