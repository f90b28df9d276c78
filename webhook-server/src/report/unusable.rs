//! An inbox that cannot be opened: why, and what to do.
//!
//! The cause is the store's ([`OpenError`]); the advice names settings and commands, which a store knows nothing about.

use std::borrow::Cow;

use super::format::chain;
use crate::settings::Interface;
use crate::store::OpenError;
#[cfg(feature = "postgres")]
use crate::store::postgres;
#[cfg(feature = "sqlite")]
use crate::store::sqlite::{Problem, schema::SchemaProblem};

/// One sentence for the person who starts the program.
pub(crate) fn unusable(error: &OpenError, interface: Interface) -> String {
    let cause = chain(error);
    match advice(error, interface) {
        Some(advice) => format!("the inbox {cause}: {advice}"),
        None => format!("the inbox {cause}"),
    }
}

/// What to do about it, as the end of the sentence. `None` if the cause says enough.
#[cfg_attr(
    not(any(feature = "sqlite", feature = "postgres")),
    allow(unused_variables, reason = "only problems of an inbox name settings")
)]
fn advice(error: &OpenError, interface: Interface) -> Option<Cow<'static, str>> {
    match error {
        #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
        OpenError::NotBuilt { .. } => {
            Some("enable it, or run handlers before the answer (`App::inline`)".into())
        }
        #[cfg(feature = "sqlite")]
        OpenError::File(error) => of_file(&error.problem, interface),
        #[cfg(feature = "sqlite")]
        OpenError::Memory(_) => None,
        #[cfg(feature = "postgres")]
        OpenError::Database(error) => of_database(&error.problem, interface),
    }
}

/// What to do about a problem of a database.
#[cfg(feature = "postgres")]
fn of_database(problem: &postgres::Problem, interface: Interface) -> Option<Cow<'static, str>> {
    use postgres::{Problem, SchemaProblem};
    let problem = match problem {
        Problem::Schema(problem) => problem,
        problem if problem.is_away() => {
            return Some("see whether its server runs, and whether this machine can reach it".into());
        }
        _ => return None,
    };
    Some(match problem {
        SchemaProblem::NotYet | SchemaProblem::Older => {
            let allow = interface.to_set("inbox_migrate");
            format!("run `inbox migrate`, or let a start do it with {allow}").into()
        }
        SchemaProblem::OfSomethingElse => {
            format!("name another with {}", interface.to_set("inbox_schema")).into()
        }
        SchemaProblem::Newer { .. } => "run the newer one".into(),
        SchemaProblem::OtherBuild => "run the build that made it, or name another schema".into(),
        SchemaProblem::Lacks(_) => "restore them, or name another schema".into(),
    })
}

/// What to do about a problem of a file.
#[cfg(feature = "sqlite")]
fn of_file(problem: &Problem, interface: Interface) -> Option<Cow<'static, str>> {
    Some(match problem {
        Problem::InUse { .. } => {
            let another = interface.to_set("inbox");
            format!("an inbox has one server; stop that one, or name another file with {another}").into()
        }
        Problem::Shared(_) => {
            let allow = interface.to_set("inbox_on_network_disk");
            format!(
                "choose a local disk; or, if this machine alone uses it and its locks work, allow it with {allow}"
            )
            .into()
        }
        other => plain_advice(other)?.into(),
    })
}

/// Advice that names no setting.
#[cfg(feature = "sqlite")]
fn plain_advice(problem: &Problem) -> Option<&'static str> {
    Some(match problem {
        Problem::OldSqlite { .. } => {
            "link the SQLite bundled with `rusqlite`: build the program without LIBSQLITE3_SYS_USE_PKG_CONFIG"
        }
        Problem::IsDirectory => "name a file in it",
        Problem::NoDirectory(_) => "create it",
        Problem::MountedAlone => "mount its directory instead",
        Problem::LogAlone { .. } => "restore both, or move it away",
        Problem::NotOurs { .. } | Problem::NotALock => "move it away",
        Problem::Unwritable(_) | Problem::Refused(_) => {
            "give this user the right to write it and its directory"
        }
        Problem::NotADatabase(_) => "restore it from a backup, or move it away to start with an empty inbox",
        Problem::Damaged(_) => "restore it from a backup, or recover what is left with `sqlite3 … .recover`",
        Problem::Locked(_) => "end that program",
        Problem::Schema(schema) => match schema {
            SchemaProblem::NotYet => "`serve` creates or updates it",
            SchemaProblem::OfSomethingElse => "name another file",
            SchemaProblem::Newer { .. } => "run the newer one",
            SchemaProblem::OtherBuild => {
                "run the build that made it until its tasks are done, or move the file away to start with an empty \
                 inbox"
            }
            SchemaProblem::Lacks(_) => {
                "restore it from a backup, or move it away to start with an empty inbox"
            }
        },
        Problem::Full
        | Problem::InUse { .. }
        | Problem::Shared(_)
        | Problem::Unreadable(_)
        | Problem::Unlockable(_)
        | Problem::NoThread(_)
        | Problem::NoLog { .. }
        | Problem::Sqlite(_)
        | Problem::Beside { .. } => return None,
    })
}
