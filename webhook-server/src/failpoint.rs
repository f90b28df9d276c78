//! Named points in the code at which a test program ends its process, as if the machine had failed there.
//!
//! Nothing happens at them unless the program has called [`on_failpoint`]. So the crash tests run the code that users
//! run, and no build of the workspace differs from another.

use std::sync::OnceLock;

static HOOK: OnceLock<fn(&'static str)> = OnceLock::new();

/// Calls `hook` with the name of each failpoint when the program reaches it. Only the first call counts.
pub fn on_failpoint(hook: fn(&'static str)) {
    let _ = HOOK.set(hook);
}

/// Marks a failpoint: a step at which the process may end and nothing acknowledged may be lost.
pub(crate) fn failpoint(name: &'static str) {
    if let Some(hook) = HOOK.get() {
        hook(name);
    }
}
