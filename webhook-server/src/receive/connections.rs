//! The open connections, and which of them gives way when connections or memory run out.
//!
//! No address is limited to a number of connections: behind a proxy, all requests have the same address. Instead, when
//! something runs out, the connection that has kept the server waiting longest gives way. Connections from addresses that
//! have sent an authentic event give way last. A request that has arrived completely never gives way. When none can give
//! way, a few more connections are admitted as *surplus*: their requests are answered with 503.
//!
//! For each connection, a table says whether the server waits for the sender, and since when; then the connection may give
//! way. While the server works on its request, it may not. The table's mutex is never held across an await.

mod descriptors;
mod network;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

pub(crate) use self::descriptors::few_descriptors;
use self::network::network;
use super::memory::COMMON_MEMORY;

/// The most connections. Each may hold a head of 16 KiB and 64 KiB of a body.
const MAX_CONNECTIONS: usize = 1_024;

/// The most surplus connections.
const MAX_SURPLUS: usize = 256;

/// The most networks that are remembered. Stripe sends from about a dozen addresses.
const MAX_KNOWN: usize = 1_024;

/// How long a body waits for memory that others were asked to free.
const MEMORY_TIMEOUT: Duration = Duration::from_millis(250);

/// The connections of a server.
#[derive(Clone, Debug)]
pub(crate) struct Connections(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// The most connections, apart from surplus ones.
    max: usize,
    /// What is left for surplus connections.
    surplus: Arc<Semaphore>,
    /// The common memory, in bytes.
    memory: Arc<Semaphore>,
    table: Mutex<Table>,
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
    /// `None` while the server is working on its request.
    waits_since: Option<Instant>,
    /// Since when its requests have been refused. The wait then counts from there, so that bad requests do not make a
    /// connection younger.
    refused_since: Option<Instant>,
    /// How much of the common memory it holds, in bytes.
    common_memory: usize,
    leave: Arc<Leave>,
}

/// The request to give way.
#[derive(Debug, Default)]
struct Leave {
    /// Set before `told` is notified, for a connection that does not wait yet.
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
    /// Whether the head of a request has arrived that is not answered yet.
    has_request: AtomicBool,
    leave: Arc<Leave>,
    /// What makes it a surplus connection.
    surplus: Option<OwnedSemaphorePermit>,
    /// The table that it is removed from when it is dropped.
    of: Connections,
}

/// There is no memory for a body, and no other connection could give way.
#[derive(Debug)]
pub(crate) struct NoMemory;

impl Connections {
    /// The limits of a server whose longest body has `body_limit` bytes.
    pub(crate) fn of_a_server(body_limit: u64) -> Self {
        let memory = usize::try_from(COMMON_MEMORY.max(body_limit)).unwrap_or(usize::MAX);
        let connections = descriptors::for_connections().min(MAX_CONNECTIONS + MAX_SURPLUS);
        let surplus = connections / 5;
        Self::new(connections - surplus, surplus, memory.min(Semaphore::MAX_PERMITS))
    }

    fn new(max: usize, surplus: usize, memory: usize) -> Self {
        let (surplus, memory) = (Arc::new(Semaphore::new(surplus)), Arc::new(Semaphore::new(memory)));
        Self(Arc::new(Shared { max, surplus, memory, table: Mutex::default() }))
    }

    /// Admits a connection, for which another one may have to give way. If the server is working on a request of each, it
    /// is a surplus connection. `None` if there are too many of these, too.
    pub(crate) fn admit(&self, peer: Option<SocketAddr>) -> Option<Connection> {
        let mut table = self.table();
        let has_room = table.entries.len() < self.0.max || table.make_one_give_way(|_| true);
        let surplus = match has_room {
            true => None,
            false => Some(Arc::clone(&self.0.surplus).try_acquire_owned().ok()?),
        };
        let (id, leave) = (table.next_id, Arc::<Leave>::default());
        table.next_id += 1;
        if surplus.is_some() {
            leave.ask();
        } else {
            let entry = Entry {
                network: peer.map(|peer| network(peer.ip())),
                waits_since: Some(Instant::now()),
                refused_since: None,
                common_memory: 0,
                leave: Arc::clone(&leave),
            };
            table.entries.insert(id, entry);
        }
        drop(table);
        let has_request = AtomicBool::new(false);
        Some(Connection(Arc::new(Held { id, peer, has_request, leave, surplus, of: self.clone() })))
    }

    /// Makes one connection give way, because the system has no resources for another one.
    pub(crate) fn make_way(&self) {
        self.table().make_one_give_way(|_| true);
    }

    /// The number of open connections, but those that were asked to give way.
    #[cfg(fuzzing)]
    pub(crate) fn open(&self) -> usize {
        self.table().entries.len()
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
        let waiting = waiting
            .filter_map(|(id, entry)| Some(((is_known(entry), entry.waits_since?, *id), &entry.leave)));
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

impl Connection {
    /// The sender's address; `None` in a test without a network.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.0.peer
    }

    /// Whether there are too many connections for this one to be served.
    pub(crate) fn is_surplus(&self) -> bool {
        self.0.surplus.is_some()
    }

    /// Notes that the head of a request has arrived: from now on the server waits for its body.
    pub(crate) fn began_request(&self) {
        self.0.has_request.store(true, Ordering::Relaxed);
        self.change(Entry::wait);
    }

    /// Notes that a request has arrived completely and no longer gives way. `false` if it was just asked to.
    pub(crate) fn received_request(&self) -> bool {
        self.change(|entry| entry.waits_since = None)
    }

    /// Notes that this connection's network has sent an authentic event.
    pub(crate) fn sent_authentic_event(&self) {
        let Some(network) = self.0.peer.map(|peer| network(peer.ip())) else { return };
        let mut table = self.0.of.table();
        if table.known.len() >= MAX_KNOWN {
            table.known.clear();
        }
        table.known.insert(network);
    }

    /// Notes that a request is answered: from now on the server waits for the next one. `refused` is whether the sender
    /// was at fault.
    pub(crate) fn ended_request(&self, refused: bool) {
        self.0.has_request.store(false, Ordering::Relaxed);
        self.change(|entry| {
            entry.refused_since = refused.then(|| entry.refused_since.unwrap_or_else(Instant::now));
            entry.wait();
        });
    }

    /// Whether there is a request that is not answered yet.
    pub(crate) fn has_request(&self) -> bool {
        self.0.has_request.load(Ordering::Relaxed)
    }

    /// Returns when this connection has to give way.
    pub(crate) async fn must_give_way(&self) {
        let told = self.0.leave.told.notified();
        if !self.0.leave.asked.load(Ordering::SeqCst) {
            told.await;
        }
    }

    /// Takes common memory, for which other connections may have to give way. Waits 250 ms at most.
    ///
    /// # Errors
    ///
    /// Fails if too little became free in that time.
    pub(crate) async fn take_memory(&self, bytes: usize) -> Result<OwnedSemaphorePermit, NoMemory> {
        let count = u32::try_from(bytes).map_err(|_| NoMemory)?;
        let memory = &self.0.of.0.memory;
        let taken = match Arc::clone(memory).try_acquire_many_owned(count) {
            Ok(taken) => taken,
            Err(_) => {
                // Those that were asked before are not asked again: waiting shows whether they free enough.
                self.0.of.table().free_memory(bytes);
                let memory = Arc::clone(memory).acquire_many_owned(count);
                tokio::time::timeout(MEMORY_TIMEOUT, memory)
                    .await
                    .map_err(|_| NoMemory)?
                    .map_err(|_| NoMemory)?
            }
        };
        self.change(|entry| entry.common_memory += bytes);
        Ok(taken)
    }

    /// Notes that what [`take_memory`](Self::take_memory) took is free again.
    pub(crate) fn freed_memory(&self) {
        self.change(|entry| entry.common_memory = 0);
    }

    /// Changes this connection's entry. `false` if it was asked to give way, and has no entry any more.
    fn change(&self, change: impl FnOnce(&mut Entry)) -> bool {
        self.0.of.table().entries.get_mut(&self.0.id).map(change).is_some()
    }
}

impl Entry {
    /// Notes that the server waits for the sender.
    fn wait(&mut self) {
        self.waits_since = Some(self.refused_since.unwrap_or_else(Instant::now));
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
