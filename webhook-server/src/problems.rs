//! The start-up report: all problems at once.
//!
//! Every check of a start adds to one list, so a person sees all mistakes in one run. The commands print it and exit with
//! code 78. What is only doubtful is a caution: it is logged, or becomes a problem where the settings are `strict`.
//!
//! All problems have one form: the first line says what is wrong, and, if that is short, what to do; otherwise the lines
//! below it say what to do. A command folds the lines to the width of the terminal (`report/fold.rs`).

use std::fmt;

use tracing::warn;

use crate::settings::Interface;

/// A problem or a caution for the log, where each entry is one line.
pub(crate) fn in_one_line(text: &str) -> String {
    text.replace('\n', ": ")
}

/// The problems that prevent an application from starting.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Vec<String>,
    cautions: Vec<String>,
    /// What the reader can use, and so what a problem names.
    interface: Interface,
    /// What is prevented, if it is not a start.
    prevented: Option<&'static str>,
}

impl Problems {
    /// An empty report for a person who runs a command of the program.
    pub(crate) fn of_command() -> Self {
        Self { interface: Interface::CommandLine, ..Self::default() }
    }

    /// An empty report for a person who sends an event.
    #[cfg(feature = "cli")]
    pub(crate) fn of_sending() -> Self {
        Self { prevented: Some("send"), ..Self::of_command() }
    }

    /// What the reader of a problem can use.
    pub(crate) fn interface(&self) -> Interface {
        self.interface
    }

    /// Adds a problem: what is wrong and what to do, in one line or several.
    pub(crate) fn add(&mut self, problem: impl fmt::Display) {
        self.list.push(problem.to_string());
    }

    /// Adds something that an operator should change, although the application can start. In one line or several, as
    /// problems are.
    pub(crate) fn caution(&mut self, caution: impl fmt::Display) {
        self.cautions.push(caution.to_string());
    }

    /// Logs the cautions so far; or makes problems of them, if the start is to be refused for them.
    pub(crate) fn settle_cautions(&mut self, is_strict: bool) {
        for caution in std::mem::take(&mut self.cautions) {
            if is_strict {
                self.add(format_args!(
                    "{caution}\nthis is refused because of `strict`, and is otherwise a warning"
                ));
            } else {
                warn!("{}", in_one_line(&caution));
            }
        }
    }

    /// Returns the cautions so far; or makes problems of them, as [`settle_cautions`](Self::settle_cautions) does.
    #[cfg(feature = "cli")]
    pub(crate) fn take_cautions(&mut self, is_strict: bool) -> Vec<String> {
        if is_strict {
            self.settle_cautions(is_strict);
        }
        std::mem::take(&mut self.cautions)
    }

    /// The problems so far.
    pub(crate) fn list(&self) -> &[String] {
        &self.list
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns the value if there are no problems, otherwise the problems.
    pub(crate) fn none_or<T>(self, value: T) -> Result<T, Self> {
        if self.list.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.list.len();
        let prevented = self.prevented.unwrap_or("start");
        writeln!(f, "cannot {prevented}: {count} problem{}", if count == 1 { "" } else { "s" })?;
        for (number, problem) in (1..).zip(&self.list) {
            // Further lines are indented more than the text, which may be folded.
            let indented = problem.replace('\n', "\n       ");
            write!(f, "\n  {number}. {indented}\n")?;
        }
        Ok(())
    }
}
