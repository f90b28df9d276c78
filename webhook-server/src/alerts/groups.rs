//! What happened since the last alerts, in a bounded number of groups.

use std::collections::BTreeSet;

use super::alert::{Alert, AlertKind};

/// The most groups of a kind. Further ones are counted together.
const MOST: usize = 20;

/// Alerts that wait to be told, one for each group.
#[derive(Debug, Default)]
pub(super) struct Groups(Vec<Alert>);

impl Groups {
    /// Counts what happened. Returns whether it is the first of its kind here.
    pub(super) fn add(&mut self, alert: Alert) -> bool {
        let of_its_kind = self.0.iter().filter(|other| other.kind == alert.kind && !other.is_rest).count();
        let is_known = self.0.iter().any(|other| other.is_like(&alert));
        let alert = if of_its_kind >= MOST && !is_known { alert.into_rest() } else { alert };
        match self.0.iter_mut().find(|other| other.is_like(&alert)) {
            Some(known) => known.merge(alert),
            None => self.0.push(alert),
        }
        of_its_kind == 0
    }

    /// The kinds that wait.
    pub(super) fn kinds(&self) -> BTreeSet<AlertKind> {
        self.0.iter().map(|alert| alert.kind).collect()
    }

    /// Takes all that wait.
    pub(super) fn take(&mut self) -> Vec<Alert> {
        std::mem::take(&mut self.0)
    }
}
