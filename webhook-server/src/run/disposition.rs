//! Decides what follows from how a run ended and from the handler's policy: done, retry, skipped or parked.
//!
//! A function of values alone, but for the random part of a delay. What the store does with the decision is in
//! `sqlite/finish.rs`.

use webhook_core::{DecodeError, Retry, Verdict};

use super::attempt::AttemptReport;
use crate::jitter::random;
use crate::store::{Disposition, ParkReason};

/// The longest error text that is stored, in bytes.
const MAX_ERROR: usize = 4 * 1024;

/// Decides what follows from how a run ended. `retry` is the handler's policy.
pub(super) fn disposition(retry: &Retry, report: &AttemptReport) -> Disposition {
    let Err(failure) = &report.outcome else { return Disposition::Done };
    let error = storable(report.error.as_deref().unwrap_or_default());
    match failure.verdict() {
        Verdict::Skip => Disposition::Skipped { error },
        Verdict::Park if failure.cause().is::<DecodeError>() => {
            Disposition::Parked { why: ParkReason::Undecodable, error }
        }
        Verdict::Park => Disposition::Parked { why: ParkReason::Asked, error },
        _ if report.attempt >= retry.attempts => Disposition::Parked { why: ParkReason::Exhausted, error },
        Verdict::Retry { after: Some(delay) } => {
            Disposition::Retry { after: delay.clamp(Retry::SHORTEST, Retry::LONGEST), error }
        }
        _ => Disposition::Retry { after: retry.delay(report.attempt, random()), error },
    }
}

/// A handler's error as it is stored: text that any database accepts.
fn storable(error: &str) -> String {
    let mut text: String = error.chars().filter(|char| *char != '\0').collect();
    if text.len() > MAX_ERROR {
        let end = (0..=MAX_ERROR - 3).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}
