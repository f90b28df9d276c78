//! Opening an inbox that PostgreSQL keeps.
//!
//! A database that is away does not stop a start: the store is opened, and its operations fail until the database is back.
//! Problems that need a person are found here, if the database answers.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use tracing::warn;

use super::Postgres;
use super::connection::{CALL_LIMIT, Connection};
use super::ingest::Ingest;
use super::kept::Kept;
use super::opener::Opener;
use super::problem::{Cause, Problem};
use super::recover::Program;
use super::requirements;
use super::schema::{MIGRATIONS, Migrations, Schema, SchemaProblem};
use super::session::{Session, Timing};
use super::tasks::Tasks;
use super::url::Url;
use crate::report::format::chain;
use crate::store::clock::StoreClock;
use crate::store::{OpenError, Opening, Store};

/// Why an inbox in a database cannot be used.
#[derive(Debug)]
pub(crate) struct DatabaseError {
    /// Where the database is; `None` if the URL does not say.
    place: Option<String>,
    pub(crate) problem: Problem,
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("in PostgreSQL")?;
        if let Some(place) = &self.place {
            write!(f, " ({place})")?;
        }
        match &self.problem {
            Problem::Schema(problem) => write!(f, " {problem}"),
            Problem::Unmet(_) => write!(f, " cannot be used:{}", self.problem),
            problem if problem.is_away() => write!(f, " is away: {}", problem.cause()),
            problem => write!(f, " cannot be used: {}", problem.cause()),
        }
    }
}

impl Error for DatabaseError {}

/// How many connections an instance has apart from those that store what arrives.
pub(super) const OTHER_CONNECTIONS: usize = 3;

impl Postgres {
    /// Makes the store. It connects when it has something to do.
    pub(super) fn new(
        opener: Arc<Opener>,
        program: Program,
        timing: Timing,
        clock: StoreClock,
        connections: usize,
    ) -> Self {
        let session = Arc::new(Session::default());
        let arriving = connections.saturating_sub(OTHER_CONNECTIONS).max(1);
        Self {
            opener: Arc::clone(&opener),
            ingest: Ingest::new(Arc::clone(&opener), Arc::clone(&session), clock, arriving),
            tasks: Tasks::new(&opener, Arc::clone(&session), timing),
            upkeep: Kept::new(&opener),
            operator: Kept::new(&opener),
            settled: Default::default(),
            looks: Default::default(),
            alarms: Default::default(),
            session,
            timing,
            program,
        }
    }
}

/// Opens the inbox in a database, and brings its schema up to date. Blocks its thread meanwhile.
///
/// # Errors
///
/// Fails if a person has to do something before the database can be used, and if it is away and no events are received.
pub(crate) fn open(url: &str, opening: &Opening) -> Result<Arc<dyn Store>, OpenError> {
    let opener = opener(url, opening)?;
    let opened = blocking(async {
        let db = opener.connect().await?;
        if !opening.serves {
            return Ok(None);
        }
        Connection::within(CALL_LIMIT, requirements::too_many_connections(&db, opening.connections)).await
    });
    match opened {
        Ok(caution) => caution.iter().for_each(|caution| warn!("{caution}")),
        Err(problem) if opening.serves && may_pass(&problem) => warn!(
            problem = chain(&problem),
            database = %opener.url(),
            "the inbox's database is away: deliveries are answered with 503 until it is back"
        ),
        Err(problem) => return Err(refused(Some(opener.url()), problem)),
    }
    let program = Program {
        name: format!("{}:{}", rustix::system::uname().nodename().to_string_lossy(), std::process::id()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        slots: opening.slots.cast_signed(),
    };
    let (clock, connections) = (StoreClock::system(0), opening.connections as usize);
    Ok(Arc::new(Postgres::new(
        Arc::new(opener),
        program,
        Timing { missing_handler: opening.missing_handler, ..Timing::with_lease(opening.lease) },
        clock,
        connections,
    )))
}

/// Checks whether the database could be used, without changing anything.
///
/// # Errors
///
/// Fails if a person has to do something before it can be used.
pub(crate) fn check(url: &str, opening: &Opening) -> Result<(), OpenError> {
    look(url, opening).map(drop)
}

/// Finds out what a start would find. `None` if the database is away.
///
/// # Errors
///
/// Fails if a start could not use it.
#[cfg(feature = "cli")]
pub(crate) fn inspect(url: &str, opening: &Opening) -> Result<Option<crate::store::Condition>, OpenError> {
    use crate::store::Condition;
    Ok(look(url, opening)?.map(|schema| match schema {
        Schema::None { .. } => Condition::Absent,
        Schema::Version(version) if version < MIGRATIONS.len() => Condition::Older,
        Schema::Version(_) => Condition::Current,
    }))
}

/// What an operator should know of an inbox that can be used all the same.
pub(crate) fn cautions(url: &str) -> Vec<String> {
    Url::parse(url).ok().and_then(|url| url.caution()).into_iter().collect()
}

/// Checks a URL.
///
/// # Errors
///
/// Says what it must be instead.
pub(crate) fn check_url(url: &str) -> Result<(), String> {
    Url::parse(url).map(drop)
}

/// Connects to the database, and brings its schema up to date if that is allowed.
///
/// # Errors
///
/// Fails if the database cannot be reached or used.
#[cfg(feature = "cli")]
pub(super) async fn connect(url: &str, opening: &Opening) -> Result<Connection, OpenError> {
    let opener = opener(url, opening)?;
    opener.connect().await.map_err(|problem| refused(Some(opener.url()), problem))
}

/// Applies the migrations that the database lacks. Returns whether it lacked any.
///
/// # Errors
///
/// Fails if the database cannot be reached or used.
#[cfg(feature = "cli")]
pub(crate) async fn migrate(url: &str, opening: &Opening) -> Result<bool, OpenError> {
    let opener = opener(url, opening)?;
    let migrations = Migrations { of: &MIGRATIONS, schema: &opening.schema };
    let migrating = async {
        let db = opener.connect_unprepared().await?;
        requirements::of_server(&db).await?;
        let before = migrations.look(&db).await?;
        let is_behind = !matches!(before, Schema::Version(version) if version >= MIGRATIONS.len());
        migrations.ensure(&db, true).await.map(|()| is_behind)
    };
    migrating.await.map_err(|problem| refused(Some(opener.url()), problem))
}

/// The SQL that applies the migrations which the database lacks. Empty if it lacks none.
///
/// # Errors
///
/// Fails if the database cannot be reached or used.
#[cfg(feature = "cli")]
pub(crate) async fn migration_script(url: &str, opening: &Opening) -> Result<String, OpenError> {
    let opener = opener(url, opening)?;
    let migrations = Migrations { of: &MIGRATIONS, schema: &opening.schema };
    let looking = async {
        let db = opener.connect_unprepared().await?;
        migrations.look(&db).await
    };
    let schema = looking.await.map_err(|problem| refused(Some(opener.url()), problem))?;
    Ok(super::texts::Texts::new(&opening.schema, None).sent(&migrations.script(schema)))
}

/// What the schema contains; `None` if the database is away.
fn look(url: &str, opening: &Opening) -> Result<Option<Schema>, OpenError> {
    let opener = opener(url, opening)?;
    let migrations = Migrations { of: &MIGRATIONS, schema: &opening.schema };
    let looking = async {
        let db = opener.connect_unprepared().await?;
        let looking = async {
            requirements::of_server(&db).await?;
            let schema = migrations.look(&db).await?;
            match schema {
                Schema::None { .. } if !opening.migrates => return Err(SchemaProblem::NotYet.into()),
                Schema::Version(version) if version < MIGRATIONS.len() && !opening.migrates => {
                    return Err(SchemaProblem::Older.into());
                }
                Schema::Version(_) => requirements::of_role(&db, &opening.schema).await?,
                Schema::None { .. } => {}
            }
            Ok(schema)
        };
        Connection::within(CALL_LIMIT, looking).await
    };
    match blocking(looking) {
        Ok(schema) => Ok(Some(schema)),
        Err(problem) if may_pass(&problem) => Ok(None),
        Err(problem) => Err(refused(Some(opener.url()), problem)),
    }
}

fn opener(url: &str, opening: &Opening) -> Result<Opener, OpenError> {
    Opener::new(url, &opening.schema, opening.migrates, None).map_err(|problem| refused(None, problem))
}

/// Whether a start may go on and wait. A standby that is the only host was probably named by mistake.
fn may_pass(problem: &Problem) -> bool {
    problem.may_pass() && !matches!(problem, Problem::ReadOnly(_))
}

fn refused(url: Option<&Url>, problem: Problem) -> OpenError {
    OpenError::Database(DatabaseError { place: url.map(Url::to_string), problem })
}

/// Runs a future to its end on a thread and a runtime of its own: the caller's thread may be one of a runtime, and the
/// connections that the server uses must belong to the server's runtime.
pub(super) fn blocking<T: Send>(
    future: impl Future<Output = Result<T, Problem>> + Send,
) -> Result<T, Problem> {
    let failed = |error: &dyn fmt::Display| {
        Problem::Unusable(Cause::new(format!("no thread could be started: {error}")))
    };
    std::thread::scope(|scope| {
        let running = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(|error| failed(&error))?.block_on(future)
        });
        running.join().unwrap_or_else(|_| Err(failed(&"it panicked")))
    })
}

#[cfg(test)]
mod tests;
