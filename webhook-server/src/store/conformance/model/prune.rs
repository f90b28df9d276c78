//! Freeing what was kept long enough.

use super::*;

impl Data {
    pub(super) fn prune(&mut self, keep: Retention, cursor: i64, now: i64) -> Pruned {
        let mut pruned = Pruned::default();
        let before = |kept: Duration| now.saturating_sub(millis(kept));
        let (bodies, ids, parked) = (before(keep.bodies), before(keep.ids), before(keep.parked));
        let looked_at: Vec<i64> =
            self.events.keys().copied().filter(|seq| *seq > cursor).take(PRUNE_STEP).collect();
        let last = looked_at.last().and_then(|seq| self.events.get(seq));
        let received = last.map(|event| event.row.received_ms);
        for seq in &looked_at {
            self.prune_event(*seq, [bodies, ids, parked], &mut pruned);
        }
        // Later arrivals are too recent as well, unless the time lies in the future, which tells nothing.
        let is_recent =
            received.is_some_and(|received| received >= bodies.max(ids).max(parked) && received <= now);
        if looked_at.len() == PRUNE_STEP && !is_recent {
            pruned.next = looked_at.last().copied();
        }
        if cursor == 0 {
            let before = self.quarantine.len();
            self.quarantine.retain(|_, kept| kept.found.row.received_ms >= parked);
            pruned.quarantined = (before - self.quarantine.len()) as u64;
            let forgotten = now.saturating_sub(millis(SECRET_KEPT));
            self.secrets.retain(|_, times| times.configured >= forgotten);
        }
        pruned
    }

    /// Frees what an event does not need any more, given the times before which its body, its id and its parked tasks are
    /// old.
    pub(super) fn prune_event(&mut self, seq: i64, [bodies, ids, parked]: [i64; 3], pruned: &mut Pruned) {
        let tasks: Vec<&Task> = self.tasks_of(seq).collect();
        if tasks.iter().any(|task| task.state.is_open()) {
            return;
        }
        let is_parked = |task: &&&Task| task.state == State::Parked;
        if tasks.iter().any(|task| task.state == State::Parked) {
            if tasks.iter().filter(is_parked).all(|task| task.finished_before(parked)) {
                self.delete_event(seq);
                pruned.events += 1;
                pruned.parked += 1;
            }
            return;
        }
        if !tasks.iter().all(|task| task.finished_before(bodies)) {
            return;
        }
        let Some(event) = self.events.get_mut(&seq) else { return };
        if event.row.received_ms < ids {
            self.delete_event(seq);
            pruned.events += 1;
        } else if event.row.received_ms < bodies && event.body.take().is_some() {
            pruned.bodies += 1;
        }
    }

    pub(super) fn delete_event(&mut self, seq: i64) {
        self.events.remove(&seq);
        self.tasks.retain(|_, task| task.event != seq);
        self.occurrences.retain(|_, event| *event != seq);
        self.attempts.retain(|attempt| self.tasks.contains_key(&attempt.task));
    }
}
