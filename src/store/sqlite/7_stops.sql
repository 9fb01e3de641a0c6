-- Whose work a write is. What was written before this was known is the service's.
ALTER TABLE write_ledger ADD COLUMN origin TEXT NOT NULL DEFAULT 'service'; -- 'service', 'backfill', 'command' or 'undo'

-- What the fuse counts. A stage may also be 'repeated': the same is tried again, since which nothing was surely done.
CREATE INDEX write_ledger_counted ON write_ledger (recorded_at)
    WHERE stage = 'intended' AND origin IN ('service', 'command');

-- When and why writing stopped, for ever. Only that somebody lifted a stop is added to it.
CREATE TABLE write_stop (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER,          -- NULL: nothing is written anywhere
    iid        INTEGER,
    stopped_at INTEGER NOT NULL, -- by our clock
    reason     TEXT    NOT NULL, -- 'too many writes', 'label flaps' or 'undo'
    fuse       INTEGER,          -- of too many writes: how many a minute were allowed
    label      TEXT,             -- of flaps
    lifted_at  INTEGER           -- by our clock; NULL while it holds
) STRICT;

CREATE INDEX write_stop_by_lift ON write_stop (lifted_at);

CREATE TRIGGER write_stop_is_only_lifted BEFORE UPDATE ON write_stop
WHEN old.lifted_at IS NOT NULL
    OR (new.id, new.project_id, new.iid, new.stopped_at, new.reason, new.fuse, new.label)
        IS NOT (old.id, old.project_id, old.iid, old.stopped_at, old.reason, old.fuse, old.label)
BEGIN SELECT raise(ABORT, 'a stop is only ever lifted'); END;
CREATE TRIGGER write_stop_is_never_deleted BEFORE DELETE ON write_stop
BEGIN SELECT raise(ABORT, 'a stop is only ever lifted'); END;
