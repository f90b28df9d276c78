//! What goes wrong, and when.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A fault: what goes wrong, and in which calls. Those that come first are skipped, then it happens so often.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fault {
    what: What,
    #[serde(default)]
    method: Option<String>,
    /// How the path of the call begins.
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    skip: u32,
    #[serde(default = "once")]
    times: u32,
}

/// What goes wrong.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum What {
    /// 401.
    UnknownKey,
    /// 403: the message names this permission.
    MissingPermission(String),
    /// 404: there is no such object.
    NotFound,
    /// 409.
    Conflict,
    /// 429, and what was exceeded.
    RateLimited(Option<String>),
    /// 429, because something else is changing the object.
    LockTimeout,
    /// 500.
    ServerError,
    /// An answer of this status with headers and a body of its own.
    Answer {
        /// The status.
        status: u16,
        /// The headers.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
    /// The answer comes after this time in milliseconds.
    Slow(u64),
    /// The connection is cut before anything is done.
    CutBefore,
    /// The connection is cut when everything is done, before the answer.
    CutAfter,
    /// The connection is cut within the answer, when everything is done.
    CutWithin,
    /// A page instead of JSON.
    Garbage,
    /// A body that never ends.
    Endless,
    /// A redirect to this URL.
    Redirect(String),
}

fn once() -> u32 {
    1
}

impl Fault {
    /// A fault of the next call.
    #[must_use]
    pub fn next(what: What) -> Self {
        Self { what, method: None, path: None, skip: 0, times: 1 }
    }

    /// It happens so often.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    /// Skips this many calls first.
    #[must_use]
    pub fn after(self, calls: u32) -> Self {
        Self { skip: calls, ..self }
    }

    /// Only calls with this method and with a path that begins like this count.
    #[must_use]
    pub fn of(self, method: &str, path: &str) -> Self {
        Self { method: Some(method.to_owned()), path: Some(path.to_owned()), ..self }
    }
}

impl What {
    /// The answer comes after this time.
    #[must_use]
    pub fn slow(time: Duration) -> Self {
        Self::Slow(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }
}

/// The faults to come, the earliest first.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// What goes wrong with a call: the first fault that is due.
    pub(crate) fn take(&mut self, method: &str, path: &str) -> Option<What> {
        let is_meant = |fault: &&mut Fault| {
            fault.times > 0
                && fault.method.as_deref().is_none_or(|own| own == method)
                && fault.path.as_deref().is_none_or(|own| path.starts_with(own))
        };
        let fault = self.0.iter_mut().find(is_meant)?;
        if fault.skip > 0 {
            fault.skip -= 1;
            return None;
        }
        fault.times -= 1;
        Some(fault.what.clone())
    }
}
