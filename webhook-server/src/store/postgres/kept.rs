//! A place for one connection, which is made when it is needed and used by one caller at a time.

use std::ops::Deref;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};

use super::connection::Connection;
use super::opener::Opener;
use super::problem::{Cause, Problem};

/// How long to wait for a place for a connection that owes an answer, before looking for another primary.
const PATIENCE: Duration = Duration::from_secs(5);

/// Keeps a connection between its uses.
#[derive(Debug)]
pub(super) struct Kept {
    opener: Arc<Opener>,
    /// Whether plans are kept for a while.
    keeps_plans: bool,
    connection: Mutex<Option<Connection>>,
}

impl Kept {
    pub(super) fn new(opener: &Arc<Opener>) -> Self {
        Self { opener: Arc::clone(opener), keeps_plans: false, connection: Mutex::default() }
    }

    /// Of a loop that sends a few statements again and again.
    pub(super) fn of_loop(opener: &Arc<Opener>) -> Self {
        Self { keeps_plans: true, ..Self::new(opener) }
    }

    /// Makes calls on the connection, for a limited time. Connects first if there is no connection that can be used.
    ///
    /// # Errors
    ///
    /// Fails as the calls do, if the database cannot be reached or used, and with [`Problem::Slow`] also while it is at work
    /// on earlier calls that took too long.
    pub(super) async fn call<T>(
        &self,
        limit: Duration,
        calls: impl AsyncFnOnce(&Connection) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let connection = self.lend(limit).await?;
        let replaced = || Problem::Unknown(Cause::new("another server has taken over"));
        tokio::select! {
            biased;
            answer = Connection::within(limit, calls(&connection)) => answer,
            () = connection.replaced() => Err(replaced()),
        }
    }

    /// Waits until the connection may be replaced. If that takes long, looks for another primary: the server may hang with
    /// everything that it owes answers to.
    async fn wait_until_replaceable(
        &self,
        kept: &mut Option<Connection>,
        limit: Duration,
    ) -> Result<(), Problem> {
        let mut taking = pin!(self.opener.abandoned.take(kept, limit));
        loop {
            match tokio::time::timeout(PATIENCE.min(limit / 2), &mut taking).await {
                Ok(taken) => return taken,
                Err(_) => self.opener.look(),
            }
        }
    }

    /// Waits for the connection, and makes another if it cannot be used.
    async fn lend(&self, limit: Duration) -> Result<Lent<'_>, Problem> {
        let mut kept = self.connection.lock().await;
        if !kept.as_ref().is_some_and(Connection::is_usable) {
            self.wait_until_replaceable(&mut kept, limit).await?;
            let connection = kept.insert(self.opener.connect().await?);
            Connection::within(limit, connection.set_up(self.keeps_plans)).await?;
        }
        let lent = MutexGuard::try_map(kept, Option::as_mut);
        lent.map(Lent).map_err(|_| Problem::Unreachable(Cause::new("there is no connection")))
    }
}

/// A connection that belongs to its caller until it is dropped.
#[derive(Debug)]
struct Lent<'k>(tokio::sync::MappedMutexGuard<'k, Connection>);

impl Deref for Lent<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}
