-- Occurrences that Stripe may report by two events, a snapshot event and a thin one, of handlers that take both. A handler
-- has one task of the two: that of the event that came first, which has the row.
CREATE TABLE inbox_occurrence (
    id         INTEGER PRIMARY KEY,
    event_seq  INTEGER NOT NULL REFERENCES inbox_event (seq) ON DELETE CASCADE,
    handler    TEXT NOT NULL,
    -- The id and the type of the snapshot event and, if both events name it, the id of the object.
    occurrence TEXT NOT NULL,
    UNIQUE (handler, occurrence)
) STRICT;

-- To delete them with their event.
CREATE INDEX inbox_occurrence_event ON inbox_occurrence (event_seq);
