//! What the dashboard reads for a page, in an inbox with few events and in one with many.

use std::sync::Mutex;

use rusqlite::Connection;
use rusqlite::StatementStatus::VmStep;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

use crate::store::conformance::opening;
use crate::store::sqlite::file::InboxFile;
use crate::store::sqlite::{backlog, list, show};
use crate::store::{Filter, State};

/// How many rows a page has.
const PAGE: usize = 51;

/// How many of the newest tasks are ready, and how many before them are parked.
const FEW: usize = 30;

/// Events with a task each: all done but the newest.
const FILL: &str = "
    WITH RECURSIVE number (nth) AS (SELECT 1 UNION ALL SELECT nth + 1 FROM number WHERE nth < ?1)
    INSERT INTO inbox_event (seq, event_id, type, endpoint, secret_label, livemode, signed_s, received_ms, body_sha256, body)
    SELECT nth, 'evt_' || nth, 'invoice.paid', '/', 's', 1, 0, nth, X'00', X'7B7D' FROM number";
const FILL_TASKS: &str = "
    INSERT INTO inbox_task (id, event_seq, handler, scope, moment, strict, state, why, due_ms, finished_ms)
    SELECT seq, seq, 'a', 'a', 0, 0,
           CASE WHEN seq > ?1 - ?2 THEN 0 WHEN seq > ?1 - 2 * ?2 THEN 5 ELSE 3 END,
           CASE WHEN seq > ?1 - 2 * ?2 AND seq <= ?1 - ?2 THEN 0 END,
           0, CASE WHEN seq <= ?1 - ?2 THEN 0 END
    FROM inbox_event";

/// Reads what a page shows.
type Reading = Box<dyn Fn(&Connection)>;

/// Reads what a page shows, and counts the steps of SQLite's machine, of which each row takes some.
fn steps(db: &mut Connection, read: impl Fn(&Connection)) -> i64 {
    static STEPS: Mutex<i64> = Mutex::new(0);
    fn note(event: TraceEvent<'_>) {
        if let TraceEvent::Profile(statement, _) = event {
            *STEPS.lock().expect("no thread panics") += i64::from(statement.get_status(VmStep));
        }
    }

    *STEPS.lock().expect("no thread panics") = 0;
    // Counts begin anew with a statement that is compiled anew.
    db.flush_prepared_statement_cache();
    let _ = db.trace_v2(TraceEventCodes::SQLITE_TRACE_PROFILE, Some(note as fn(TraceEvent<'_>)));
    read(db);
    let _ = db.trace_v2(TraceEventCodes::empty(), None::<fn(TraceEvent<'_>)>);
    *STEPS.lock().expect("no thread panics")
}

#[test]
fn a_page_reads_no_more_of_a_large_inbox_than_of_a_small_one() {
    let page = |filter: Filter| Filter { limit: PAGE, ..filter };
    let all = Filter::default;
    let tasks =
        |filter: Filter| move |db: &Connection| drop(list::tasks(db, &filter).expect("it can be read"));
    let events =
        |filter: Filter| move |db: &Connection| drop(list::events(db, &filter).expect("it can be read"));
    let state = |state: State| Filter { state: Some(state), ..all() };
    // A section of a search, which finds nothing.
    let section = |numbers: usize| Filter {
        event_type: Some("charge.*".to_owned()),
        before: Some(i64::try_from(numbers - 500).expect("it is small")),
        ..all()
    };
    let mut sizes = [1_000, 40_000].map(|numbers: usize| {
        let folder = tempfile::tempdir().expect("there is a place for temporary files");
        let file = InboxFile::at(&folder.path().join("inbox.db"), &opening()).expect("nothing is there");
        let Ok(db) = file.open() else { panic!("a new file can be used") };
        db.execute(FILL, [numbers]).expect("it can be written");
        db.execute(FILL_TASKS, [numbers, FEW]).expect("it can be written");
        (folder, numbers, db)
    });
    let mut measure = |what: &str, read: &dyn Fn(usize) -> Reading| {
        let [small, large] = sizes.each_mut().map(|(_, numbers, db)| steps(db, read(*numbers)));
        assert!(small > 10, "{what}: nothing was counted");
        assert!(large <= small * 11 / 10, "{what}: {small} steps in a small inbox, {large} in a large one");
    };
    measure("the newest events", &|_| Box::new(events(page(all()))));
    measure("older events", &|numbers| {
        Box::new(events(page(Filter { after: Some(numbers as i64 / 2), ..all() })))
    });
    measure("the newest tasks", &|_| Box::new(tasks(page(all()))));
    measure("parked tasks", &|_| Box::new(tasks(Filter { limit: FEW, ..state(State::Parked) })));
    measure("done tasks", &|_| Box::new(tasks(page(state(State::Done)))));
    measure("a search's section of events", &|numbers| Box::new(events(page(section(numbers)))));
    measure("a search's section of tasks", &|numbers| Box::new(tasks(page(section(numbers)))));
    measure("one event", &|_| {
        Box::new(|db| assert_eq!(show::events_with_id(db, "evt_500").expect("it can be read").len(), 1))
    });
    measure("the backlog", &|_| Box::new(|db| drop(backlog::backlog(db, 0).expect("it can be read"))));
}
