//! What went wrong in the database, by what can be done about it.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio_postgres::error::DbError;

pub(super) use super::cause::Cause;
use super::cause::is_of_rule;
use super::requirements::Unmet;
use super::schema::SchemaProblem;
use crate::report::format::chain;
use crate::store::StoreError;

/// Why a statement failed, or a connection cannot be made.
#[derive(Clone, Debug, Error)]
pub(crate) enum Problem {
    /// The connection ended, or the server warned. The statement may have been committed.
    #[error("the database did not confirm the statement")]
    Unknown(#[source] Cause),
    /// The answer took longer than the caller waited. The statement may still be committed.
    #[error("the database did not answer within {}", humantime::format_duration(*.0))]
    Slow(Duration),
    /// No server can be reached that accepts connections.
    #[error("the database cannot be reached")]
    Unreachable(#[source] Cause),
    /// The server only reads: it is a standby, or was the primary.
    #[error("the database does not accept writes")]
    ReadOnly(#[source] Cause),
    /// It collided with another transaction. Nothing has changed; it may be tried again at once.
    #[error("the database rolled back a transaction that collided with another")]
    Collided(#[source] Cause),
    /// There is such a row already. Nothing has changed.
    #[error("the database has such a row already")]
    Taken(#[source] Cause),
    /// It waited too long for a lock, or was cancelled by the server. Nothing has changed.
    #[error("the database cancelled the statement")]
    Cancelled(#[source] Cause),
    /// The server is out of disk, memory or connections.
    #[error("the database has too little disk, memory or connections")]
    Full(#[source] Cause),
    /// It can never take a value, such as one that is too long for an index. Nothing has changed.
    #[error("the database refused a value")]
    Refused(#[source] Cause),
    /// A constraint, trigger or policy that somebody added to our tables refuses a row. Nothing has changed.
    #[error("a constraint, trigger or policy of the database refused a row")]
    Vetoed(#[source] Cause),
    /// A table or a right is missing, or the server does not let this user in.
    #[error("the database cannot be used")]
    Unusable(#[source] Cause),
    /// The server or its role is not as it must be.
    #[error("{}", .0.iter().map(|unmet| format!("\n- {unmet}")).collect::<String>())]
    Unmet(Vec<Unmet>),
    #[error(transparent)]
    Schema(#[from] SchemaProblem),
    /// The server is damaged, or the statement is wrong.
    #[error("the database failed")]
    Failed(#[source] Cause),
}

impl Problem {
    /// What an error of a connection that cannot be made means.
    pub(super) fn of_connecting(error: &tokio_postgres::Error) -> Self {
        match (error.as_db_error(), error.to_string().as_str()) {
            (Some(error), _) => match Self::of_server(error) {
                Self::Unknown(cause) | Self::Cancelled(cause) => Self::Unreachable(cause),
                problem => problem,
            },
            // There is no other way to tell what was wrong.
            (None, "authentication error" | "invalid configuration") => {
                Self::Unusable(Cause::of_driver(error))
            }
            (None, "error performing TLS handshake") if !is_of_network(error) => {
                Self::Unusable(Cause::of_driver(error))
            }
            (None, _) => Self::Unreachable(Cause::new(chain(error))),
        }
    }

    /// What an error that the server sent means.
    fn of_server(error: &DbError) -> Self {
        let (code, cause) = (error.code().code(), Cause::of_server(error));
        match (code.get(..2).unwrap_or_default(), code) {
            ("08", _) | (_, "57P01" | "57P02" | "57P03" | "57P05" | "25P03") => Self::Unknown(cause),
            // 25P02: an earlier statement of its transaction has failed, and says why.
            (_, "40001" | "40P01" | "25P02") => Self::Collided(cause),
            (_, "23505" | "42P06" | "42P07") => Self::Taken(cause),
            (_, "55P03" | "57014") => Self::Cancelled(cause),
            (_, "25006") => Self::ReadOnly(cause),
            ("53", _) => Self::Full(cause),
            ("22" | "54", _) => Self::Refused(cause),
            _ if is_of_rule(error) => Self::Vetoed(cause),
            // 09, 27 and P0 are what triggers raise, 44 is a view's option.
            ("09" | "23" | "27" | "44" | "P0", _) => Self::Vetoed(cause),
            ("28", _) | (_, "3D000" | "3F000" | "42P01" | "42703" | "42501") => Self::Unusable(cause),
            _ => Self::Failed(cause),
        }
    }

    /// What the database or the driver said, or what is wrong if neither said anything.
    pub(super) fn cause(&self) -> String {
        self.source().map_or_else(|| self.to_string(), ToString::to_string)
    }

    /// Whether a single row of several may be to blame.
    pub(super) fn may_be_of_one(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Vetoed(_) | Self::Failed(_))
    }

    /// What it means that a transaction fails like this however often it is tried: a row that is there already, and that
    /// none of our statements finds, is one that an index of somebody else has found.
    pub(super) fn again_and_again(self) -> Self {
        match self {
            Self::Taken(cause) => Self::Vetoed(cause),
            problem => problem,
        }
    }

    /// Whether no server answers.
    pub(crate) fn is_away(&self) -> bool {
        matches!(self, Self::Unknown(_) | Self::Slow(_) | Self::Unreachable(_))
    }

    /// Whether the connection is of no further use.
    pub(super) fn ends_connection(&self) -> bool {
        matches!(self, Self::Unknown(_) | Self::Slow(_) | Self::Unreachable(_) | Self::ReadOnly(_))
    }

    /// Whether it says that the database is away for now, not that something about it is wrong.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Refused(_)
            | Self::Vetoed(_)
            | Self::Unusable(_)
            | Self::Failed(_)
            | Self::Unmet(_)
            | Self::Schema(_) => false,
            Self::Unknown(_)
            | Self::Slow(_)
            | Self::Unreachable(_)
            | Self::ReadOnly(_)
            | Self::Collided(_)
            | Self::Taken(_)
            | Self::Cancelled(_)
            | Self::Full(_) => true,
        }
    }
}

/// What an error of a call means.
impl From<tokio_postgres::Error> for Problem {
    fn from(error: tokio_postgres::Error) -> Self {
        let is_of_connection =
            || error.is_closed() || error.source().is_some_and(|source| source.is::<std::io::Error>());
        match error.as_db_error() {
            Some(error) => Self::of_server(error),
            None if is_of_connection() => Self::Unknown(Cause::new(chain(&error))),
            // A value's type is wrong, or a row's. The sources may quote the value.
            None => Self::Failed(Cause::new(error.to_string())),
        }
    }
}

/// Whether a handshake failed because the connection ended.
fn is_of_network(error: &tokio_postgres::Error) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    source.is_some_and(|source| source.get_ref().is_none())
}

impl From<Problem> for StoreError {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Slow(limit) => Self::Slow(limit),
            Problem::Collided(_) | Problem::Taken(_) | Problem::Cancelled(_) => Self::Busy,
            Problem::Full(cause) if cause.has_code("53100") => Self::DiskFull,
            Problem::Refused(_) => Self::Refused(Arc::new(problem)),
            Problem::Vetoed(cause) => Self::Vetoed(Arc::new(cause)),
            Problem::Unusable(cause) => Self::Unusable(Arc::new(cause)),
            Problem::Schema(problem) => Self::Unusable(Arc::new(Cause::new(format!("it {problem}")))),
            Problem::Unmet(_) => Self::Unusable(Arc::new(problem)),
            problem if problem.may_pass() => Self::Away(Arc::new(problem)),
            problem => Self::broken(problem),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let away = StoreError::from(Problem::Unreachable(Cause::new("connection refused")));
        assert!(away.may_pass(), "{away}");
        assert_eq!(
            chain(&away),
            "the inbox's database is not available: the database cannot be reached: connection refused"
        );
        for (problem, told) in [
            (Problem::Unusable(Cause::new("no right")), "the inbox's database cannot be used: no right"),
            (SchemaProblem::NotYet.into(), "the inbox's database cannot be used: it is not an inbox yet"),
        ] {
            assert_eq!(chain(&StoreError::from(problem)), told);
        }
    }
}
