//! One connection to the database, and its calls.
//!
//! A connection has one owner. A call is sent when its future is first polled, without waiting for the answers to earlier
//! calls: futures that are polled together, in order, go out in one flush. (Use `join!`: `try_join!` drops the rest after an
//! error.) No call is ever cancelled in the server: a caller that stops waiting gives the connection up and does not learn
//! the outcome.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::AbortHandle;
use tokio_postgres::error::{DbError, Severity};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, Row};
use tracing::{debug, warn};

use super::problem::{Cause, Problem};
use super::texts::Texts;
use super::values::Value;

/// How long calls may take, unless their caller knows better.
pub(super) const CALL_LIMIT: Duration = Duration::from_secs(10);

/// How long reading may take that may have to look at every event. While it reads, the server keeps rows that were deleted.
pub(super) const READ_LIMIT: Duration = Duration::from_secs(60);

/// A connection to the database.
pub(super) struct Connection {
    client: Client,
    texts: Arc<Texts>,
    heard: Arc<Heard>,
    /// Whether a call was not waited for, or ended the connection.
    is_spent: AtomicBool,
    /// The connections' present generation, and this one's: one that is older may lead to a former primary.
    generation: (Arc<AtomicU64>, u64),
    driver: AbortHandle,
}

/// What the server said apart from its answers.
#[derive(Debug, Default)]
struct Heard {
    /// Counts the warnings.
    warnings: AtomicU64,
}

impl Connection {
    /// Makes a connection of what the driver has connected. `generation` counts how often all connections were given up.
    pub(super) fn new<S, T>(
        (client, driver): (Client, tokio_postgres::Connection<S, T>),
        texts: Arc<Texts>,
        generation: &Arc<AtomicU64>,
    ) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let heard = Arc::new(Heard::default());
        let driver = tokio::spawn(drive(driver, Arc::clone(&heard))).abort_handle();
        let current = generation.load(Ordering::Acquire);
        let generation = (Arc::clone(generation), current);
        Self { client, texts, heard, is_spent: AtomicBool::new(false), generation, driver }
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
        let call = self.begin();
        let text = self.texts.sent(text);
        call.end(self.client.query_typed(&text, &typed(values)).await)
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

    /// Whether the server only reads.
    pub(super) async fn is_standby(&self) -> Result<bool, Problem> {
        // A warning about the login, such as that a collation is old, says nothing about this call.
        let mut call = self.begin();
        call.warnings = None;
        let text = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'";
        let rows = call.end(self.client.query_typed(text, &[]).await)?;
        Ok(rows.first().map(|row| row.try_get(0)).transpose()?.unwrap_or(false))
    }

    /// Whether it may be used for further calls. If not, drop it and make another.
    pub(super) fn is_usable(&self) -> bool {
        let (present, own) = &self.generation;
        !self.client.is_closed()
            && !self.is_spent.load(Ordering::Relaxed)
            && present.load(Ordering::Acquire) == *own
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

/// A call that is under way. If it is dropped before its answer, the connection is spent.
struct Call<'c> {
    connection: &'c Connection,
    /// How many warnings there were before; `None` if they count for nothing.
    warnings: Option<u64>,
    has_ended: bool,
}

impl Call<'_> {
    /// Notes the answer, and says what it is worth.
    fn end<T>(mut self, answer: Result<T, tokio_postgres::Error>) -> Result<T, Problem> {
        let Connection { heard, is_spent, generation, .. } = self.connection;
        self.has_ended = true;
        let warnings = heard.warnings.load(Ordering::Acquire);
        let answer = match answer {
            Ok(_) if self.warnings.is_some_and(|before| before != warnings) => {
                Err(Problem::Unknown(Cause::new("the server warned meanwhile")))
            }
            answer => answer.map_err(Problem::from),
        };
        if let Err(problem) = &answer
            && problem.ends_connection()
        {
            is_spent.store(true, Ordering::Relaxed);
            if let Problem::ReadOnly(_) = problem {
                // All others lead there, too. It counts once, however many notice.
                let (present, own) = generation;
                let _ = present.compare_exchange(*own, own + 1, Ordering::AcqRel, Ordering::Relaxed);
            }
        }
        answer
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.connection.is_spent.store(true, Ordering::Relaxed);
        }
    }
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

/// Moves the connection's messages until it ends. A warning is noted before the answer that follows it is passed on.
async fn drive<S, T>(mut driver: tokio_postgres::Connection<S, T>, heard: Arc<Heard>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match poll_fn(|context| driver.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notice(notice))) if is_warning(&notice) => {
                heard.warnings.fetch_add(1, Ordering::AcqRel);
                warn!(message = %Cause::of_server(&notice), "the inbox's database warns");
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                let problem = Problem::from(error);
                return debug!(%problem, "a connection to the inbox's database ended");
            }
            None => return,
        }
    }
}

/// Whether a notice says that something is wrong.
fn is_warning(notice: &DbError) -> bool {
    use Severity::{Debug, Info, Log, Notice};
    !matches!(notice.parsed_severity(), Some(Debug | Info | Log | Notice))
}

#[cfg(test)]
mod tests;
