//! How far a server is in its life, for those who ask whether it is ready.

use std::sync::atomic::{AtomicU8, Ordering};

/// A stage in the life of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The inbox is not recovered yet.
    Starting,
    Working,
    /// It was asked to stop.
    Draining,
}

/// The present stage. Stages only follow one another.
#[derive(Debug, Default)]
pub(crate) struct Phase(AtomicU8);

impl Phase {
    /// Enters a stage, unless a later one was entered before.
    pub(crate) fn enter(&self, stage: Stage) {
        self.0.fetch_max(stage as u8, Ordering::Relaxed);
    }

    #[cfg_attr(not(feature = "admin"), allow(dead_code, reason = "only the admin pages ask"))]
    pub(crate) fn now(&self) -> Stage {
        let stages = [Stage::Starting, Stage::Working, Stage::Draining];
        stages
            .into_iter()
            .find(|stage| *stage as u8 == self.0.load(Ordering::Relaxed))
            .unwrap_or(Stage::Draining)
    }
}
