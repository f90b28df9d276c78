//! What the database or the driver said of a problem, as far as it may be logged.
//!
//! An error's details quote rows, and so bodies. So may its sentence if somebody's function worded it, or if it is about a text
//! that is not what it must be: then only names are kept.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use tokio_postgres::error::DbError;

use crate::report::format::chain;

/// What the database or the driver said, without any value.
#[derive(Clone, Debug)]
pub(crate) struct Cause(Arc<Said>);

#[derive(Debug, Default)]
struct Said {
    /// Empty if it may quote a value.
    text: String,
    /// The SQLSTATE, if the server sent it.
    code: Option<String>,
    /// What the server named: the constraint that was violated; and if there is no text, where that was.
    names: Vec<String>,
    /// What a person can do about it, where that is known.
    remedy: Option<&'static str>,
}

impl Cause {
    /// A cause of ours.
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(Arc::new(Said { text: text.into(), ..Said::default() }))
    }

    /// What the driver said of a connection that cannot be made.
    pub(super) fn of_driver(error: &tokio_postgres::Error) -> Self {
        let text = chain(error);
        let remedy = if text.ends_with("password missing") {
            Some(
                "the server wants one, which is a part of the URL, as in postgres://USER:PASSWORD@HOST/DATABASE",
            )
        } else if text.ends_with("server does not support TLS") {
            Some(
                "set ssl = on at the server; or, if the network is safe, ask for no TLS with `sslmode=prefer` in the URL",
            )
        } else {
            None
        };
        Self(Arc::new(Said { text, remedy, ..Said::default() }))
    }

    /// What the server said, without the details.
    pub(super) fn of_server(error: &DbError) -> Self {
        let (code, quotes) = (error.code().code(), may_quote(error));
        let names = [
            error.constraint().map(|name| format!("constraint {name}")),
            error.table().filter(|_| quotes).map(|name| format!("table {name}")),
            error.where_().filter(|_| quotes).and_then(function).map(|name| format!("function {name}")),
        ];
        Self(Arc::new(Said {
            text: if quotes { String::new() } else { error.message().to_owned() },
            code: Some(code.to_owned()),
            names: names.into_iter().flatten().collect(),
            remedy: remedy(code).filter(|_| !quotes && !is_of_rule(error)),
        }))
    }

    /// Whether the server said this with the SQLSTATE.
    pub(super) fn has_code(&self, code: &str) -> bool {
        self.0.code.as_deref() == Some(code)
    }
}

/// Whether a rule that somebody else has made says that a right is missing: a policy for rows, or what a trigger raises.
pub(super) fn is_of_rule(error: &DbError) -> bool {
    error.code().code() == "42501"
        && matches!(error.routine(), Some("ExecWithCheckOptions" | "exec_stmt_raise"))
}

/// Whether the server's sentence may quote a value.
fn may_quote(error: &DbError) -> bool {
    let class = error.code().code().get(..2).unwrap_or_default();
    // About a value; or what functions raise.
    let is_of_values = ["09", "22", "27", "38", "39", "44", "P0"].contains(&class);
    // While a function ran; these also tell which row they waited for.
    let has_context = error.where_().is_some() && !["08", "40", "53", "55", "57"].contains(&class);
    is_of_values || has_context || error.routine() == Some("exec_stmt_raise")
}

/// The name of the function in which it happened, such as a trigger's.
fn function(context: &str) -> Option<&str> {
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|char| char.is_alphanumeric() || ['_', '.', '$'].contains(&char))
    };
    context.split_whitespace().find(|word| word.strip_suffix("()").is_some_and(is_name))
}

/// What a person can do, by the SQLSTATE.
fn remedy(code: &str) -> Option<&'static str> {
    Some(match code {
        "28000" => "create the role, or let it log in from here with a line in the server's pg_hba.conf",
        "28P01" => "correct the password in the URL",
        "3D000" => "create the database, or name another in the URL",
        "42501" => {
            "have the owner of the database run what `inbox migrate --print` shows, with the GRANT statements at its end"
        }
        _ => return None,
    })
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Said { text, code, names, remedy } = &*self.0;
        let code = code.iter().map(|code| format!("SQLSTATE {code}"));
        let facts = code.chain(names.iter().cloned()).collect::<Vec<_>>().join(", ");
        match (&**text, &*facts) {
            ("", facts) => f.write_str(facts)?,
            (text, "") => f.write_str(text)?,
            (text, facts) => write!(f, "{text} ({facts})")?,
        }
        remedy.map_or(Ok(()), |remedy| write!(f, ": {remedy}"))
    }
}

impl Error for Cause {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_tells_its_sqlstate_and_what_was_named() {
        let told = |text: &str, code: &str, names: &[&str]| {
            let names = names.iter().copied().map(str::to_owned).collect();
            let said =
                Said { text: text.to_owned(), code: Some(code.to_owned()), names, remedy: remedy(code) };
            Cause(Arc::new(said)).to_string()
        };
        assert_eq!(told("no space left", "53100", &[]), "no space left (SQLSTATE 53100)");
        let named = told("", "P0001", &["constraint odd", "function odd()"]);
        assert_eq!(named, "SQLSTATE P0001, constraint odd, function odd()");
    }

    #[test]
    fn a_function_is_found_in_any_language() {
        for (context, name) in [
            ("PL/pgSQL function odd() line 1 at RAISE", Some("odd()")),
            ("PL/pgSQL-Funktion shop.odd_2() Zeile 1 bei RAISE", Some("shop.odd_2()")),
            (
                "SQL statement \"SELECT 'a b()'\"\nPL/pgSQL function odd() line 3 at SQL statement",
                Some("odd()"),
            ),
            ("while updating tuple (0,1) in relation \"event\"", None),
        ] {
            assert_eq!(function(context), name, "{context}");
        }
    }
}
