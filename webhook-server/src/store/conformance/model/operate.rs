//! What an operator changes.

use super::*;

impl Data {
    pub(super) fn retry(&mut self, id: i64, handlers: &[HandlerId], now: i64) -> bool {
        let has_body = self.tasks.get(&id).is_some_and(|task| self.has_body(task.event));
        let known = self.tasks.get_mut(&id).filter(|task| handlers.contains(&task.handler));
        let Some(task) = known else { return false };
        let may = match task.state {
            State::Ready | State::Blocked => true,
            State::Parked => has_body,
            State::Running | State::Done | State::Skipped => false,
        };
        if may {
            task.begin_anew(now);
        }
        may
    }

    pub(super) fn skip(&mut self, id: i64, reason: String, now: i64) -> bool {
        let Some(task) = self.tasks.get_mut(&id) else { return false };
        if !matches!(task.state, State::Parked | State::Ready | State::Blocked) {
            return false;
        }
        task.close(State::Skipped, None, Some(reason), now);
        self.promote(id, now);
        true
    }

    pub(super) fn replay(&mut self, seq: i64, tasks: Vec<NewTask>, now: i64) -> Replayed {
        if !self.events.contains_key(&seq) {
            return Replayed::Unknown;
        }
        if !self.has_body(seq) {
            return Replayed::NoBody;
        }
        let (mut ready, mut done) = (0, Vec::new());
        for new in tasks {
            let is_there = self.tasks_of(seq).any(|task| task.handler == new.handler);
            if !is_there && !self.take_occurrence(seq, &new) {
                continue;
            }
            let known = self.tasks.values_mut().find(|task| task.event == seq && task.handler == new.handler);
            match known {
                Some(task) if task.state.is_open() => continue,
                Some(task) => {
                    let finished = task.finished.filter(|_| task.state == State::Done);
                    done.extend(finished.map(|at| task.attempt_row(AttemptOutcome::Done, None, at)));
                    task.begin_anew(now);
                    task.error = None;
                    task.is_replay = true;
                    task.scope = new.scope;
                    task.lane = new.lane;
                }
                None => {
                    self.insert_task(seq, new, true, now);
                }
            }
            ready += 1;
        }
        self.keep_attempts(done);
        Replayed::Ready(ready)
    }
}
