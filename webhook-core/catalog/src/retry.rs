//! The default retry policy and its limits, which the macros check and `webhook-core` applies.

use std::time::Duration;

/// The maximum number of runs. With these delays, they take three days, for which Stripe itself tries again, too.
pub const ATTEMPTS: u32 = 20;

/// The mean delay after the first failed run.
pub const FIRST_DELAY: Duration = Duration::from_secs(5);

/// The longest mean delay.
pub const MAX_DELAY: Duration = Duration::from_secs(6 * 60 * 60);

/// The shortest delay that a handler can set.
pub const SHORTEST_DELAY: Duration = Duration::from_secs(1);

/// The longest delay that a handler can set.
pub const LONGEST_DELAY: Duration = Duration::from_secs(24 * 60 * 60);
