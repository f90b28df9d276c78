//! What happened in each minute of the last hour, for a line that shows it at a glance.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// How many minutes are kept.
pub(crate) const MINUTES: usize = 60;

/// What happened in one minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Minute {
    /// Events that arrived for the first time.
    pub(crate) received: u64,
    /// Runs after which the handler is done with its event.
    pub(crate) handled: u64,
    /// Runs that failed or were parked.
    pub(crate) failed: u64,
}

/// The minutes of the last hour, each in the place of the one an hour before.
#[derive(Debug)]
pub(super) struct LastHour(Mutex<[(u64, Minute); MINUTES]>);

impl Default for LastHour {
    fn default() -> Self {
        Self(Mutex::new([(0, Minute::default()); MINUTES]))
    }
}

impl LastHour {
    /// Counts in the minute of `now`. If the clock has gone back, older minutes are lost one by one.
    pub(super) fn count(&self, now: SystemTime, count: impl FnOnce(&mut Minute)) {
        let number = number_of(now);
        let (of, minute) = &mut self.minutes()[place_of(number)];
        if *of != number {
            (*of, *minute) = (number, Minute::default());
        }
        count(minute);
    }

    /// The minutes until that of `now`, the oldest first.
    pub(super) fn until(&self, now: SystemTime) -> [Minute; MINUTES] {
        let (minutes, last) = (self.minutes(), number_of(now));
        std::array::from_fn(|at| {
            let number = (last + 1 + at as u64).checked_sub(MINUTES as u64);
            let found = number.map(|number| (number, minutes[place_of(number)]));
            found.filter(|(number, (of, _))| number == of).map(|(_, (_, minute))| minute).unwrap_or_default()
        })
    }

    fn minutes(&self) -> MutexGuard<'_, [(u64, Minute); MINUTES]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number of a time's minute since the Unix epoch.
fn number_of(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / 60
}

/// Where a minute is kept.
fn place_of(number: u64) -> usize {
    (number % MINUTES as u64) as usize
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(minute: u64, second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_700_000_040 + minute * 60 + second)
    }

    /// The minutes in which something was received, counted back from the present one.
    fn received(hour: &LastHour, now: SystemTime) -> Vec<(usize, u64)> {
        let minutes = hour.until(now).into_iter().rev().enumerate();
        minutes
            .filter(|(_, minute)| minute.received > 0)
            .map(|(ago, minute)| (ago, minute.received))
            .collect()
    }

    #[test]
    fn each_minute_of_the_last_hour_is_counted_and_no_older_one() {
        let hour = LastHour::default();
        assert_eq!(received(&hour, at(0, 0)), []);
        let receive = |now| hour.count(now, |minute| minute.received += 1);
        receive(at(0, 0));
        receive(at(0, 59));
        receive(at(1, 0));
        assert_eq!(received(&hour, at(1, 1)), [(0, 1), (1, 2)]);
        assert_eq!(received(&hour, at(59, 59)), [(58, 1), (59, 2)]);
        assert_eq!(received(&hour, at(60, 0)), [(59, 1)], "the first minute is over an hour ago");
        receive(at(60, 0));
        assert_eq!(received(&hour, at(60, 0)), [(0, 1), (59, 1)], "it has taken the first one's place");
        assert_eq!(received(&hour, at(300, 0)), []);
    }

    #[test]
    fn a_clock_that_goes_back_does_no_harm() {
        let hour = LastHour::default();
        hour.count(at(61, 0), |minute| minute.handled += 1);
        hour.count(at(1, 0), |minute| minute.failed += 1);
        let now = hour.until(at(1, 0))[MINUTES - 1];
        assert_eq!(now, Minute { received: 0, handled: 0, failed: 1 });
        assert_eq!(hour.until(UNIX_EPOCH), [Minute::default(); MINUTES]);
    }
}
