//! How many of the process's file descriptors connections may use.

use super::MAX_CONNECTIONS;

/// What is left for the inbox's files, for handlers and for the runtime: a quarter of the descriptors, and this many at
/// least.
const RESERVE: usize = 64;

/// The fewest connections, however few descriptors there are.
const FEWEST: usize = 8;

/// The number of descriptors that connections may use.
pub(super) fn for_connections() -> usize {
    without_reserve(limit())
}

/// Says so if this process may open too few files for the connections that a server should accept: then an attacker needs
/// few connections to make those of others give way.
pub(crate) fn few_descriptors() -> Option<String> {
    let possible = for_connections();
    (possible < MAX_CONNECTIONS / 2).then(|| {
        format!(
            "this process may open so few files that the server accepts {possible} connections at once instead of \
             {MAX_CONNECTIONS}: raise the limit (`ulimit -n`, or LimitNOFILE= of systemd)"
        )
    })
}

fn without_reserve(limit: usize) -> usize {
    limit.saturating_sub(RESERVE.max(limit / 4)).max(FEWEST)
}

/// The number of files and sockets that this process may have open.
#[cfg(unix)]
fn limit() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

#[cfg(not(unix))]
fn limit() -> usize {
    usize::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_are_left_for_the_inbox() {
        for (limit, expected) in
            [(usize::MAX, usize::MAX - usize::MAX / 4), (1024, 768), (256, 192), (128, 64), (64, 8), (0, 8)]
        {
            assert_eq!(without_reserve(limit), expected, "{limit}");
        }
    }
}
