//! What a handler's attribute says about its runs: how long, how often, in which order.

use std::time::Duration;

use webhook_catalog::retry;

/// How the runs of one handler are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the macros make it, and must set every field")]
pub struct Policy {
    /// How long one run may take; `None` leaves it to the application's setting.
    pub timeout: Option<Duration>,
    /// How often and when a failed run is tried again.
    pub retry: Retry,
    /// Which runs may not overlap.
    pub order: Order,
    /// Whether the sender waits for the outcome of the first run.
    pub replies: bool,
}

impl Policy {
    /// What holds for a handler whose attribute says nothing.
    pub const DEFAULT: Self =
        Self { timeout: None, retry: Retry::DEFAULT, order: Order::DEFAULT, replies: false };
}

/// Which runs of a handler may not overlap, and which of them comes first.
///
/// Tasks with the same ordering key are in one lane. The ordering key is the event's object (of one connected account),
/// or the value of another field.
/// Stripe promises no order in which events arrive, so this orders the tasks that are waiting, not those still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the macros make it, and must set every field")]
pub struct Order {
    /// How the tasks of one lane follow each other.
    pub mode: OrderMode,
    /// The field whose value is the ordering key; `None` for the object itself.
    pub per: Option<&'static str>,
    /// The name under which several handlers share their lanes; `None` for lanes of the handler's own.
    pub group: Option<&'static str>,
}

impl Order {
    /// One run at a time for each object.
    pub const DEFAULT: Self = Self { mode: OrderMode::Serial, per: None, group: None };
}

/// How the tasks of one lane follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a server must handle every case")]
pub enum OrderMode {
    /// Never two at once, the oldest event first. A task waiting for its retry does not hold up the others.
    #[default]
    Serial,
    /// Like `Serial`, but a task waiting for its retry holds the lane until it is done, skipped or parked.
    Strict,
    /// Any number at once.
    Unordered,
}

/// How often a failed run is tried again, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the macros make it, and must set every field")]
pub struct Retry {
    /// How many runs there are at most, the first included.
    pub attempts: u32,
    /// The mean delay after the first failed run. It triples with each further one.
    pub first_delay: Duration,
    /// The longest mean delay.
    pub max_delay: Duration,
}

impl Retry {
    /// 20 runs, 5 s after the first, at most 6 h apart: three days, for which Stripe would try again as well.
    pub const DEFAULT: Self =
        Self { attempts: retry::ATTEMPTS, first_delay: retry::FIRST_DELAY, max_delay: retry::MAX_DELAY };

    /// The shortest delay, even where a shorter one is asked for: a failure that repeats must not use up the machine.
    pub const SHORTEST: Duration = retry::SHORTEST_DELAY;

    /// The longest delay, even where a longer one is asked for.
    pub const LONGEST: Duration = retry::LONGEST_DELAY;

    /// Returns how long to wait after run number `attempt` (from 1) failed.
    ///
    /// `random` is from 0 up to 1 and spreads the delay over 50 % to 150 % of its mean, so that tasks which failed
    /// together do not return together.
    pub fn delay(&self, attempt: u32, random: f64) -> Duration {
        let factor = 3_u32.checked_pow(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        let mean = self.first_delay.saturating_mul(factor).min(self.max_delay).min(Self::LONGEST);
        let spread = if random.is_finite() { 0.5 + random.clamp(0.0, 1.0) } else { 1.0 };
        mean.mul_f64(spread).clamp(Self::SHORTEST, Self::LONGEST)
    }
}
