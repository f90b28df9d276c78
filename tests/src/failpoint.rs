//! Where a test program ends its process.

use std::process::abort;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Ends the process at the failpoint that `DURABLE_FAILPOINT` names; `name:3` when it gets there for the third time.
pub fn die_at(reached: &str) {
    static AT: OnceLock<Option<(String, AtomicU32)>> = OnceLock::new();
    let at = AT.get_or_init(|| {
        let wanted = std::env::var("DURABLE_FAILPOINT").ok()?;
        let (name, times) = wanted.split_once(':').unwrap_or((&wanted, "1"));
        Some((name.to_owned(), AtomicU32::new(times.parse().ok()?)))
    });
    if let Some((name, left)) = at
        && name == reached
        && left.fetch_sub(1, Ordering::SeqCst) == 1
    {
        abort();
    }
}
