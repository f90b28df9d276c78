//! The memory for bodies: a share of its own for each connection, and a common budget for what is longer.

use tokio::sync::OwnedSemaphorePermit;

use super::connections::Connection;
use super::outcome::Refusal;

/// The memory that each body may take without asking, in bytes. Stripe's bodies stay below: its own examples cap them
/// here.
pub(super) const OWN_MEMORY: usize = 64 * 1024;

/// The memory for what all bodies together have beyond that, in bytes; more if a single body may be longer.
pub(super) const COMMON_MEMORY: u64 = 32 * 1024 * 1024;

/// The common memory that one body holds, until this is dropped.
#[derive(Debug)]
pub(crate) struct BodyMemory {
    taken: Option<OwnedSemaphorePermit>,
    connection: Connection,
}

impl BodyMemory {
    /// Nothing yet, for a body on this connection.
    pub(super) fn of(connection: &Connection) -> Self {
        Self { taken: None, connection: connection.clone() }
    }

    /// Takes what the next chunk needs beyond the connection's own memory. `so_far` and `chunk` are in bytes.
    ///
    /// # Errors
    ///
    /// Fails with [`Refusal::NoMemory`] if other connections did not free enough in time.
    pub(super) async fn cover(&mut self, so_far: usize, chunk: usize) -> Result<(), Refusal> {
        let beyond = (so_far + chunk).saturating_sub(OWN_MEMORY.max(so_far));
        if beyond == 0 {
            return Ok(());
        }
        let more = self.connection.take_memory(beyond).await.map_err(|_| Refusal::NoMemory)?;
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            None => self.taken = Some(more),
        }
        Ok(())
    }
}

impl Drop for BodyMemory {
    fn drop(&mut self) {
        if self.taken.is_some() {
            self.connection.freed_memory();
        }
    }
}
