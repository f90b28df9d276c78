//! A call that is under way, and what its answer says about the connection.

use std::sync::atomic::Ordering;

use super::Connection;
use crate::store::postgres::problem::{Cause, Problem};

/// A call that is under way. If it is dropped before its answer, the connection is spent.
pub(super) struct Call<'c> {
    pub(super) connection: &'c Connection,
    /// How many warnings there were before; `None` if they count for nothing.
    pub(super) warnings: Option<u64>,
    pub(super) has_ended: bool,
}

impl Call<'_> {
    /// Notes the answer, and says what it is worth.
    pub(super) fn end<T>(mut self, answer: Result<T, tokio_postgres::Error>) -> Result<T, Problem> {
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
                present.send_if_modified(|present| {
                    let is_first = present == own;
                    *present += u64::from(is_first);
                    is_first
                });
            }
        }
        answer
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.connection.is_spent.store(true, Ordering::Relaxed);
            self.connection.owes_answer.store(true, Ordering::Relaxed);
        }
    }
}
