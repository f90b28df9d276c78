//! Which facts need a person.

use std::time::Duration;

use webhook_core::{DecodeError, Envelope, VerifyError};

use super::alert::{Alert, AlertKind};
use super::lasting::Change;
use super::{Alerts, Collected};
use crate::operate::wire::Named;
use crate::receive::Via;
use crate::receive::outcome::{Handled, Outcome, Receipt, Refusal};
use crate::report::format::{chain, shortened};
use crate::report::shape::shape;
use crate::report::{AttemptEnded, Fact, Sink};
use crate::store::{Backlog, Disposition, HandlerStats, ParkReason, Recovered, StoreError};

impl Sink for Alerts {
    fn note(&self, fact: &Fact<'_>) {
        match *fact {
            Fact::Recovered { recovered, missing, .. } => self.recovered(recovered, missing),
            Fact::TakenOver { recovered } => self.recovered(recovered, &[]),
            Fact::Answered { outcome, via, .. } => self.answered(outcome, via),
            Fact::AttemptEnded(AttemptEnded {
                envelope,
                handler,
                disposition: Disposition::Parked { why, error },
                was_ours: true,
                ..
            }) => self.parked(handler, Some(envelope), *why, error),
            Fact::AttemptBlocks { envelope, handler, has_started: true, .. } => {
                let blocked = self.alert(AlertKind::Blocked, 1);
                let event_ids = vec![envelope.id.clone()];
                self.add(Alert { handler: Some(handler.to_owned()), event_ids, ..blocked });
            }
            Fact::TaskParked { envelope, handler, reason, error, .. } => {
                self.parked(handler, envelope, reason, error);
            }
            Fact::NotReloaded { what, endpoint, reason } => {
                let not_reloaded = self.alert(AlertKind::NotReloaded, 1);
                let error = Some(format!("{what}: {}", shape(reason)));
                self.add(Alert { endpoint: endpoint.map(str::to_owned), error, ..not_reloaded });
            }
            Fact::AttemptEnded(_)
            | Fact::AttemptBlocks { .. }
            | Fact::Alerted { .. }
            | Fact::Committed(_)
            | Fact::ConnectionRefused { .. }
            | Fact::Malformed { .. }
            | Fact::StoreFailed { .. }
            | Fact::StoreWorked { .. } => {}
        }
    }
}

impl Alerts {
    /// Notes what waits in the inbox; `None` if that could not be read.
    pub(crate) fn note_backlog(&self, backlog: Option<&Backlog>) {
        let (limit, mut collected) = (self.after, self.collected());
        let Collected { behind, away, .. } = &mut *collected;
        let away = away.note(backlog.is_none(), limit);
        let late = backlog.and_then(|backlog| {
            let late = u64::try_from(backlog.oldest_due_ms.unwrap_or(0)).unwrap_or(0);
            behind.note_for(Duration::from_millis(late), limit)
        });
        drop(collected);
        for (kind, change) in [(AlertKind::InboxAway, away), (AlertKind::Behind, late)] {
            let alert = self.alert(kind, 1);
            match change {
                Some(Change::TooLong(lasting)) => self.add(Alert { lasting: Some(lasting), ..alert }),
                Some(Change::Over) => self.add(Alert { is_over: true, ..alert }),
                None => {}
            }
        }
    }

    fn answered(&self, outcome: &Outcome, via: &Via) {
        self.signed(outcome, via);
        match outcome {
            Ok(Receipt::Quarantined { reason, is_new: true }) => {
                let quarantined = self.alert(AlertKind::Quarantined, 1);
                let endpoint = via.endpoint.as_deref().map(str::to_owned);
                self.add(Alert { endpoint, error: Some(shape(reason)), ..quarantined });
            }
            Ok(Receipt::Handled(handled)) => self.handled(handled),
            Err(Refusal::Inbox(error)) => self.refused(error, via),
            _ => {}
        }
        if let Ok(Receipt::Stored { .. } | Receipt::Duplicate { .. } | Receipt::Quarantined { .. }) = outcome
        {
            self.collected().refusals.stored();
        }
    }

    /// Notes an event that the inbox did not store.
    fn refused(&self, error: &StoreError, via: &Via) {
        let refused = self.collected().refusals.refused(error, self.after);
        if let Some(count) = refused {
            let not_stored = self.alert(AlertKind::NotStored, count);
            let endpoint = via.endpoint.as_deref().map(str::to_owned);
            self.add(Alert { endpoint, error: Some(shape(&chain(error))), ..not_stored });
        }
    }

    /// Notes whether a request had a right signature.
    fn signed(&self, outcome: &Outcome, via: &Via) {
        let Some(endpoint) = &via.endpoint else { return };
        let now = (self.now)();
        if via.secret.is_some() {
            return self.collected().signatures.accepted(endpoint, now);
        }
        let Err(Refusal::Verify { source: VerifyError::Mismatch { .. }, .. }) = outcome else { return };
        let refused = self.collected().signatures.refused(endpoint, now);
        if let Some((first, count)) = refused {
            let wrong = self.alert(AlertKind::WrongSignatures, count);
            self.add(Alert { first, endpoint: Some(endpoint.as_ref().to_owned()), ..wrong });
        }
    }

    /// Notes what did not fit a handler's type, in a program without an inbox.
    fn handled(&self, handled: &Handled) {
        for report in &handled.attempts {
            if report.outcome.as_ref().is_err_and(|failure| failure.cause().is::<DecodeError>()) {
                let error = report.error.as_deref().unwrap_or_default();
                self.parked(report.handler.id, Some(&handled.envelope), ParkReason::Undecodable, error);
            }
        }
    }

    /// Notes a parked task.
    fn parked(&self, handler: &str, envelope: Option<&Envelope>, why: ParkReason, error: &str) {
        let is_undecodable = why == ParkReason::Undecodable;
        let alert = self.alert(if is_undecodable { AlertKind::Undecodable } else { AlertKind::Parked }, 1);
        let of_event = envelope.filter(|_| is_undecodable);
        let error = shape(error);
        self.add(Alert {
            handler: Some(handler.to_owned()),
            reason: Some(why.name().to_owned()),
            error: Some(error).filter(|error| !error.is_empty()),
            event_type: of_event.map(|envelope| envelope.event_type.clone()),
            api_version: of_event.and_then(|envelope| shortened(&envelope.api_version)).map(str::to_owned),
            event_ids: envelope.map(|envelope| envelope.id.clone()).into_iter().collect(),
            ..alert
        });
    }

    /// Notes tasks of former processes that were parked. `missing` counts those of handlers that this program lacks, if they
    /// are known.
    fn recovered(&self, recovered: &Recovered, missing: &[HandlerStats]) {
        self.parked_at_once(None, ParkReason::Poison, recovered.poisoned);
        if missing.is_empty() {
            self.parked_at_once(None, ParkReason::NoHandler, recovered.without_handler);
        }
        for HandlerStats { handler, tasks, .. } in missing {
            self.parked_at_once(Some(handler), ParkReason::NoHandler, *tasks);
        }
    }

    fn parked_at_once(&self, handler: Option<&str>, why: ParkReason, tasks: u64) {
        if tasks > 0 {
            let parked = self.alert(AlertKind::Parked, tasks);
            let (handler, reason) = (handler.map(str::to_owned), Some(why.name().to_owned()));
            self.add(Alert { handler, reason, ..parked });
        }
    }

    fn alert(&self, kind: AlertKind, count: u64) -> Alert {
        Alert::new(kind, count, (self.now)())
    }
}
