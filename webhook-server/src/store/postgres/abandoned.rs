//! Connections that were given up while the server was at work on their last call.
//!
//! The server goes on with it even if the connection is closed: a commit that waits for a standby keeps its process until the
//! standby answers. So such a connection stays open until the server is done, and an instance has few of them. Otherwise
//! each new try would take one more of the server's connections. While there is no place for one more, only the look for another
//! primary (`Opener::look`) connects, and closes its connection at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::connection::Connection;
use super::problem::Problem;

/// How many an instance has at most.
const MOST: usize = 2;

/// The places for them.
#[derive(Debug)]
pub(super) struct Abandoned {
    places: Arc<Semaphore>,
}

impl Default for Abandoned {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(MOST)) }
    }
}

impl Abandoned {
    /// Waits until a connection may be replaced, and takes it: either the server is done with it, and it is closed, or there
    /// is a place for it, where it stays until then.
    ///
    /// # Errors
    ///
    /// Fails with [`Problem::Slow`] if neither is so within a limit. The connection is where it was, then.
    pub(super) async fn take(&self, former: &mut Option<Connection>, limit: Duration) -> Result<(), Problem> {
        let Some(connection) = former else { return Ok(()) };
        let replaceable = async {
            tokio::select! {
                biased;
                () = connection.settled() => Ok(None),
                place = Arc::clone(&self.places).acquire_owned() => Ok(place.ok()),
            }
        };
        let place = Connection::within(limit, replaceable).await?;
        if let (Some(connection), Some(place)) = (former.take(), place) {
            tokio::spawn(async move {
                connection.settled().await;
                drop(connection);
                drop(place);
            });
        }
        Ok(())
    }
}
