//! The start-up report: all problems at once.
//!
//! Every check of a start adds to one list, so a person sees all mistakes in one run. The commands print it and exit with
//! code 78.

use std::fmt;

/// The problems that prevent an application from starting.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<String>);

impl Problems {
    /// Adds a problem: a sentence that says what is wrong and what to do. It may have several lines.
    pub(crate) fn add(&mut self, problem: impl fmt::Display) {
        self.0.push(problem.to_string());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the value if there are no problems, otherwise the problems.
    pub(crate) fn none_or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        writeln!(f, "cannot start: {count} problem{}", if count == 1 { "" } else { "s" })?;
        for (number, problem) in (1..).zip(&self.0) {
            let indented = problem.replace('\n', "\n     ");
            write!(f, "\n  {number}. {indented}\n")?;
        }
        Ok(())
    }
}
