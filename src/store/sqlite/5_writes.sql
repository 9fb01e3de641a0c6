-- Every write to GitLab, for ever: first what is about to be written, then what was. A look that was broken off in between
-- leaves the first alone. Ids and label titles; never a body.
CREATE TABLE write_ledger (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id  INTEGER NOT NULL,
    iid         INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL, -- by our clock
    stage       TEXT    NOT NULL, -- 'intended' or 'done'
    act         TEXT    NOT NULL, -- 'label added', 'label removed', 'comment posted', 'comment edited', 'comment deleted'
    label       TEXT,             -- of a label's
    note_id     INTEGER,          -- of a comment's; NULL while it is not known yet
    user_id     INTEGER NOT NULL  -- GitLab's: whose access token it was
) STRICT;

CREATE INDEX write_ledger_by_issue ON write_ledger (project_id, iid, id);
CREATE INDEX write_ledger_by_time ON write_ledger (recorded_at);

CREATE TRIGGER write_ledger_is_never_updated BEFORE UPDATE ON write_ledger
BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER write_ledger_is_never_deleted BEFORE DELETE ON write_ledger
BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
