-- The inbox: what arrived, and what is to be done about it. Times end in _ms (since the Unix epoch) or _s.
-- The row that changes often, the task, is narrow; the body is written once, in the event's row.

CREATE TABLE inbox_event (
    -- Never reused, so the order of arrival outlives what is deleted.
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id       TEXT NOT NULL UNIQUE,
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

-- To count what was delivered again without reading every body.
CREATE INDEX inbox_event_again ON inbox_event (deliveries, changed_bodies) WHERE deliveries > 1;

CREATE TABLE inbox_task (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    event_seq   INTEGER NOT NULL REFERENCES inbox_event (seq) ON DELETE CASCADE,
    handler     TEXT NOT NULL,
    -- The account and the id of the object that the event is about. NULL if it has none.
    object      TEXT,
    -- Tasks of one handler and lane never run at once. NULL of one that may run beside any other.
    lane        TEXT,
    -- When the event happened, 0 if Stripe did not say: the order in a lane.
    created_s   INTEGER NOT NULL,
    -- Whether a task that waits for its next try holds the lane.
    strict      INTEGER NOT NULL,
    -- 0 ready, 1 running, 2 blocked, 3 done, 4 discarded, 5 parked
    state       INTEGER NOT NULL CHECK (state BETWEEN 0 AND 5),
    -- Why it is parked: 0 asked, 1 exhausted, 2 poison, 3 no handler, 4 undecodable
    why         INTEGER CHECK (why BETWEEN 0 AND 4),
    -- Runs that were begun: counted before the run, so that a crash counts.
    attempt     INTEGER NOT NULL DEFAULT 0,
    -- Times that the process ended while this task alone was running.
    crashes     INTEGER NOT NULL DEFAULT 0,
    -- Whether the process ended while it was running, and it has not ended a run since.
    suspect     INTEGER NOT NULL DEFAULT 0,
    replay      INTEGER NOT NULL DEFAULT 0,
    -- Goes up with every claim: the end of a run counts only with the fence of its claim.
    fence       INTEGER NOT NULL DEFAULT 0,
    -- Which incarnation of the server runs it.
    owner       INTEGER,
    due_ms      INTEGER NOT NULL,
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
CREATE INDEX inbox_task_due_of ON inbox_task (handler, due_ms, id) WHERE state = 0;
CREATE INDEX inbox_task_open_lane ON inbox_task (handler, lane, created_s, event_seq)
    WHERE state <= 2 AND lane IS NOT NULL;
-- To tell whether a handler has done a newer event of an object.
CREATE INDEX inbox_task_done ON inbox_task (handler, object, created_s) WHERE state = 3 AND object IS NOT NULL;
-- The database itself lets no two tasks of a lane run at once.
CREATE UNIQUE INDEX inbox_task_running_lane ON inbox_task (handler, lane) WHERE state = 1 AND lane IS NOT NULL;
CREATE INDEX inbox_task_running ON inbox_task (owner) WHERE state = 1;
CREATE INDEX inbox_task_suspect ON inbox_task (id) WHERE suspect = 1 AND state <= 2;
CREATE INDEX inbox_task_parked ON inbox_task (id) WHERE state = 5;

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
