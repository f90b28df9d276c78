//! The open connections, and which of them gives way when connections or memory run out.
//!
//! No address is limited to a number of connections: behind a proxy, all requests have the same address. Instead, when
//! something runs out, the connection that has kept the server waiting longest gives way. Connections from addresses that
//! have sent an authentic event give way last. A request that has arrived completely never gives way. When none can give
//! way for longer, a few more connections are admitted as *surplus*: their requests are answered with 503.
//!
//! For each connection, a table says whether the server waits for the sender, and since when; then the connection may give
//! way. While the server works on its request, it may not, nor before the server has looked whether there is one: in an
//! overload it is the sender who waits. The table's mutex is never held across an await.

mod connection;
mod descriptors;
mod network;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

pub(crate) use self::connection::Connection;
use self::connection::Leave;
pub(crate) use self::descriptors::few_descriptors;
use self::network::network;
use super::memory::COMMON_MEMORY;

/// The most connections. Each may hold a head of 16 KiB and 64 KiB of a body.
const MAX_CONNECTIONS: usize = 1_024;

/// The most surplus connections.
const MAX_SURPLUS: usize = 256;

/// The most networks that are remembered. Stripe sends from about a dozen addresses.
const MAX_KNOWN: usize = 1_024;

/// The connections of a server.
#[derive(Clone, Debug)]
pub(crate) struct Connections(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// The most connections, apart from surplus ones.
    max: usize,
    /// What is left for surplus connections.
    surplus: Arc<Semaphore>,
    /// How much common memory there is, in bytes.
    most_memory: usize,
    /// What is left of it.
    memory: Arc<Semaphore>,
    table: Mutex<Table>,
    /// Notified when a connection ends, or begins to wait.
    room: Notify,
}

#[derive(Debug, Default)]
struct Table {
    next_id: u64,
    /// All connections but those that were asked to give way.
    entries: HashMap<u64, Entry>,
    /// The networks that have sent an authentic event.
    known: HashSet<IpAddr>,
}

#[derive(Debug)]
struct Entry {
    network: Option<IpAddr>,
    /// `None` while the server is working on its request, or has not looked for one yet.
    waits_since: Option<Instant>,
    /// Since when its requests have been refused. The wait then counts from there, so that bad requests do not make a
    /// connection younger.
    refused_since: Option<Instant>,
    /// How much of the common memory it holds, in bytes.
    common_memory: usize,
    leave: Arc<Leave>,
}

impl Connections {
    /// The limits of a server whose longest body has `body_limit` bytes.
    pub(crate) fn of_a_server(body_limit: u64) -> Self {
        let memory = usize::try_from(COMMON_MEMORY.max(body_limit)).unwrap_or(usize::MAX);
        let connections = descriptors::for_connections().min(MAX_CONNECTIONS + MAX_SURPLUS);
        let surplus = connections / 5;
        Self::new(connections - surplus, surplus, memory.min(Semaphore::MAX_PERMITS))
    }

    /// This number of connections, whose bodies take little memory.
    #[cfg(feature = "admin")]
    pub(crate) fn at_most(max: usize) -> Self {
        Self::new(max, 0, 0)
    }

    fn new(max: usize, surplus: usize, memory: usize) -> Self {
        let (surplus, left) = (Arc::new(Semaphore::new(surplus)), Arc::new(Semaphore::new(memory)));
        let (table, room) = (Mutex::default(), Notify::new());
        Self(Arc::new(Shared { max, surplus, most_memory: memory, memory: left, table, room }))
    }

    /// Admits a connection, for which another one may have to give way. `None` if the server is working on a request of
    /// each.
    pub(crate) fn admit(&self, peer: Option<SocketAddr>) -> Option<Connection> {
        let mut table = self.table();
        if table.entries.len() >= self.0.max && !table.make_one_give_way(|_| true) {
            return None;
        }
        let (id, leave) = (table.next_id, Arc::<Leave>::default());
        table.next_id += 1;
        let entry = Entry {
            network: peer.map(|peer| network(peer.ip())),
            waits_since: None,
            refused_since: None,
            common_memory: 0,
            leave: Arc::clone(&leave),
        };
        table.entries.insert(id, entry);
        drop(table);
        Some(Connection::new(self.clone(), id, peer, leave, None))
    }

    /// Admits a surplus connection. `None` if there are too many of these, too.
    pub(crate) fn admit_surplus(&self, peer: Option<SocketAddr>) -> Option<Connection> {
        let surplus = Arc::clone(&self.0.surplus).try_acquire_owned().ok()?;
        let leave = Arc::<Leave>::default();
        leave.ask();
        // It has no entry.
        Some(Connection::new(self.clone(), u64::MAX, peer, leave, Some(surplus)))
    }

    /// Admits a connection when there is room for it. Only one caller may wait.
    pub(crate) async fn room_for(&self, peer: SocketAddr) -> Connection {
        loop {
            self.0.room.notified().await;
            if let Some(connection) = self.admit(Some(peer)) {
                return connection;
            }
        }
    }

    /// Makes one connection give way, because the system has no resources for another one.
    pub(crate) fn make_way(&self) {
        self.table().make_one_give_way(|_| true);
    }

    /// The number of open connections, but those that were asked to give way.
    pub(crate) fn open(&self) -> usize {
        self.table().entries.len()
    }

    /// How much of the common memory is taken, in bytes.
    pub(crate) fn common_memory(&self) -> usize {
        self.0.most_memory.saturating_sub(self.0.memory.available_permits())
    }

    /// The number of connections that the server waits for.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.table().entries.values().filter(|entry| entry.waits_since.is_some()).count()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Asks the connection to close that has kept the server waiting longest. `false` if there is none.
    fn make_one_give_way(&mut self, may: impl Fn(&Entry) -> bool) -> bool {
        let is_known = |entry: &Entry| entry.network.is_some_and(|network| self.known.contains(&network));
        let waiting = self.entries.iter().filter(|(_, entry)| may(entry));
        let waiting = waiting.filter_map(|(id, entry)| {
            let since = entry.waits_since?;
            Some(((is_known(entry), since, *id), &entry.leave))
        });
        let Some(((_, _, id), leave)) = waiting.min_by_key(|(first, _)| *first) else { return false };
        leave.ask();
        self.entries.remove(&id);
        true
    }

    /// Asks connections to close until they hold this much of the common memory. `false` if they hold less.
    fn free_memory(&mut self, mut bytes: usize) -> bool {
        while bytes > 0 {
            let held = |table: &Self| table.entries.values().map(|entry| entry.common_memory).sum::<usize>();
            let before = held(self);
            if !self.make_one_give_way(|entry| entry.common_memory > 0) {
                return false;
            }
            bytes = bytes.saturating_sub(before - held(self));
        }
        true
    }
}

impl Entry {
    /// Notes that the server waits for the sender. It may have waited before.
    fn wait(&mut self) {
        self.waits_since.get_or_insert_with(|| self.refused_since.unwrap_or_else(Instant::now));
    }
}
