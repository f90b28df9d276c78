//! When a call is repeated, and after how long, as Stripe's own libraries do it.

use std::time::Duration;

use hyper::StatusCode;
use hyper::header::HeaderMap;

use super::error::Reason;
use crate::http_client::SendError;
use crate::jitter::random;

/// How often a call is repeated.
pub(super) const MOST: u32 = 2;

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long to wait before a call is repeated for the first time, the second, and so on. Half of it is random.
pub(super) fn pause(repeated: u32) -> Duration {
    let pause = LONGEST_PAUSE.min(FIRST_PAUSE * 2_u32.saturating_pow(repeated));
    pause.mul_f64(0.5 + random() / 2.)
}

/// Whether a call with this answer, which is not a success, is repeated. Stripe may say so itself. It does not want one that
/// is over a limit again at once.
pub(super) fn repeats_after_answer(status: StatusCode, headers: &HeaderMap, reason: &Reason) -> bool {
    match headers.get("stripe-should-retry").map(|value| value.as_bytes()) {
        Some(b"true") => true,
        Some(b"false") => false,
        _ => status == StatusCode::CONFLICT || status.is_server_error() || matches!(reason, Reason::Locked),
    }
}

/// Whether a call without an answer is repeated.
pub(super) fn repeats_after_error(error: &SendError) -> bool {
    matches!(error, SendError::Broken { .. } | SendError::Connect { .. })
}
