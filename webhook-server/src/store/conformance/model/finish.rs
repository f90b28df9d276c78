//! Ending runs.

use super::*;

impl Data {
    pub(super) fn finish(&mut self, ticket: Ticket, end: Disposition, now: i64) -> FinishResult {
        let was_ours = self.end_run(ticket, end, now);
        FinishResult { was_ours, is_any_due: self.tasks.values().any(|task| task.is_due(now)) }
    }

    pub(super) fn end_run(&mut self, ticket: Ticket, end: Disposition, now: i64) -> bool {
        let running = self.tasks.get_mut(&ticket.task).filter(|task| task.state == State::Running);
        let Some(task) = running.filter(|task| task.fence == ticket.fence) else { return false };
        let was_cleared = std::mem::take(&mut task.is_cleared);
        if matches!(end, Disposition::Released) {
            // As before the claim.
            task.is_suspect |= was_cleared && task.crashes > 0;
        } else {
            task.is_suspect = false;
            task.crashes = 0;
        }
        let did_not_succeed = match &end {
            Disposition::Done | Disposition::Released => None,
            Disposition::Skipped { error } => Some((AttemptOutcome::Skipped, error.clone())),
            Disposition::Retry { error, .. } => Some((AttemptOutcome::Failed, error.clone())),
            Disposition::Parked { error, .. } => Some((AttemptOutcome::Parked, error.clone())),
        };
        let attempt = did_not_succeed.map(|(outcome, error)| task.attempt_row(outcome, Some(error), now));
        match end {
            Disposition::Done => task.close(State::Done, None, None, now),
            Disposition::Skipped { error } => task.close(State::Skipped, None, Some(error), now),
            Disposition::Parked { why, error } => task.close(State::Parked, Some(why), Some(error), now),
            Disposition::Retry { after, error } => {
                task.become_ready(now.saturating_add(millis(after)));
                task.error = Some(error);
            }
            Disposition::Released => {
                task.become_ready(now);
                task.attempt = task.attempt.saturating_sub(1);
            }
        }
        self.keep_attempts(attempt);
        self.promote(ticket.task, now);
        true
    }

    /// Keeps unsuccessful attempts, the latest ones of each task.
    pub(super) fn keep_attempts(&mut self, attempts: impl IntoIterator<Item = AttemptRow>) {
        for attempt in attempts {
            let of_task = |row: &AttemptRow| row.task == attempt.task;
            if self.attempts.iter().filter(|row| of_task(row)).count() == ATTEMPTS_KEPT
                && let Some(oldest) = self.attempts.iter().position(of_task)
            {
                self.attempts.remove(oldest);
            }
            self.attempts.push(attempt);
        }
    }

    pub(super) fn clear_suspect(&mut self, ticket: Ticket) {
        let running = self.tasks.get_mut(&ticket.task).filter(|task| task.state == State::Running);
        if let Some(task) = running.filter(|task| task.fence == ticket.fence) {
            (task.is_suspect, task.is_cleared) = (false, true);
        }
    }

    /// Makes the oldest blocked task of a lane ready, because another task has left the lane or stopped.
    pub(super) fn promote(&mut self, id: i64, now: i64) {
        let Some(Task { scope, lane: Some(lane), .. }) = self.tasks.get(&id) else { return };
        let blocked = self.open_in(scope, lane).filter(|task| task.state == State::Blocked);
        let Some(next) = blocked.min_by_key(|task| task.turn()).map(|task| task.id) else { return };
        if let Some(next) = self.tasks.get_mut(&next) {
            next.become_ready(now);
        }
    }
}
