//! Noting in the inbox which signing secrets the server is configured with.

use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use super::Server;
use crate::reload::Reload;
use crate::report::format::chain;
use crate::secrets::ReloadedSecrets;
use crate::store::{SECRETS_NOTED_EVERY, Store};

/// How soon it is tried again when the inbox could not take the note.
const TRIED_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// The secrets of a server, and where they are noted.
pub(super) struct Noting {
    store: Arc<dyn Store>,
    secrets: Vec<Arc<ReloadedSecrets>>,
}

impl Noting {
    pub(super) fn of(server: &Server, store: Arc<dyn Store>) -> Self {
        let secrets = server.parts.endpoints.iter().map(|endpoint| Arc::clone(&endpoint.secrets));
        Self { store, secrets: secrets.collect() }
    }

    /// Notes the secrets of this moment, and returns whether that worked. Warns if it did not, unless that `is_known`.
    pub(super) async fn note(&self, is_known: bool) -> bool {
        let secrets = self.secrets.iter().flat_map(|secrets| secrets.noted()).collect();
        let noted = self.store.note_secrets(secrets).await;
        if let (Err(error), false) = (&noted, is_known) {
            warn!(error = chain(error), "could not note in the inbox which signing secrets are configured");
        }
        noted.is_ok()
    }

    /// Notes the secrets when they have changed, and from time to time. Never returns.
    pub(super) async fn keep_noting(self, reload: Arc<Reload>) {
        let mut is_noted = true;
        loop {
            let pause = if is_noted { SECRETS_NOTED_EVERY } else { TRIED_AGAIN_AFTER };
            // Both are a reason to note them.
            let _ = tokio::time::timeout(pause, reload.replaced()).await;
            is_noted = self.note(!is_noted).await;
        }
    }
}
