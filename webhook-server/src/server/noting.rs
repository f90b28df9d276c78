//! Noting in the inbox which signing secrets the server is configured with.

use std::sync::Arc;

use tracing::warn;

use super::Server;
use crate::reload::Reload;
use crate::report::format::chain;
use crate::secrets::ReloadedSecrets;
use crate::store::{SECRETS_NOTED_EVERY, Store};

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

    /// Notes the secrets of this moment.
    pub(super) async fn note(&self) {
        let secrets = self.secrets.iter().flat_map(|secrets| secrets.noted()).collect();
        if let Err(error) = self.store.note_secrets(secrets).await {
            warn!(error = chain(&error), "could not note in the inbox which signing secrets are configured");
        }
    }

    /// Notes the secrets when they have changed, and from time to time. Never returns.
    pub(super) async fn keep_noting(self, reload: Arc<Reload>) {
        loop {
            // Both are a reason to note them.
            let _ = tokio::time::timeout(SECRETS_NOTED_EVERY, reload.replaced()).await;
            self.note().await;
        }
    }
}
