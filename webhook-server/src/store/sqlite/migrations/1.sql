-- The inbox: what arrived, and what is to be done about it. Times end in _ms (since the Unix epoch) or _s.
-- The row that changes often, the task, is narrow; the body is written once, in the event's row.

CREATE TABLE inbox_event (
    -- Never reused, so the order of arrival outlives what is deleted.
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id       TEXT NOT NULL,
    type           TEXT NOT NULL,
    endpoint       TEXT NOT NULL,
    account        TEXT,
    object_id      TEXT,
    created_s      INTEGER,
    api_version    TEXT,
    livemode       INTEGER NOT NULL,
    signed_s       INTEGER NOT NULL,
    received_ms    INTEGER NOT NULL,
    deliveries     INTEGER NOT NULL DEFAULT 1,
    changed_bodies INTEGER NOT NULL DEFAULT 0,
    body_sha256    BLOB NOT NULL,
    -- The exact bytes that were verified. NULL of an event without a handler, and when it is kept no longer.
    body           BLOB
) STRICT;

-- What is delivered again is told by this. An id alone does not tell: test consoles send all types under one.
CREATE UNIQUE INDEX inbox_event_identity ON inbox_event (event_id, type, coalesce(object_id, ''));

-- To count what was delivered again without reading every body.
CREATE INDEX inbox_event_again ON inbox_event (deliveries, changed_bodies) WHERE deliveries > 1;

CREATE TABLE inbox_task (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    event_seq   INTEGER NOT NULL REFERENCES inbox_event (seq) ON DELETE CASCADE,
    handler     TEXT NOT NULL,
    -- Whose lanes it shares: its handler's, or those of a group of handlers.
    scope       TEXT NOT NULL,
    -- The account and the id of the object that the event is about. NULL if it has none.
    object      TEXT,
    -- Tasks of one scope and lane never run at once. NULL of one that may run beside any other.
    lane        TEXT,
    -- The place of the event among those of its object, 0 if Stripe did not say when it happened: the order in a lane.
    moment      INTEGER NOT NULL,
    -- Whether a task that waits for its next try holds the lane.
    strict      INTEGER NOT NULL,
    -- 0 ready, 1 running, 2 blocked, 3 done, 4 skipped, 5 parked
    state       INTEGER NOT NULL CHECK (state BETWEEN 0 AND 5),
    -- Why it is parked: 0 asked, 1 exhausted, 2 poison, 3 no handler, 4 undecodable
    why         INTEGER CHECK (why BETWEEN 0 AND 4),
    -- Runs that were begun: counted before the run, so that a crash counts.
    attempt     INTEGER NOT NULL DEFAULT 0,
    -- Times that the process ended while it was running, since it last ended a run itself.
    crashes     INTEGER NOT NULL DEFAULT 0,
    -- 1: the process ended while it was running, and it has not ended a run since; 2: its run was acquitted of that.
    suspect     INTEGER NOT NULL DEFAULT 0 CHECK (suspect BETWEEN 0 AND 2),
    replay      INTEGER NOT NULL DEFAULT 0,
    -- Goes up with every claim: the end of a run counts only with the fence of its claim.
    fence       INTEGER NOT NULL DEFAULT 0,
    -- Which incarnation of the server runs it.
    owner       INTEGER,
    due_ms      INTEGER NOT NULL,
    -- When the latest run began.
    started_ms  INTEGER NOT NULL DEFAULT 0,
    finished_ms INTEGER,
    error       TEXT,
    UNIQUE (event_seq, handler),
    CHECK ((state = 1) = (owner IS NOT NULL)),
    CHECK ((state >= 3) = (finished_ms IS NOT NULL)),
    CHECK ((state = 5) = (why IS NOT NULL)),
    CHECK (state <> 2 OR lane IS NOT NULL)
) STRICT;

CREATE INDEX inbox_task_due ON inbox_task (due_ms, id) WHERE state = 0;
-- To pass over all that is due of a handler that has as many runs as it may.
CREATE INDEX inbox_task_due_of ON inbox_task (handler, due_ms, id) WHERE state = 0 AND suspect = 0;
CREATE INDEX inbox_task_open_lane ON inbox_task (scope, lane, moment, event_seq)
    WHERE state <= 2 AND lane IS NOT NULL;
-- To tell whether a newer event of an object is done.
CREATE INDEX inbox_task_done ON inbox_task (scope, object, moment) WHERE state = 3 AND object IS NOT NULL;
-- The database itself lets no two tasks of a lane run at once.
CREATE UNIQUE INDEX inbox_task_running_lane ON inbox_task (scope, lane) WHERE state = 1 AND lane IS NOT NULL;
CREATE INDEX inbox_task_running ON inbox_task (owner) WHERE state = 1;
CREATE INDEX inbox_task_suspect ON inbox_task (id) WHERE suspect = 1 AND state <= 2;
CREATE INDEX inbox_task_parked ON inbox_task (id) WHERE state = 5;

-- Attempts that did not succeed, the latest ones of each task.
CREATE TABLE inbox_attempt (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    task       INTEGER NOT NULL REFERENCES inbox_task (id) ON DELETE CASCADE,
    attempt    INTEGER NOT NULL,
    started_ms INTEGER NOT NULL,
    ended_ms   INTEGER NOT NULL,
    -- 0 failed, 1 skipped, 2 parked, 3 crashed
    outcome    INTEGER NOT NULL CHECK (outcome BETWEEN 0 AND 3),
    error      TEXT
) STRICT;

CREATE INDEX inbox_attempt_task ON inbox_attempt (task, id);

-- Verified bodies that are no event.
CREATE TABLE inbox_quarantine (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    sha256      BLOB NOT NULL UNIQUE,
    received_ms INTEGER NOT NULL,
    deliveries  INTEGER NOT NULL DEFAULT 1,
    reason      TEXT NOT NULL,
    body        BLOB NOT NULL
) STRICT;

-- Counts the servers that have used this file: the owner of what runs.
CREATE TABLE inbox_incarnation (number INTEGER NOT NULL) STRICT;
INSERT INTO inbox_incarnation VALUES (0);

-- Which migrations made this file, by their number and the SHA-256 of their text.
CREATE TABLE inbox_migration (
    number INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL
) STRICT;
