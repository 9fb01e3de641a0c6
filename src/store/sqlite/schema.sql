-- Issues that wait to be looked at: one row per issue, however often it was marked.
CREATE TABLE queue (
    project_id         INTEGER NOT NULL,
    iid                INTEGER NOT NULL,
    generation         INTEGER NOT NULL DEFAULT 1, -- counts marks, so that one during a run is seen afterwards
    marked_at          INTEGER NOT NULL,           -- since when it waits
    due_at             INTEGER NOT NULL,           -- free: not before then; claimed: when the lease ends
    attempts           INTEGER NOT NULL DEFAULT 0, -- claims since it was last done
    token              INTEGER,                    -- whose claim it is; NULL while it is free
    claimed_generation INTEGER,
    parked_at          INTEGER,
    parked_reason      TEXT,
    PRIMARY KEY (project_id, iid)
) STRICT, WITHOUT ROWID;

CREATE INDEX queue_due ON queue (due_at) WHERE parked_at IS NULL;

-- Issues that Escalator follows, as it left them.
CREATE TABLE followed (
    project_id     INTEGER NOT NULL,
    iid            INTEGER NOT NULL,
    state          TEXT    NOT NULL,
    work_item_type TEXT    NOT NULL,
    labels         TEXT    NOT NULL, -- JSON list: those that the policy reads, sorted
    hands          TEXT    NOT NULL, -- JSON list: labels that a person decided about
    note_id        INTEGER,
    note_digest    TEXT,             -- NULL while it is being edited, and after an edit of which nobody knows the end
    PRIMARY KEY (project_id, iid)
) STRICT, WITHOUT ROWID;

-- What GitLab told of our own doings while their issue was worked on, until that work is recorded.
CREATE TABLE echo (
    project_id  INTEGER NOT NULL,
    iid         INTEGER NOT NULL,
    labels      TEXT    NOT NULL, -- as in followed
    note_id     INTEGER,          -- if it told of a comment
    note_digest TEXT
) STRICT;

CREATE INDEX echo_by_issue ON echo (project_id, iid);

-- Every change of an assessment, for ever. Ids, figures and label titles; never what else a person wrote.
CREATE TABLE ledger (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id     INTEGER NOT NULL,
    iid            INTEGER NOT NULL,
    at             INTEGER NOT NULL, -- by GitLab's clock: when the issue that was assessed had last changed
    recorded_at    INTEGER NOT NULL, -- by our clock
    policy_version TEXT    NOT NULL,
    before         TEXT,             -- JSON; NULL for an issue's first assessment
    after          TEXT    NOT NULL, -- JSON
    labels_added   TEXT    NOT NULL, -- JSON list
    labels_removed TEXT    NOT NULL  -- JSON list
) STRICT;

CREATE INDEX ledger_by_issue ON ledger (project_id, iid, id);

-- Who put or took which label, and when, as GitLab's label events tell: found out after the ledger entry was written.
CREATE TABLE ledger_cause (
    ledger_id INTEGER NOT NULL REFERENCES ledger (id),
    label     TEXT    NOT NULL,
    gesture   TEXT    NOT NULL, -- 'added' or 'removed'
    event_id  INTEGER NOT NULL, -- GitLab's
    user_id   INTEGER NOT NULL, -- GitLab's
    at        INTEGER NOT NULL, -- by GitLab's clock
    PRIMARY KEY (ledger_id, label, gesture)
) STRICT, WITHOUT ROWID;

-- Ledger entries whose causes are still to be asked for.
CREATE TABLE ledger_open_cause (
    ledger_id INTEGER PRIMARY KEY REFERENCES ledger (id),
    attempts  INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TRIGGER ledger_is_never_updated BEFORE UPDATE ON ledger
BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_is_never_deleted BEFORE DELETE ON ledger
BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;

-- How far the walks along lists of issues have come, by GitLab's clock.
CREATE TABLE watermark (
    walk  TEXT    NOT NULL, -- 'sweep', 'dry-run sweep' or 'backfill'
    place TEXT    NOT NULL, -- such as 'group acme'
    at    INTEGER NOT NULL,
    PRIMARY KEY (walk, place)
) STRICT, WITHOUT ROWID;

-- A row that readiness rewrites, to prove that writing works.
CREATE TABLE heartbeat (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL
) STRICT;
