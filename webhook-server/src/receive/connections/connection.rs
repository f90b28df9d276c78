//! One of the connections: what it does is noted here, and it is told here when it has to give way.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::time::Instant;

use super::network::network;
use super::{Connections, Entry, MAX_KNOWN};

/// How long a body waits for memory that others were asked to free.
const MEMORY_TIMEOUT: Duration = Duration::from_millis(250);

/// The request to give way.
#[derive(Debug, Default)]
pub(super) struct Leave {
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

impl Connection {
    pub(super) fn new(
        of: Connections,
        id: u64,
        peer: Option<SocketAddr>,
        leave: Arc<Leave>,
        surplus: Option<OwnedSemaphorePermit>,
    ) -> Self {
        Self(Arc::new(Held { id, peer, has_request: AtomicBool::new(false), leave, surplus, of }))
    }

    /// The sender's address; `None` in a test without a network.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.0.peer
    }

    /// Whether there are too many connections for this one to be served.
    pub(crate) fn is_surplus(&self) -> bool {
        self.0.surplus.is_some()
    }

    /// Notes that the server has looked for more of a request, or for the next one, and waits for it.
    pub(crate) fn waits(&self) {
        self.change(Entry::wait);
        self.0.of.0.room.notify_one();
    }

    /// Notes that the head of a request has arrived.
    pub(crate) fn began_request(&self) {
        self.0.has_request.store(true, Ordering::Relaxed);
        self.change(|entry| entry.waits_since = None);
    }

    /// Notes that a request has arrived completely and no longer gives way. `false` if it was just asked to.
    pub(crate) fn received_request(&self) -> bool {
        self.change(|entry| entry.waits_since = None)
    }

    /// Notes that this connection's network has sent an authentic event.
    pub(crate) fn sent_authentic_event(&self) {
        let Some(network) = self.0.peer.map(|peer| network(peer.ip())) else { return };
        let mut table = self.0.of.table();
        if table.known.len() >= MAX_KNOWN && !table.known.contains(&network) {
            table.known.clear();
        }
        table.known.insert(network);
    }

    /// Whether this connection's network has sent an authentic event.
    #[cfg_attr(
        not(feature = "tls"),
        expect(dead_code, reason = "it decides whose TLS handshake comes first")
    )]
    pub(crate) fn is_known(&self) -> bool {
        self.0.peer.is_some_and(|peer| self.0.of.table().known.contains(&network(peer.ip())))
    }

    /// Notes that a request is answered: from now on the server waits for the next one. `refused` is whether the sender
    /// was at fault.
    pub(crate) fn ended_request(&self, refused: bool) {
        self.0.has_request.store(false, Ordering::Relaxed);
        self.change(|entry| {
            entry.refused_since = refused.then(|| entry.refused_since.unwrap_or_else(Instant::now));
            entry.waits_since = None;
            entry.wait();
        });
        self.0.of.0.room.notify_one();
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

impl Leave {
    pub(super) fn ask(&self) {
        self.asked.store(true, Ordering::SeqCst);
        self.told.notify_waiters();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.of.table().entries.remove(&self.id);
        self.of.0.room.notify_one();
    }
}
