//! The secrets of an endpoint while the server runs: a file may get new ones.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use tracing::info;

use super::{Declared, NEEDED, SigningSecrets, Source, assemble, listed};
use crate::problems::Problems;
use crate::reload::file::Content;
use crate::reload::{Change, Reloadable};
use crate::settings::Sourced;
use crate::store::{CameBy, SecretName};

/// The secrets of an endpoint, and where they are read again.
pub(crate) struct ReloadedSecrets {
    endpoint: Arc<str>,
    /// Whether the program declares the endpoint. If not, messages do not name it.
    is_declared: bool,
    sources: Vec<Sourced<Source>>,
    current: RwLock<Arc<SigningSecrets>>,
}

impl ReloadedSecrets {
    /// Keeps the secrets that were read from these sources at the start.
    pub(crate) fn new(
        (endpoint, is_declared): (Arc<str>, bool),
        sources: Vec<Sourced<Source>>,
        read: SigningSecrets,
    ) -> Self {
        Self { endpoint, is_declared, sources, current: RwLock::new(Arc::new(read)) }
    }

    /// The name of each secret, and where it was read.
    #[cfg(feature = "cli")]
    pub(crate) fn places(&self) -> Vec<(SecretName, &Source)> {
        let current = self.current();
        let from = current.sources.iter().filter_map(|at| self.sources.get(*at)).map(|source| &source.value);
        current.names.iter().cloned().zip(from).collect()
    }

    /// The secrets as the inbox knows them.
    pub(crate) fn noted(&self) -> Vec<CameBy> {
        let came_by =
            |secret: &SecretName| CameBy { endpoint: Arc::clone(&self.endpoint), secret: secret.clone() };
        self.current().names.iter().map(came_by).collect()
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
        let files = self.sources.iter().filter_map(|source| match &source.value {
            Source::File(file) => Some(&**file),
            Source::Variable(_) => None,
        });
        files.collect()
    }

    fn variables(&self) -> Vec<&str> {
        super::variables(self.sources.iter())
    }

    fn replace(&self, contents: Vec<Content>) -> Result<Change, Problems> {
        let (mut contents, mut problems) = (contents.into_iter(), Problems::default());
        let next = |_: &Path| contents.next().unwrap_or_else(|| Err("it was not read".to_owned()));
        let endpoint = self.is_declared.then_some(Declared { name: &self.endpoint, variables: &[] });
        let new = assemble(&self.sources, endpoint, NEEDED, next, &mut problems);
        let old = self.current();
        if problems.is_empty() && new.is_same_as(&old) {
            return Ok(Change::None);
        }
        // What was said at the start is not said again of secrets that are the same.
        problems.settle_cautions(false);
        let new = problems.none_or(new)?;
        let (added, removed) = (listed(new.names_not_in(&old)), listed(old.names_not_in(&new)));
        let order = listed(&new.names);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        if added.is_empty() && removed.is_empty() {
            info!(endpoint = &*self.endpoint, order, "signing secrets reloaded: only their order is new");
        } else {
            info!(endpoint = &*self.endpoint, added, removed, "signing secrets reloaded");
        }
        Ok(Change::Replaced)
    }
}

impl SigningSecrets {
    /// Whether these are the same secrets under the same labels, in the same order: of several that have signed a request,
    /// the first is noted.
    fn is_same_as(&self, others: &Self) -> bool {
        self.names == others.names && self.digests == others.digests
    }

    /// The names of the secrets that others lack, or have under another label.
    fn names_not_in<'s>(&'s self, others: &Self) -> impl Iterator<Item = &'s SecretName> {
        let missing = self.entries().filter(|mine| !others.entries().any(|other| other == *mine));
        missing.map(|(name, _)| name)
    }

    /// The name and the digest of each secret.
    fn entries(&self) -> impl Iterator<Item = (&SecretName, &[u8; 32])> {
        self.names.iter().zip(&self.digests)
    }
}

/// Shows the names.
impl fmt::Debug for ReloadedSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.current().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reload::file::Text;
    use crate::settings::Origin;

    /// Of several that have signed a request, the first is noted as used: an operator who puts the new one first wants to
    /// see that one.
    #[test]
    fn an_order_that_is_new_counts() {
        let (old, new) = ("old whsec_0123456789abcdef0123", "new whsec_fedcba98765432100123");
        let sources = vec![Source::File("/nowhere/secrets".into()).by(Origin::Program)];
        let secrets = ReloadedSecrets::new(("/webhook".into(), false), sources, SigningSecrets::default());
        for (text, change, labels) in [
            (format!("{old}\n{new}"), Change::Replaced, ["old", "new"]),
            (format!("{old}\n{new}"), Change::None, ["old", "new"]),
            (format!("{new}\n{old}"), Change::Replaced, ["new", "old"]),
            (format!("{new}\n{old}"), Change::None, ["new", "old"]),
        ] {
            let changed = secrets.replace(vec![Ok(Text::of_a_test(&text))]);
            assert_eq!(changed.expect("they are valid"), change, "{text}");
            let current = secrets.current();
            assert_eq!(current.names().iter().map(|name| &*name.label).collect::<Vec<_>>(), labels, "{text}");
        }
    }
}
