//! What is seen of an inbox that changes between two looks.

use std::convert::Infallible;

use super::*;
use crate::store::{ParkReason, State};

/// An inbox as a tail sees it, and how many events were read from it.
#[derive(Default)]
struct Inbox {
    events: BTreeMap<i64, EventRow>,
    tasks: BTreeMap<i64, TaskRow>,
    read: usize,
    /// When it was made.
    made_ms: i64,
}

impl Source for Inbox {
    type Error = Infallible;

    async fn events(&mut self, filter: Filter) -> Result<Vec<EventRow>, Infallible> {
        let newer = self.events.values().rev().filter(|row| filter.before.is_none_or(|it| row.cursor > it));
        // All of these have to be read, as far as the limit allows, to find those that match.
        let is_meant = |row: &&EventRow| filter.event_type.as_ref().is_none_or(|it| *it == row.event_type);
        let read: Vec<_> = newer.collect();
        let found: Vec<_> = read.iter().copied().filter(is_meant).take(filter.limit).cloned().collect();
        self.read += if found.len() < filter.limit { read.len() } else { found.len() };
        Ok(found)
    }

    async fn tasks(&mut self, filter: Filter) -> Result<Vec<TaskRow>, Infallible> {
        let rows = self.tasks.values().rev().filter(|row| {
            filter.event_ids.contains(&row.event_id)
                && filter.handler.as_ref().is_none_or(|handler| *handler == row.handler)
        });
        Ok(rows.cloned().collect())
    }
}

impl Inbox {
    /// An event arrives, with a task for each handler.
    fn arrives(&mut self, cursor: i64, handlers: &[&str]) {
        let event_id = format!("evt_{cursor}");
        for handler in handlers {
            let task = i64::try_from(self.tasks.len()).expect("there are few") + 1;
            let row = TaskRow {
                task,
                cursor,
                event_id: event_id.clone(),
                event_type: "invoice.paid".to_owned(),
                handler: (*handler).to_owned(),
                state: State::Ready,
                why: None,
                attempt: 0,
                received_ms: self.made_ms + cursor,
                due_ms: Some(cursor),
                started_ms: None,
                finished_ms: None,
                error: None,
            };
            self.tasks.insert(task, row);
        }
        let row = EventRow {
            cursor,
            event_id,
            event_type: "invoice.paid".to_owned(),
            endpoints: Vec::new(),
            account: None,
            object_id: None,
            created: None,
            api_version: None,
            livemode: false,
            received_ms: self.made_ms + cursor,
            deliveries: 1,
            changed_bodies: 0,
            has_body: true,
        };
        self.events.insert(cursor, row);
    }

    fn becomes(&mut self, task: i64, state: State) {
        self.tasks.get_mut(&task).expect("there is such a task").state = state;
    }

    async fn look(&mut self, tail: &mut Tail) -> Look {
        tail.look(self).await.unwrap_or_else(|never| match never {})
    }

    /// What a look shows: the events, `+` for those that have arrived, and the tasks that have changed.
    async fn seen(&mut self, tail: &mut Tail) -> Vec<(String, Vec<i64>)> {
        let shown = self.look(tail).await.changes.into_iter().map(|change| {
            let new = if change.is_new { "+" } else { "" };
            (format!("{new}{}", change.event.event_id), change.changed.into_iter().collect())
        });
        shown.collect()
    }
}

fn shown(expected: &[(&str, &[i64])]) -> Vec<(String, Vec<i64>)> {
    expected.iter().map(|(event, tasks)| ((*event).to_owned(), tasks.to_vec())).collect()
}

#[tokio::test]
async fn arrivals_and_changes_are_seen_once() {
    let mut inbox = Inbox::default();
    for cursor in 1..=3 {
        inbox.arrives(cursor, &["a"]);
    }
    let mut tail = Tail::with_latest(Filter::default(), 2);
    assert_eq!(inbox.seen(&mut tail).await, shown(&[("+evt_2", &[2]), ("+evt_3", &[3])]));
    assert_eq!(inbox.seen(&mut tail).await, shown(&[]));
    inbox.arrives(4, &["a", "b"]);
    inbox.becomes(2, State::Running);
    assert_eq!(inbox.seen(&mut tail).await, shown(&[("evt_2", &[2]), ("+evt_4", &[4, 5])]));
    inbox.becomes(2, State::Done);
    inbox.becomes(5, State::Parked);
    assert_eq!(inbox.seen(&mut tail).await, shown(&[("evt_2", &[2]), ("evt_4", &[5])]));
    for task in [3, 4] {
        inbox.becomes(task, State::Done);
    }
    assert!(!tail.is_idle());
    inbox.look(&mut tail).await;
    assert!(tail.is_idle());
}

#[tokio::test]
async fn only_what_the_filter_wants_is_shown() {
    let mut inbox = Inbox::default();
    let of_handler = || Filter { handler: Some("b".to_owned()), ..Filter::default() };
    let mut of_b = Tail::with_latest(of_handler(), 0);
    let mut parked = Tail::with_latest(Filter { state: Some(State::Parked), ..of_handler() }, 10);
    let why = Some(ParkReason::Asked);
    let mut asked = Tail::with_latest(Filter { why, ..Filter::default() }, 10);
    for tail in [&mut of_b, &mut parked, &mut asked] {
        assert_eq!(inbox.seen(tail).await, shown(&[]));
    }
    inbox.arrives(1, &["a"]);
    inbox.arrives(2, &["a", "b"]);
    assert_eq!(inbox.seen(&mut of_b).await, shown(&[("+evt_2", &[3])]));
    assert_eq!(inbox.seen(&mut parked).await, shown(&[]));
    for task in [1, 3] {
        inbox.becomes(task, State::Parked);
    }
    assert_eq!(inbox.seen(&mut of_b).await, shown(&[("evt_2", &[3])]));
    assert_eq!(inbox.seen(&mut parked).await, shown(&[("evt_2", &[3])]));
    inbox.tasks.get_mut(&1).expect("it is there").why = why;
    assert_eq!(inbox.seen(&mut asked).await, shown(&[("evt_1", &[1])]));
}

#[tokio::test]
async fn what_is_too_much_is_left_out_and_counted() {
    let mut inbox = Inbox::default();
    let mut tail = Tail::with_latest(Filter::default(), 0);
    inbox.look(&mut tail).await;
    for cursor in 1..=60 {
        inbox.arrives(cursor, &["a"]);
    }
    let look = inbox.look(&mut tail).await;
    assert_eq!((look.changes.len(), look.left_out, look.is_more), (50, 10, false));
    assert_eq!(look.changes[0].event.cursor, 11, "the newest are shown");
    for cursor in 61..=1_000 {
        inbox.arrives(cursor, &["a"]);
    }
    let look = inbox.look(&mut tail).await;
    assert_eq!((look.changes.len(), look.left_out, look.is_more), (50, 450, true));
    let mut unfollowed = 0;
    for step in 0..4 {
        for cursor in 0..50 {
            inbox.arrives(1_001 + 50 * step + cursor, &["a"]);
        }
        let look = inbox.look(&mut tail).await;
        assert_eq!((look.changes.len(), look.left_out), (50, 0));
        unfollowed += look.unfollowed;
    }
    assert_eq!(unfollowed, 100, "of 300, 200 are followed");
    for task in 1..=1_200 {
        inbox.becomes(task, State::Done);
    }
    assert_eq!(inbox.look(&mut tail).await.changes.len(), 200);
}

#[tokio::test]
async fn an_event_that_is_committed_late_is_seen() {
    let mut inbox = Inbox::default();
    let mut tail = Tail::with_latest(Filter::default(), 10);
    inbox.look(&mut tail).await;
    inbox.arrives(2, &[]);
    assert_eq!(inbox.seen(&mut tail).await, shown(&[("+evt_2", &[])]));
    inbox.arrives(1, &[]);
    assert_eq!(inbox.seen(&mut tail).await, shown(&[("+evt_1", &[])]));
    assert_eq!(inbox.seen(&mut tail).await, shown(&[]));
}

#[tokio::test]
async fn another_tail_goes_on_where_one_has_ended() {
    let mut inbox = Inbox::default();
    for cursor in 1..=9 {
        inbox.arrives(cursor, &["a"]);
        inbox.becomes(cursor, if cursor == 7 { State::Running } else { State::Done });
    }
    let mut tail = Tail::with_latest(Filter::default(), 5);
    inbox.look(&mut tail).await;
    inbox.arrives(10, &[]);
    inbox.becomes(7, State::Done);
    let mut next = Tail::after(Filter::default(), tail.resume_at());
    let seen = inbox.seen(&mut next).await;
    assert_eq!(seen, shown(&[("+evt_7", &[7]), ("+evt_8", &[8]), ("+evt_9", &[9]), ("+evt_10", &[])]));
    let mut of_nothing = Tail::with_latest(Filter::default(), 5);
    Inbox::default().look(&mut of_nothing).await;
    let mut next = Tail::after(Filter::default(), of_nothing.resume_at());
    assert_eq!(inbox.look(&mut next).await.changes.len(), 10);
}

#[tokio::test]
async fn a_tail_begins_again_in_another_inbox() {
    let mut inbox = Inbox { made_ms: 100, ..Inbox::default() };
    for cursor in 1..=3 {
        inbox.arrives(cursor, &["a"]);
    }
    let of_another_inbox = [4, i64::MAX].map(|cursor| Tail::after(Filter::default(), cursor));
    let mut open = Tail::with_latest(Filter::default(), 10);
    let mut older = Inbox::default();
    older.arrives(9, &["a"]);
    assert_eq!(older.seen(&mut open).await, shown(&[("+evt_9", &[1])]));
    for mut tail in of_another_inbox.into_iter().chain([open, Tail::after(Filter::default(), i64::MIN)]) {
        let all: &[(&str, &[i64])] = &[("+evt_1", &[1]), ("+evt_2", &[2]), ("+evt_3", &[3])];
        assert_eq!(inbox.seen(&mut tail).await, shown(all));
        assert_eq!(inbox.seen(&mut tail).await, shown(&[]), "they are shown once");
    }
}

#[tokio::test]
async fn what_is_left_when_later_events_were_deleted_is_not_shown_again() {
    let mut inbox = Inbox::default();
    for cursor in 1..=9 {
        inbox.arrives(cursor, &["a"]);
        inbox.becomes(cursor, if cursor <= 3 { State::Parked } else { State::Done });
    }
    let mut tail = Tail::with_latest(Filter::default(), 2);
    assert_eq!(inbox.seen(&mut tail).await, shown(&[("+evt_8", &[8]), ("+evt_9", &[9])]));
    inbox.events.retain(|cursor, _| *cursor <= 3);
    inbox.tasks.retain(|task, _| *task <= 3);
    assert_eq!(inbox.seen(&mut tail).await, shown(&[]));
    let mut next = Tail::after(Filter::default(), tail.resume_at());
    assert_eq!(inbox.seen(&mut next).await, shown(&[]));
    inbox.arrives(10, &[]);
    for tail in [&mut tail, &mut next] {
        assert_eq!(inbox.seen(tail).await, shown(&[("+evt_10", &[])]));
    }
}

#[tokio::test]
async fn what_does_not_match_is_not_read_again_and_again() {
    let mut inbox = Inbox::default();
    for cursor in 1..=1_000 {
        inbox.arrives(cursor, &[]);
    }
    let rare = Filter { event_type: Some("payout.failed".to_owned()), ..Filter::default() };
    let mut tail = Tail::with_latest(rare, 10);
    inbox.look(&mut tail).await;
    inbox.read = 0;
    inbox.look(&mut tail).await;
    assert_eq!(inbox.read, 1, "the newest of all, and none after it");
    for cursor in 1_001..=1_100 {
        inbox.arrives(cursor, &[]);
    }
    inbox.look(&mut tail).await;
    for (_, at) in &mut tail.newest {
        *at -= 2 * OVERLAP;
    }
    inbox.look(&mut tail).await;
    inbox.read = 0;
    inbox.look(&mut tail).await;
    assert_eq!(inbox.read, 1);
}
