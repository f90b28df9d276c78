-- The inbox: events that arrived, and tasks that handle them. Times end in _ms or _s (since the Unix epoch).
-- A task's row changes often and is narrow; a body is written once, in the event's row.

CREATE TABLE inbox_event (
    -- Never reused, so that it tells the order of arrival even after deletions: see inbox_number.
    seq            INTEGER PRIMARY KEY,
    event_id       TEXT NOT NULL,
    -- 0, unless events of other types or objects came under this id before.
    nth_of_id      INTEGER NOT NULL DEFAULT 0,
    type           TEXT NOT NULL,
    -- Through which it came first. inbox_event_endpoint has the others.
    endpoint       TEXT NOT NULL,
    -- The label of the secret that signed it.
    secret_label   TEXT NOT NULL,
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
    -- The exact bytes that were verified. NULL if the event has no handler, and after pruning.
    body           BLOB
) STRICT;

-- Recognises duplicates. The id alone is not enough: test consoles send events of every type under one id.
-- In Stripe's ids, the five characters after the first digit are the second in which they were made, to the base 62: the
-- examples in the API reference differ in them by as much as in `created` (sub_1MowQV… 1679609767, evt_1NG8Du…
-- 1686089970). So new ids go to the end of the index, where a hash of them would go anywhere.
CREATE UNIQUE INDEX inbox_event_id ON inbox_event (event_id, nth_of_id);

-- The other endpoints through which an event came, in the order of arrival: few events have any.
CREATE TABLE inbox_event_endpoint (
    id           INTEGER PRIMARY KEY,
    event_seq    INTEGER NOT NULL REFERENCES inbox_event (seq) ON DELETE CASCADE,
    endpoint     TEXT NOT NULL,
    secret_label TEXT NOT NULL,
    received_ms  INTEGER NOT NULL,
    UNIQUE (event_seq, endpoint)
) STRICT;

-- To count what was delivered again without reading every body.
CREATE INDEX inbox_event_again ON inbox_event (deliveries, changed_bodies) WHERE deliveries > 1;

CREATE TABLE inbox_task (
    -- Never reused, since tickets name it.
    id          INTEGER PRIMARY KEY,
    event_seq   INTEGER NOT NULL REFERENCES inbox_event (seq) ON DELETE CASCADE,
    handler     TEXT NOT NULL,
    -- Whose lanes it shares: those of its handler, or of a group of handlers.
    scope       TEXT NOT NULL,
    -- The account and the id of the object that the event is about. NULL if it has none.
    object      TEXT,
    -- Two tasks of one scope and lane never run at once. NULL if it may run beside any other.
    lane        TEXT,
    -- The order in a lane: by when the event happened, 0 if Stripe did not say.
    moment      INTEGER NOT NULL,
    -- Whether a task that waits for its retry holds the lane.
    strict      INTEGER NOT NULL,
    -- 0 ready, 1 running, 2 blocked, 3 done, 4 skipped, 5 parked
    state       INTEGER NOT NULL CHECK (state BETWEEN 0 AND 5),
    -- Why it is parked: 0 asked, 1 exhausted, 2 poison, 3 no handler, 4 undecodable
    why         INTEGER CHECK (why BETWEEN 0 AND 4),
    -- Counts runs when they start, so that a crash is counted.
    attempt     INTEGER NOT NULL DEFAULT 0,
    -- How often the process ended while it was running, since it last ended a run itself.
    crashes     INTEGER NOT NULL DEFAULT 0,
    -- 1: the process ended while it was running, and it has not ended a run since. 2: its present run was cleared.
    suspect     INTEGER NOT NULL DEFAULT 0 CHECK (suspect BETWEEN 0 AND 2),
    replay      INTEGER NOT NULL DEFAULT 0,
    -- Increases with every claim. The end of a run counts only with the fence of its claim.
    fence       INTEGER NOT NULL DEFAULT 0,
    -- The session that runs it.
    owner       INTEGER,
    due_ms      INTEGER NOT NULL,
    -- When the latest run started.
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
-- To skip all due tasks of a handler without capacity.
CREATE INDEX inbox_task_due_of ON inbox_task (handler, due_ms, id) WHERE state = 0 AND suspect = 0;
-- Whose turn it is in a lane. A task that starts at once never enters it.
CREATE INDEX inbox_task_waiting_lane ON inbox_task (scope, lane, moment, event_seq)
    WHERE state IN (0, 2) AND lane IS NOT NULL;
-- To find out whether a newer event of an object is already done.
CREATE INDEX inbox_task_done ON inbox_task (scope, object, moment) WHERE state = 3 AND object IS NOT NULL;
-- The database itself refuses a second running task in a lane. It has the running tasks without a lane, too.
CREATE UNIQUE INDEX inbox_task_running_lane ON inbox_task (scope, lane) WHERE state = 1;
CREATE INDEX inbox_task_suspect ON inbox_task (id) WHERE suspect = 1 AND state <= 2;
CREATE INDEX inbox_task_parked ON inbox_task (id) WHERE state = 5;

-- The latest attempts of each task that did not succeed, and those that did before a replay.
CREATE TABLE inbox_attempt (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    task       INTEGER NOT NULL REFERENCES inbox_task (id) ON DELETE CASCADE,
    attempt    INTEGER NOT NULL,
    started_ms INTEGER NOT NULL,
    ended_ms   INTEGER NOT NULL,
    -- 0 failed, 1 skipped, 2 parked, 3 crashed, 4 done
    outcome    INTEGER NOT NULL CHECK (outcome BETWEEN 0 AND 4),
    error      TEXT
) STRICT;

CREATE INDEX inbox_attempt_task ON inbox_attempt (task, id);

-- The signing secrets that servers were configured with. The fingerprint tells two secrets with one label apart: it is the
-- beginning of the secret's SHA-256, and does not reveal the secret.
CREATE TABLE inbox_secret (
    endpoint           TEXT NOT NULL,
    label              TEXT NOT NULL,
    fingerprint        TEXT NOT NULL,
    -- When a server last noted that it has the secret
    last_configured_ms INTEGER NOT NULL,
    -- When the secret signed something last, to the minute; NULL if it never did
    last_used_ms       INTEGER,
    PRIMARY KEY (endpoint, label, fingerprint)
) STRICT, WITHOUT ROWID;

-- Verified bodies that are not events.
CREATE TABLE inbox_quarantine (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    sha256      BLOB NOT NULL UNIQUE,
    received_ms INTEGER NOT NULL,
    deliveries  INTEGER NOT NULL DEFAULT 1,
    reason      TEXT NOT NULL,
    body        BLOB NOT NULL
) STRICT;

-- The highest numbers of events and tasks when some were last deleted. The program counts on from these, or from the rows if
-- they have higher ones. AUTOINCREMENT would write the numbers in each commit.
CREATE TABLE inbox_number (
    event INTEGER NOT NULL,
    task  INTEGER NOT NULL
) STRICT;
INSERT INTO inbox_number VALUES (0, 0);

-- Counts the sessions: each server that opens the file begins one, and owns what it runs.
CREATE TABLE inbox_session (number INTEGER NOT NULL) STRICT;
INSERT INTO inbox_session VALUES (0);

-- The migrations that made this file: their numbers, and the SHA-256 of their texts.
CREATE TABLE inbox_migration (
    number INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL
) STRICT;
