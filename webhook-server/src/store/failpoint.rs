//! Named points at which a test lets the process die, as if its machine had.
//!
//! With the feature `failpoints`, `WEBHOOK_FAILPOINT=name` aborts the process when it gets to that point, and
//! `name:3` when it gets there for the third time. Without the feature a failpoint is nothing at all.

#[cfg(feature = "failpoints")]
macro_rules! failpoint {
    ($name:literal) => {
        $crate::store::failpoint::reached($name)
    };
}

#[cfg(not(feature = "failpoints"))]
macro_rules! failpoint {
    ($name:literal) => {};
}

pub(crate) use failpoint;

#[cfg(feature = "failpoints")]
pub(crate) fn reached(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    static AT: OnceLock<Option<(String, AtomicU32)>> = OnceLock::new();
    let at = AT.get_or_init(|| {
        let wanted = std::env::var("WEBHOOK_FAILPOINT").ok()?;
        let (name, times) = wanted.split_once(':').unwrap_or((&wanted, "1"));
        Some((name.to_owned(), AtomicU32::new(times.parse().ok()?)))
    });
    if let Some((wanted, left)) = at
        && wanted == name
        && left.fetch_sub(1, Ordering::SeqCst) == 1
    {
        std::process::abort();
    }
}
