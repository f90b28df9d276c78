//! What works beside the receiving of requests.

use std::sync::Arc;

use super::Server;
use super::noting::Noting;
use crate::future::spawn;
use crate::operate::{Operations, socket};
use crate::phase::Stage;
use crate::store::InboxLocation;
use crate::store::retention::retain;

impl Server {
    /// Starts what works on the inbox in the background: operators' commands, retention, the worker and its lease. From now
    /// on the server is ready.
    pub(super) fn start_background_work(&self) {
        self.phase.enter(Stage::Working);
        let Some(inbox) = &self.inbox else { return };
        let store = Arc::clone(&inbox.worker.store);
        if let (InboxLocation::File(path), Some(operations)) = (&self.parts.settings.inbox, self.operations())
        {
            // The path as it was given: a socket's path may not be longer than about 100 bytes.
            socket::listen(path, operations);
        }
        spawn(Noting::of(self, Arc::clone(&store)).keep_noting(Arc::clone(&self.reload)));
        spawn(retain(store, self.parts.settings.retention(), inbox.recorder.clock_is_right()));
        spawn(Arc::clone(&inbox.worker).work());
        spawn(Arc::clone(&inbox.worker).keep_lease());
    }

    /// What an operator can do with the inbox; `None` without one.
    pub(super) fn operations(&self) -> Option<Operations> {
        let worker = &self.inbox.as_ref()?.worker;
        let (store, registry) = (Arc::clone(&worker.store), Arc::clone(&self.parts.registry));
        Some(Operations::new(store, registry, self.parts.settings.retention(), Some(worker.waker())))
    }
}
