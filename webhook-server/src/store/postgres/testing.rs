//! Stores for tests, with a clock of their own.

use std::time::Duration;

use super::*;
use crate::store::clock::StoreClock;

/// An inbox in a schema of its own.
#[derive(Clone)]
pub(crate) struct Inbox {
    opener: Arc<Opener>,
    clock: StoreClock,
}

impl Inbox {
    pub(crate) fn new(schema: &str, clock: StoreClock) -> Self {
        Self { opener: cluster::opener(schema, Some(clock.clone())), clock }
    }

    /// Another instance.
    pub(crate) fn instance(&self, lease: Duration) -> Postgres {
        let timing = Timing {
            settles: false,
            poll: None,
            missing_handler: Duration::ZERO,
            look_share: 0,
            ..Timing::with_lease(lease)
        };
        let program = Program { name: "test".to_owned(), version: "1".to_owned(), slots: 1 };
        Postgres::new(Arc::clone(&self.opener), program, timing, self.clock.clone(), 4)
    }

    /// Lets the leases of all instances end, as if their processes had been gone for long.
    pub(crate) fn end_all(&self) {
        open::blocking(async {
            let db = self.opener.connect().await?;
            db.execute("DELETE FROM webhook.instance", &[]).await.map(drop)
        })
        .unwrap();
    }
}
