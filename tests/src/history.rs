//! What was sent to the program `durable` and what it was answered; and whether what it left behind agrees with that.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::{Connection, OpenFlags, Row};

use crate::{SECRET, program, random_below, scratch, unix_now};

/// Stands in every event that is made here, and must not stand in the log.
pub const CANARY: &str = "a customer whom nobody must know";

/// The handler of `durable` whose effect is in a transaction.
pub const TRANSACTIONAL: &str = "durable::transactional";

/// How often the handlers of `durable` may run.
const MAX_ATTEMPTS: u32 = 20;

/// The database in which the handlers of `durable` leave their effects.
pub const EFFECTS_SCHEMA: &str = "
    -- One row for each process.
    CREATE TABLE IF NOT EXISTS boot (number INTEGER PRIMARY KEY AUTOINCREMENT) STRICT;
    -- What has been done, to do it once.
    CREATE TABLE IF NOT EXISTS idempotency (
        event_id TEXT NOT NULL, handler TEXT NOT NULL, PRIMARY KEY (event_id, handler)
    ) STRICT;
    -- What was done. No key: a second effect is to be seen, not to be prevented.
    CREATE TABLE IF NOT EXISTS effect (event_id TEXT NOT NULL, handler TEXT NOT NULL, amount INTEGER NOT NULL) STRICT;
    -- Beginnings and ends of runs, in the order in which they happened.
    CREATE TABLE IF NOT EXISTS run (
        id INTEGER PRIMARY KEY AUTOINCREMENT, boot INTEGER NOT NULL, event_id TEXT NOT NULL, handler TEXT NOT NULL,
        lane TEXT NOT NULL, attempt INTEGER NOT NULL, what TEXT NOT NULL CHECK (what IN ('began', 'ended'))
    ) STRICT;";

/// The table in which `transactional` leaves its effects.
pub const EFFECT_TABLE: &str = "CREATE TABLE effect (event_id text NOT NULL)";

/// The handlers of the types that end well, sooner or later.
const HANDLERS: [(&str, &[&str]); 3] = [
    ("payment_intent.succeeded", &["durable::plain", TRANSACTIONAL]),
    ("payment_intent.created", &["durable::second_time", TRANSACTIONAL]),
    ("payment_intent.processing", &["durable::at_times", "durable::plain", TRANSACTIONAL]),
];

/// An event as it is sent.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub id: String,
    pub event_type: &'static str,
    pub amount: i64,
    pub body: String,
}

impl Delivery {
    /// Makes an event of one of some objects, of a type whose handlers end well sooner or later.
    pub fn random(number: u64, objects: u64) -> Self {
        let (event_type, _) = HANDLERS[usize::try_from(random_below(HANDLERS.len() as u64)).unwrap_or(0)];
        Self::new(event_type, number, random_below(objects), 0)
    }

    /// Makes an event that is this many bytes longer than necessary.
    pub fn new(event_type: &'static str, number: u64, object: u64, padding: usize) -> Self {
        let (id, created) = (format!("evt_Made{number:012}"), unix_now() - random_below(60));
        let amount = i64::try_from(100 + number).expect("there are not so many");
        let (kind, padding) = (event_type.split('.').next().unwrap_or_default(), "x".repeat(padding));
        let body = format!(
            r#"{{
  "id": "{id}",
  "object": "event",
  "api_version": "2026-10-28.endive",
  "created": {created},
  "data": {{
    "object": {{
      "id": "ob_{object}",
      "object": "{kind}",
      "amount": {amount},
      "description": "{CANARY}{padding}"
    }}
  }},
  "livemode": false,
  "pending_webhooks": 1,
  "request": {{ "id": null, "idempotency_key": null }},
  "type": "{event_type}"
}}"#
        );
        Self { id, event_type, amount, body }
    }
}

/// Where a `durable` keeps its files.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
}

impl Files {
    /// A folder of this name, without what a former test has left there.
    pub fn fresh(name: &str) -> Self {
        let folder = scratch(name);
        fs::remove_dir_all(&folder).and_then(|()| fs::create_dir_all(&folder)).expect("the folder is ours");
        Self { folder }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn inbox(&self) -> PathBuf {
        self.folder.join("inbox.db")
    }

    fn effects(&self) -> PathBuf {
        self.folder.join("effects.db")
    }

    /// A command for a program that is, or becomes, a server on these files.
    pub fn command(&self, executable: impl AsRef<OsStr>) -> Command {
        let mut command = program(executable);
        command.env("STRIPE_WEBHOOK_SECRET", SECRET).env("RUST_LOG", "debug");
        command.env("WEBHOOK_INBOX", self.inbox()).env("WEBHOOK_DISK_FLOOR", "0");
        command.env("DURABLE_EFFECTS", self.effects()).env_remove("DURABLE_ABORT");
        command
    }

    /// Opens the inbox, to look at it only: a server may be at work.
    #[track_caller]
    pub fn look(&self) -> Connection {
        look(&self.inbox())
    }

    /// Opens the effects, to look at them only.
    #[track_caller]
    pub fn look_at_effects(&self) -> Connection {
        look(&self.effects())
    }

    /// How many tasks are not yet done, skipped or parked.
    #[track_caller]
    pub fn open_tasks(&self) -> u64 {
        count(&self.look(), "SELECT count(*) FROM inbox_task WHERE state <= 2")
    }

    /// How many effects an event has had.
    #[track_caller]
    pub fn effects_of(&self, delivery: &Delivery) -> u64 {
        let id = &delivery.id;
        count(&self.look_at_effects(), &format!("SELECT count(*) FROM effect WHERE event_id = '{id}'"))
    }

    /// Whether an event is stored.
    #[track_caller]
    pub fn holds(&self, delivery: &Delivery) -> bool {
        let id = &delivery.id;
        count(&self.look(), &format!("SELECT count(*) FROM inbox_event WHERE event_id = '{id}'")) == 1
    }
}

#[track_caller]
fn look(path: &Path) -> Connection {
    let opened = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let db = opened.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    db.busy_timeout(crate::PATIENCE).expect("a time may be set");
    db
}

#[track_caller]
fn count(db: &Connection, query: &str) -> u64 {
    db.query_row(query, [], |row| row.get(0)).unwrap_or_else(|error| panic!("{query}: {error}"))
}

/// What was sent, and what was answered with 200.
#[derive(Debug, Default)]
pub struct History {
    pub sent: BTreeMap<String, Delivery>,
    pub acked: BTreeSet<String>,
}

/// What is left when every server has ended and no task is open.
#[derive(Debug, Default)]
pub struct Checked {
    /// What must not be.
    pub violations: Vec<String>,
    pub events: u64,
    pub unacked: u64,
    pub poisoned: u64,
}

/// A task, with what is known of its event.
struct Task {
    event_id: String,
    handler: String,
    state: u8,
    why: Option<u8>,
    attempt: u32,
}

/// `inbox_task.state` and `.why`, as the schema numbers them.
const DONE: u8 = 3;
const PARKED: u8 = 5;
const POISON: u8 = 2;

impl History {
    pub fn send(&mut self, delivery: &Delivery) {
        self.sent.insert(delivery.id.clone(), delivery.clone());
    }

    pub fn ack(&mut self, delivery: &Delivery) {
        self.acked.insert(delivery.id.clone());
    }

    /// Asserts that the files agree with this.
    #[track_caller]
    pub fn assert_agrees(&self, files: &Files, logs: &[String]) -> Checked {
        let checked = self.check(files, logs);
        assert!(
            checked.violations.is_empty(),
            "{} violations; the files are kept in {}; the first of them:\n{:#?}",
            checked.violations.len(),
            files.folder().display(),
            &checked.violations[..checked.violations.len().min(20)],
        );
        checked
    }

    /// Compares the files of servers that have ended, and their logs, with this.
    #[track_caller]
    pub fn check(&self, files: &Files, logs: &[String]) -> Checked {
        let (inbox, effects) = (files.look(), files.look_at_effects());
        let mut checked = Checked::default();
        let mut wrong = |violation: String| checked.violations.push(violation);

        let integrity: String =
            inbox.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("it can be read");
        if integrity != "ok" {
            wrong(format!("the inbox is damaged: {integrity}"));
        }
        for (process, log) in logs.iter().enumerate() {
            for text in [CANARY, &SECRET["whsec_".len()..]] {
                if let Some(line) = log.lines().find(|line| line.contains(text)) {
                    wrong(format!("confidential in the log of process {process}: {line}"));
                }
            }
        }

        let stored =
            rows(&inbox, "SELECT event_id, type FROM inbox_event", |row| Ok((row.get(0)?, row.get(1)?)));
        let stored: BTreeMap<String, String> = stored.into_iter().collect();
        let tasks = rows(
            &inbox,
            "SELECT event_id, handler, state, why, attempt \
             FROM inbox_task JOIN inbox_event ON seq = event_seq ORDER BY handler",
            |row| {
                Ok(Task {
                    event_id: row.get(0)?,
                    handler: row.get(1)?,
                    state: row.get(2)?,
                    why: row.get(3)?,
                    attempt: row.get(4)?,
                })
            },
        );
        for id in self.acked.iter().filter(|id| !stored.contains_key(*id)) {
            wrong(format!("{id} was answered with 200, and is not stored"));
        }
        for id in stored.keys().filter(|id| !self.sent.contains_key(*id)) {
            wrong(format!("{id} is stored, and was never sent"));
        }
        let mut handlers_of: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for Task { event_id, handler, state, why, attempt } in &tasks {
            handlers_of.entry(event_id).or_default().push(handler);
            match (*state, *why) {
                (..DONE, _) => wrong(format!("{handler} on {event_id} is open still, in state {state}")),
                (PARKED, Some(POISON)) => checked.poisoned += 1,
                (PARKED, _) => wrong(format!("{handler} on {event_id} is parked for reason {why:?}")),
                _ => {}
            }
            if *attempt > MAX_ATTEMPTS || *attempt == 0 {
                wrong(format!("{handler} on {event_id} had {attempt} attempts"));
            }
        }
        for (id, event_type) in &stored {
            let expected =
                HANDLERS.iter().find(|(name, _)| name == event_type).map(|(_, handlers)| *handlers);
            let found = handlers_of.get(&**id).map_or(&[][..], |handlers| handlers);
            if expected.is_some_and(|expected| expected != found) {
                wrong(format!("{id} ({event_type}) has the tasks {found:?}"));
            }
        }

        self.check_effects(&effects, &stored, &tasks, &mut wrong);
        check_runs(&effects, &stored, &tasks, &mut wrong);
        checked.events = stored.len() as u64;
        checked.unacked = stored.keys().filter(|id| !self.acked.contains(*id)).count() as u64;
        checked
    }

    /// Each event that is done has had its effect, once; no other has had one twice.
    fn check_effects(
        &self,
        effects: &Connection,
        stored: &BTreeMap<String, String>,
        tasks: &[Task],
        wrong: &mut impl FnMut(String),
    ) {
        let mut amounts: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for (id, amount) in rows(effects, "SELECT event_id, amount FROM effect", |row| {
            Ok((row.get::<_, String>(0)?, row.get(1)?))
        }) {
            amounts.entry(id).or_default().push(amount);
        }
        for (id, amounts) in &amounts {
            if !stored.contains_key(id) {
                wrong(format!("{id} has had an effect, and is not stored"));
            }
            if amounts.len() > 1 {
                wrong(format!("{id} has had {} effects", amounts.len()));
            }
            if self.sent.get(id).is_some_and(|sent| amounts.iter().any(|amount| *amount != sent.amount)) {
                wrong(format!("{id} has had another effect than it was sent for: {amounts:?}"));
            }
        }
        for task in tasks.iter().filter(|task| task.handler == TRANSACTIONAL && task.state == DONE) {
            if !amounts.contains_key(&task.event_id) {
                wrong(format!("{} is done and has had no effect", task.event_id));
            }
        }
    }
}

/// The beginning or the end of a run.
struct Note {
    boot: i64,
    handler: String,
    lane: String,
    event_id: String,
    attempt: u32,
    begins: bool,
}

impl Note {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            boot: row.get(0)?,
            handler: row.get(1)?,
            lane: row.get(2)?,
            event_id: row.get(3)?,
            attempt: row.get(4)?,
            begins: row.get(5)?,
        })
    }
}

/// No two runs of a handler in one lane overlap; each run has ended, or was cut off by the end of its process; and no
/// attempt is made twice.
fn check_runs(
    effects: &Connection,
    stored: &BTreeMap<String, String>,
    tasks: &[Task],
    wrong: &mut impl FnMut(String),
) {
    let mut boot = 0;
    // What runs in a lane of a handler.
    let mut running: BTreeMap<(String, String), (String, u32)> = BTreeMap::new();
    let mut latest: BTreeMap<(String, String), (u32, bool)> = BTreeMap::new();
    let query = "SELECT boot, handler, lane, event_id, attempt, what = 'began' FROM run ORDER BY id";
    for note in rows(effects, query, Note::read) {
        let Note { boot: in_boot, handler, lane, event_id, attempt, begins } = note;
        let run = format!("attempt {attempt} of {handler} on {event_id} ({lane}, process {in_boot})");
        if in_boot < boot {
            wrong(format!("{run} goes on in a process that had ended"));
        }
        if in_boot > boot {
            // The end of a process cuts off what it ran.
            running.clear();
            boot = in_boot;
        }
        if !stored.contains_key(&event_id) {
            wrong(format!("{run}: the event is not stored"));
        }
        let (place, task) = ((handler.clone(), lane), (event_id.clone(), handler));
        if begins {
            if let Some((other, _)) = running.insert(place, (event_id, attempt)) {
                wrong(format!("{run} begins while {other} runs in its lane"));
            }
            if latest.get(&task).is_some_and(|(before, _)| *before >= attempt) {
                wrong(format!("{run} begins after attempt {}", latest[&task].0));
            }
            latest.insert(task, (attempt, false));
        } else {
            if running.remove(&place) != Some((event_id, attempt)) {
                wrong(format!("{run} ends and has not begun"));
            }
            latest.insert(task, (attempt, true));
        }
    }
    for ((_, lane), (event_id, attempt)) in running {
        wrong(format!(
            "attempt {attempt} on {event_id} ({lane}) has not ended, nor has its process been killed"
        ));
    }
    for Task { event_id, handler, state, attempt, .. } in tasks {
        match latest.get(&(event_id.clone(), handler.clone())) {
            Some((run, _)) if run > attempt => {
                wrong(format!("{handler} ran {run} times on {event_id}, and {attempt} are counted"));
            }
            Some((_, false)) if *state == DONE => {
                wrong(format!("{handler} on {event_id} is done, and its last run did not end"));
            }
            _ => {}
        }
    }
}

#[track_caller]
fn rows<T>(db: &Connection, query: &str, read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>) -> Vec<T> {
    let mut statement = db.prepare(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    let rows = statement.query_map([], read).and_then(Iterator::collect);
    rows.unwrap_or_else(|error| panic!("{query}: {error}"))
}
