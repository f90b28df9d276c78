//! When a failed run is tried again, unless a handler's attribute says otherwise. The macros check attributes against
//! these, and `webhook-core` runs handlers by them.

use std::time::Duration;

/// How many runs there are at most: with these delays, three days of them, as long as Stripe itself tries again.
pub const ATTEMPTS: u32 = 20;

/// The mean delay after the first failed run.
pub const FIRST_DELAY: Duration = Duration::from_secs(5);

/// The longest mean delay.
pub const MAX_DELAY: Duration = Duration::from_secs(6 * 60 * 60);

/// The shortest delay that can be asked for.
pub const SHORTEST_DELAY: Duration = Duration::from_secs(1);

/// The longest delay that can be asked for.
pub const LONGEST_DELAY: Duration = Duration::from_secs(24 * 60 * 60);
