//! Makes connections to the database: at the start, or later if the database is away by then.
//!
//! Every connection leads to the primary. The first one also checks the server and brings the schema up to date.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tracing::debug;

use super::abandoned::Abandoned;
use super::connection::{CALL_LIMIT, Connection, Generation};
use super::problem::{Cause, Problem};
use super::requirements;
use super::schema::{MIGRATIONS, Migrations};
use super::texts::Texts;
use super::tls::Tls;
use super::unanswered::Unanswered;
use super::url::{Host, Url};
use crate::report::format::chain;
use crate::store::clock::StoreClock;

/// How long connecting to one host may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// How long the first connection may check the server and wait for other instances that apply migrations.
const PREPARE_LIMIT: Duration = Duration::from_secs(30);

/// How much time passes at least between two looks for another primary.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Connects to one database, as often as that is needed.
#[derive(Debug)]
pub(super) struct Opener {
    url: Url,
    tls: Tls,
    texts: Arc<Texts>,
    /// Whether the first connection applies migrations.
    migrates: bool,
    generation: Arc<Generation>,
    /// The connections that were given up while the server was at work on their calls.
    pub(super) abandoned: Abandoned,
    /// Held while a connection is made: they are made one at a time, so that a database that comes back is not flooded.
    turn: Arc<Mutex<Turn>>,
}

/// What is known from earlier connections.
#[derive(Debug, Default)]
struct Turn {
    /// The host that was the primary last, and when its server was started.
    host: usize,
    started: Option<i64>,
    /// Whether the server and the schema were checked.
    is_prepared: bool,
    /// A connection whose check took too long.
    unprepared: Option<Connection>,
    /// When a look for another primary began last.
    looked: Option<Instant>,
    /// By the host: the connections that were let in and got no answer.
    unanswered: Vec<Unanswered>,
}

impl Opener {
    /// `clock` replaces the database's clock, for tests.
    ///
    /// # Errors
    ///
    /// Fails if the URL is wrong, or names certificates that cannot be read.
    pub(super) fn new(
        url: &str,
        schema: &str,
        migrates: bool,
        clock: Option<StoreClock>,
    ) -> Result<Self, Problem> {
        let url = Url::parse(url).map_err(|must_be| Problem::Unusable(Cause::new(must_be)))?;
        let (tls, texts) = (Tls::of(&url)?, Arc::new(Texts::new(schema, clock)));
        let unanswered = url.hosts.iter().map(|_| Unanswered::default()).collect();
        let turn = Arc::new(Mutex::new(Turn { unanswered, ..Turn::default() }));
        let (generation, abandoned) = (Arc::default(), Abandoned::default());
        Ok(Self { url, tls, texts, migrates, generation, abandoned, turn })
    }

    /// How statements are sent.
    pub(super) fn texts(&self) -> &Texts {
        &self.texts
    }

    /// Where the database is.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Connects to the primary. The driver's task runs on the present runtime.
    ///
    /// # Errors
    ///
    /// If that may pass, as the problem says, try again later. Otherwise, a person has to do something.
    ///
    /// Cancel safety: nothing is left behind.
    pub(super) async fn connect(&self) -> Result<Connection, Problem> {
        let mut turn = self.turn.lock().await;
        if let Err(problem) = self.abandoned.take(&mut turn.unprepared, PREPARE_LIMIT).await {
            // If another server has taken over, the next call gets a connection.
            self.primary(&mut turn).await?;
            return Err(problem);
        }
        let connection = self.primary(&mut turn).await?;
        if !turn.is_prepared {
            if let Err(problem) = Connection::within(PREPARE_LIMIT, self.prepare(&connection)).await {
                turn.unprepared = Some(connection).filter(Connection::owes_answer);
                return Err(problem);
            }
            turn.is_prepared = true;
        }
        Ok(connection)
    }

    /// Looks whether another server has taken over from the primary, if nothing is connecting and it is time to look again.
    /// If one has, all connections to the former primary are given up. Does not wait for the outcome.
    ///
    /// The connection that asks is closed at once. It comes on top of those that an instance may have, one at a time.
    pub(super) fn look(self: &Arc<Self>) {
        let Ok(mut turn) = Arc::clone(&self.turn).try_lock_owned() else { return };
        if turn.looked.is_some_and(|looked| looked.elapsed() < LOOK_EVERY) {
            return;
        }
        turn.looked = Some(Instant::now());
        let opener = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(problem) = opener.primary(&mut turn).await {
                debug!(problem = chain(&problem), "no other server has taken over from the inbox's database");
            }
        });
    }

    /// Connects without checking the schema or changing it.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub(super) async fn connect_unprepared(&self) -> Result<Connection, Problem> {
        self.primary(&mut *self.turn.lock().await).await
    }

    /// Finds out whether the database can be used, and applies the migrations that it lacks.
    async fn prepare(&self, connection: &Connection) -> Result<(), Problem> {
        requirements::of_server(connection).await?;
        let migrations = Migrations { of: &MIGRATIONS, schema: self.texts.schema_name() };
        migrations.ensure(connection, self.migrates).await?;
        requirements::of_role(connection, self.texts.schema_name()).await
    }

    /// Finds the primary, beginning with the host that was it last.
    async fn primary(&self, turn: &mut Turn) -> Result<Connection, Problem> {
        let (hosts, last) = (&self.url.hosts, turn.host);
        let mut worst = None;
        for at in (0..hosts.len()).map(|nth| (last + nth) % hosts.len()) {
            match self.connect_to(&hosts[at], &mut turn.unanswered[at]).await {
                Ok((mut connection, started)) => {
                    turn.host = at;
                    // A server that another has replaced may keep its connections open, and never answer.
                    if turn.started.replace(started).is_some_and(|former| former != started) {
                        connection.replace_others();
                    }
                    return Ok(connection);
                }
                // With several hosts, a standby means that the primary is away.
                Err(Problem::ReadOnly(cause)) if hosts.len() > 1 => {
                    worst.get_or_insert(Problem::Unreachable(cause));
                }
                Err(problem) if problem.may_pass() => {
                    worst.get_or_insert(problem);
                }
                // A problem that needs a person is reported, whatever the other hosts say.
                Err(problem) => worst = Some(problem),
            }
        }
        Err(worst.unwrap_or_else(|| Problem::Unreachable(Cause::new("no host accepts connections"))))
    }

    /// Connects to a host, and makes sure that it is the primary. Also returns when that server was started.
    async fn connect_to(
        &self,
        host: &Host,
        unanswered: &mut Unanswered,
    ) -> Result<(Connection, i64), Problem> {
        if !unanswered.may_try() {
            return Err(Problem::Unreachable(Cause::new(format!(
                "{host} lets connections in, and does not answer"
            ))));
        }
        let config = self.url.config(host);
        let connecting =
            async { config.connect(self.tls.clone()).await.map_err(|error| Problem::of_connecting(&error)) };
        let connected =
            Connection::within(CONNECT_LIMIT, connecting).await.map_err(|problem| match problem {
                Problem::Slow(limit) => {
                    let limit = humantime::format_duration(limit);
                    Problem::Unreachable(Cause::new(format!("{host} did not answer within {limit}")))
                }
                problem => problem,
            })?;
        let connection = Connection::new(connected, Arc::clone(&self.texts), &self.generation);
        let server = match Connection::within(CALL_LIMIT, connection.server()).await {
            Ok(server) => server,
            Err(problem) => {
                if connection.owes_answer() {
                    unanswered.keep(connection);
                }
                return Err(problem);
            }
        };
        if server.is_standby {
            return Err(Problem::ReadOnly(Cause::new(format!("{host} is a standby, or only reads"))));
        }
        Ok((connection, server.started))
    }
}

#[cfg(test)]
mod tests;
