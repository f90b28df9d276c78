//! The secrets of an endpoint while the server runs: a file may get new ones.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use tracing::info;

use super::{NEEDED, SigningSecrets, Source, assemble};
use crate::problems::Problems;
use crate::reload::file::Content;
use crate::reload::{Change, Reloadable};

/// The secrets of an endpoint, and where they are read again.
pub(crate) struct ReloadedSecrets {
    endpoint: Arc<str>,
    /// Whether the program declares the endpoint. If not, messages do not name it.
    is_declared: bool,
    sources: Vec<Source>,
    current: RwLock<Arc<SigningSecrets>>,
}

impl ReloadedSecrets {
    /// Keeps the secrets that were read from these sources at the start.
    pub(crate) fn new(
        (endpoint, is_declared): (Arc<str>, bool),
        sources: Vec<Source>,
        read: SigningSecrets,
    ) -> Self {
        Self { endpoint, is_declared, sources, current: RwLock::new(Arc::new(read)) }
    }

    /// The secrets of this moment. A request takes them once.
    pub(crate) fn current(&self) -> Arc<SigningSecrets> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Reloadable for ReloadedSecrets {
    fn what(&self) -> &'static str {
        "signing secrets"
    }

    fn of(&self) -> Option<&str> {
        Some(&self.endpoint)
    }

    fn files(&self) -> Vec<&Path> {
        let files = self.sources.iter().filter_map(|source| match source {
            Source::File(file) => Some(&**file),
            Source::Variable(_) => None,
        });
        files.collect()
    }

    fn variables(&self) -> Vec<&str> {
        let variables = self.sources.iter().filter_map(|source| match source {
            Source::Variable(name) => Some(&**name),
            Source::File(_) => None,
        });
        variables.collect()
    }

    fn replace(&self, contents: Vec<Content>) -> Result<Change, Problems> {
        let (mut contents, mut problems) = (contents.into_iter(), Problems::default());
        let next = |_: &Path| contents.next().unwrap_or_else(|| Err("it was not read".to_owned()));
        let endpoint = self.is_declared.then_some(&*self.endpoint);
        let new = assemble(&self.sources, endpoint, NEEDED, next, &mut problems);
        problems.settle_cautions(false);
        let new = problems.none_or(new)?;
        let old = self.current();
        let (added, removed) = (new.labels_not_in(&old), old.labels_not_in(&new));
        if added.is_empty() && removed.is_empty() {
            return Ok(Change::None);
        }
        let (added, removed) = (added.join(","), removed.join(","));
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        info!(endpoint = &*self.endpoint, added, removed, "signing secrets reloaded");
        Ok(Change::Replaced)
    }
}

impl SigningSecrets {
    /// The labels of the secrets that others lack, or have under another label.
    fn labels_not_in(&self, others: &Self) -> Vec<&str> {
        let entries = |secrets: &Self| -> Vec<(Arc<str>, [u8; 32])> {
            secrets.labels.iter().cloned().zip(secrets.digests.iter().copied()).collect()
        };
        let others = entries(others);
        let mine = self.labels.iter().zip(&self.digests);
        let missing = mine.filter(|(label, digest)| !others.contains(&(Arc::clone(label), **digest)));
        missing.map(|(label, _)| &**label).collect()
    }
}

/// Shows the labels.
impl fmt::Debug for ReloadedSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.current().fmt(f)
    }
}
