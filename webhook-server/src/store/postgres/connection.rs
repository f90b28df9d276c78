//! One connection to the database, and its calls.
//!
//! A connection has one owner. A call is sent when the future of [`send`](Connection::send) is first polled, without waiting for
//! the answers to earlier calls: futures that are polled together, in order, go out in one flush. No call is ever cancelled in
//! the server: a caller that stops waiting gives the connection up and does not learn the outcome.

mod call;
mod heard;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use self::call::Call;
use self::heard::{Heard, drive};
use super::plans::{self, Plans};
use super::problem::{Cause, Problem};
use super::texts::Texts;
use super::values::{Hidden, Value};

/// How long calls may take, unless their caller knows better.
pub(super) const CALL_LIMIT: Duration = Duration::from_secs(10);

/// How long reading may take that may have to look at every event. While it reads, the server keeps rows that were deleted.
pub(super) const READ_LIMIT: Duration = Duration::from_secs(60);

/// A connection to the database.
pub(super) struct Connection {
    client: Client,
    texts: Arc<Texts>,
    plans: Plans,
    heard: Arc<Heard>,
    /// Whether a call was not waited for, or ended the connection.
    is_spent: AtomicBool,
    /// Whether a call was not waited for: the server may still be at work on it.
    owes_answer: AtomicBool,
    /// The connections' present generation, and this one's: one that is older may lead to a former primary.
    generation: (Arc<Generation>, u64),
    driver: AbortHandle,
}

/// Counts how often all connections were given up, because they lead to a server that is not the primary any more.
pub(super) type Generation = watch::Sender<u64>;

/// What is known of a server when it has been asked.
#[derive(Debug)]
pub(super) struct Server {
    /// Whether it only reads.
    pub(super) is_standby: bool,
    /// When it was started, in microseconds by its own clock. No other server has the same.
    pub(super) started: i64,
}

impl Connection {
    /// Makes a connection of what the driver has connected.
    pub(super) fn new<S, T>(
        (client, driver): (Client, tokio_postgres::Connection<S, T>),
        texts: Arc<Texts>,
        generation: &Arc<Generation>,
    ) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let heard = Arc::new(Heard::default());
        let driver = tokio::spawn(drive(driver, Arc::clone(&heard))).abort_handle();
        let generation = (Arc::clone(generation), *generation.borrow());
        let (is_spent, owes_answer) = (AtomicBool::new(false), AtomicBool::new(false));
        let plans = Plans::default();
        Self { client, texts, plans, heard, is_spent, owes_answer, generation, driver }
    }

    /// Runs one statement and returns its rows.
    ///
    /// # Errors
    ///
    /// After [`Problem::Unknown`], the statement may have taken place: also if the server warned, since a wait for a standby
    /// that was cancelled ends with a success and a warning.
    ///
    /// Cancel safety: the statement is run all the same, and the connection is spent.
    pub(super) async fn query(&self, text: &str, values: &[Value<'_>]) -> Result<Vec<Row>, Problem> {
        let text = self.planned(text, values).await?;
        self.send(&text, values).await
    }

    /// Runs one statement, in the text that [`planned`](Self::planned) returned, and returns its rows. It is sent when this is
    /// first polled.
    ///
    /// # Errors
    ///
    /// As [`query`](Self::query).
    ///
    /// Cancel safety: as [`query`](Self::query).
    pub(super) async fn send(&self, text: &str, values: &[Value<'_>]) -> Result<Vec<Row>, Problem> {
        let call = self.begin();
        let Some(plan) = self.plans.get(text) else {
            return call.end(self.client.query_typed(text, &typed(values)).await);
        };
        let hidden: Vec<Hidden<'_>> = values.iter().map(|value| Hidden(*value)).collect();
        let hidden: Vec<_> = hidden.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        let answer = self.client.query(&plan, &hidden).await;
        if answer.is_err() {
            self.plans.forget(text);
        }
        call.end(answer)
    }

    /// Runs one statement and returns how many rows it changed.
    ///
    /// # Errors
    ///
    /// As [`query`](Self::query).
    ///
    /// Cancel safety: as [`query`](Self::query).
    pub(super) async fn execute(&self, text: &str, values: &[Value<'_>]) -> Result<u64, Problem> {
        let call = self.begin();
        let text = self.texts.sent(text);
        call.end(self.client.execute_typed(&text, &typed(values)).await)
    }

    /// Sets what the server does with this connection's statements, unless there is a pool in between: it compiles none and, if
    /// that is wanted, keeps the plans of frequent ones.
    ///
    /// # Errors
    ///
    /// Fails as [`query`](Self::query) does.
    ///
    /// Cancel safety: as [`query`](Self::query).
    pub(super) async fn set_up(&self, keeps_plans: bool) -> Result<(), Problem> {
        let rows = self.query("SELECT pg_backend_pid()", &[]).await?;
        let row = rows.first().ok_or_else(|| Problem::Failed(Cause::new("a row is missing")))?;
        if plans::is_direct(&self.client, row.try_get(0)?).await {
            self.batch(plans::NOT_COMPILED).await?;
            if keeps_plans {
                self.batch(plans::KEPT).await?;
                self.plans.begin();
            }
        }
        Ok(())
    }

    /// Prepares a statement if this connection sends it often. Returns the text in which it is sent.
    ///
    /// # Errors
    ///
    /// Fails if the server refuses it.
    ///
    /// Cancel safety: as [`query`](Self::query).
    pub(super) async fn planned(&self, text: &str, values: &[Value<'_>]) -> Result<String, Problem> {
        let text = self.texts.sent(text);
        if self.plans.is_due(&text) {
            let call = self.begin();
            let types: Vec<Type> = values.iter().map(|value| value.sql_type()).collect();
            let statement = call.end(self.client.prepare_typed(&text, &types).await)?;
            self.plans.keep(&text, statement);
        }
        Ok(text)
    }

    /// Runs several statements without values, and stops at the first that fails. Warnings count for nothing.
    ///
    /// # Errors
    ///
    /// Fails if one of them does. A transaction that it began is still open then.
    pub(super) async fn batch(&self, text: &str) -> Result<(), Problem> {
        let mut call = self.begin();
        call.warnings = None;
        let text = self.texts.sent(text);
        call.end(self.client.batch_execute(&text).await)
    }

    /// Waits for calls of this connection for a limited time.
    ///
    /// # Errors
    ///
    /// Fails with [`Problem::Slow`] if they take longer: their outcome is not known, and the connection is spent.
    pub(super) async fn within<T>(
        limit: Duration,
        calls: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        tokio::time::timeout(limit, calls).await.unwrap_or(Err(Problem::Slow(limit)))
    }

    /// Asks to which server it leads.
    pub(super) async fn server(&self) -> Result<Server, Problem> {
        // A warning about the login, such as that a collation is old, says nothing about this call.
        let mut call = self.begin();
        call.warnings = None;
        let text = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on',
                           (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::int8";
        let rows = call.end(self.client.query_typed(text, &[]).await)?;
        let row = rows.first().ok_or_else(|| Problem::Failed(Cause::new("a row is missing")))?;
        Ok(Server { is_standby: row.try_get(0)?, started: row.try_get(1)? })
    }

    /// Gives all other connections up: this one leads to a server that has taken over from theirs.
    pub(super) fn replace_others(&mut self) {
        let (present, own) = &mut self.generation;
        present.send_modify(|present| {
            *present += 1;
            *own = *present;
        });
    }

    /// Whether a call was not waited for. The server may still be at work on it.
    pub(super) fn owes_answer(&self) -> bool {
        self.owes_answer.load(Ordering::Relaxed)
    }

    /// Waits until the server is not at work for it any more: every call is answered, or the connection has ended. One that
    /// may lead to a former primary is not waited for.
    ///
    /// Cancel safety: it may be called again.
    pub(super) async fn settled(&self) {
        if !self.owes_answer() {
            return;
        }
        tokio::select! {
            // The server answers in order.
            _ = self.client.query_typed("SELECT 1", &[]) => {}
            () = self.replaced() => {}
        }
    }

    /// Waits until it may lead to a former primary.
    pub(super) async fn replaced(&self) {
        let (present, own) = &self.generation;
        // The sender is at hand, so it cannot fail.
        let _ = present.subscribe().wait_for(|present| present != own).await;
    }

    /// Whether it may be used for further calls. If not, drop it and make another.
    pub(super) fn is_usable(&self) -> bool {
        let (present, own) = &self.generation;
        !self.client.is_closed() && !self.is_spent.load(Ordering::Relaxed) && *present.borrow() == *own
    }

    fn begin(&self) -> Call<'_> {
        let warnings = Some(self.heard.warnings.load(Ordering::Acquire));
        Call { connection: self, warnings, has_ended: false }
    }
}

/// The values with their types, as the driver takes them.
fn typed<'v>(values: &[Value<'v>]) -> Vec<(&'v (dyn ToSql + Sync), Type)> {
    values.iter().map(|value| (*value as &(dyn ToSql + Sync), value.sql_type())).collect()
}

/// Closes it. The server is told, unless an answer is still to come.
impl Drop for Connection {
    fn drop(&mut self) {
        if self.is_spent.load(Ordering::Relaxed) {
            self.driver.abort();
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("is_usable", &self.is_usable()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
