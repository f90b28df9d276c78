//! Whether the process lives, and whether it should get deliveries.

use hyper::Response;

use super::Subject;
use super::answer::{failed, plain};
use super::body::AdminBody;
use crate::operate::Operations;
use crate::phase::Stage;

/// 200 if the server accepts deliveries, or else 503 and why it does not.
pub(super) fn ready(subject: &Subject) -> Response<AdminBody> {
    match (subject.phase.now(), subject.operations.as_ref().and_then(Operations::obstacle)) {
        (Stage::Starting, _) => failed(503, "starting: the inbox is not recovered yet"),
        (Stage::Draining, _) => failed(503, "stopping"),
        (Stage::Working, Some(obstacle)) => failed(503, &obstacle.to_string()),
        (Stage::Working, None) => plain(200, "ready\n"),
    }
}
