//! Whether the process lives, and whether it should get deliveries.

use std::sync::Arc;

use hyper::Response;

use super::answer::{AdminBody, failed, plain};
use crate::operate::Operations;
use crate::phase::{Phase, Stage};

/// Knows whether the server can store what arrives.
pub(super) struct Health {
    phase: Arc<Phase>,
    operations: Option<Operations>,
}

impl Health {
    pub(super) fn new(phase: Arc<Phase>, operations: Option<Operations>) -> Self {
        Self { phase, operations }
    }

    /// 200 if the server accepts deliveries, or else 503 and why it does not.
    pub(super) fn ready(&self) -> Response<AdminBody> {
        match (self.phase.now(), self.operations.as_ref().and_then(Operations::obstacle)) {
            (Stage::Starting, _) => failed(503, "starting: the inbox is not recovered yet"),
            (Stage::Draining, _) => failed(503, "stopping"),
            (Stage::Working, Some(obstacle)) => failed(503, &obstacle.to_string()),
            (Stage::Working, None) => plain(200, "ready\n"),
        }
    }
}
