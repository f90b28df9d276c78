//! What a handler's attribute says of its runs: how long, how often, in which order.

use std::time::Duration;

/// How the runs of one handler are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the macros make it, and must state every field")]
pub struct Policy {
    /// How long one run may take; `None` leaves it to the application's setting.
    pub timeout: Option<Duration>,
    /// How often and when a failed run is tried again.
    pub retry: Retry,
    /// Which runs may not overlap.
    pub order: Order,
    /// The field whose value makes the lane; `None` for the object itself.
    pub order_by: Option<&'static str>,
    /// The name under which several handlers share their lanes; `None` for lanes of the handler's own.
    pub order_group: Option<&'static str>,
    /// Whether the sender waits for the outcome of the first run.
    pub replies: bool,
}

impl Policy {
    /// What holds for a handler whose attribute says nothing.
    pub const DEFAULT: Self = Self {
        timeout: None,
        retry: Retry::DEFAULT,
        order: Order::Serial,
        order_by: None,
        order_group: None,
        replies: false,
    };
}

/// In which order the runs of one handler are made on the events of one lane.
///
/// A lane is the events of one object (of one connected account); `order_by` names another field to make lanes by, and
/// handlers with the same `order_group` share their lanes.
/// Stripe promises no order in which events arrive, so this orders what is waiting, not what is still to come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "whoever dispatches must know every case")]
pub enum Order {
    /// Never two at once in a lane, the oldest event first. One that waits for its next try lets others pass.
    #[default]
    Serial,
    /// Like `Serial`, but one that waits for its next try holds the lane until it is done, skipped or parked.
    Strict,
    /// Any number at once.
    Unordered,
}

/// How often a failed run is tried again, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the macros make it, and must state every field")]
pub struct Retry {
    /// How many runs there are at most, the first among them.
    pub max: u32,
    /// The mean delay after the first failed run; it triples with each.
    pub first: Duration,
    /// The longest mean delay.
    pub cap: Duration,
}

impl Retry {
    /// 20 runs, 5 s after the first, at most 6 h apart: three days, in which Stripe would try again as well.
    pub const DEFAULT: Self =
        Self { max: 20, first: Duration::from_secs(5), cap: Duration::from_secs(6 * 60 * 60) };

    /// The shortest delay, whatever asks for a shorter one: a failure that repeats must not fill the machine.
    pub const SHORTEST: Duration = Duration::from_secs(1);

    /// The longest delay, whatever asks for a longer one.
    pub const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

    /// Returns how long to wait after the run number `attempt` (from 1) failed.
    ///
    /// `random` is from 0 up to 1 and spreads the delay over 50 % to 150 % of its mean, so that what failed together
    /// does not return together.
    pub fn delay(&self, attempt: u32, random: f64) -> Duration {
        let factor = 3_u32.checked_pow(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        let mean = self.first.saturating_mul(factor).min(self.cap).min(Self::LONGEST);
        let spread = if random.is_finite() { 0.5 + random.clamp(0.0, 1.0) } else { 1.0 };
        mean.mul_f64(spread).clamp(Self::SHORTEST, Self::LONGEST)
    }
}
