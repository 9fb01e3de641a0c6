-- Issues whose notes are to be read for commands, and those whose notes were.
CREATE TABLE reading (
    project_id INTEGER NOT NULL,
    iid        INTEGER NOT NULL,
    asked      INTEGER NOT NULL DEFAULT 1, -- counts how often somebody asked for it, so that one during a reading is seen
    answered   INTEGER NOT NULL DEFAULT 0, -- what that count was when the last reading began
    due_at     INTEGER NOT NULL,
    attempts   INTEGER NOT NULL DEFAULT 0, -- failures since it was asked for
    comments   INTEGER,                    -- how many the issue had after the last reading
    PRIMARY KEY (project_id, iid)
) STRICT, WITHOUT ROWID;

CREATE INDEX reading_due ON reading (due_at) WHERE asked > answered;

-- Commands that were answered, each once. Ids, our own words and label titles; never what a person wrote.
CREATE TABLE command (
    note_id       INTEGER NOT NULL, -- GitLab's
    digest        TEXT    NOT NULL, -- of the request: a note that is edited into another one is another command
    project_id    INTEGER NOT NULL,
    iid           INTEGER NOT NULL,
    user_id       INTEGER NOT NULL, -- whose note it is
    verb          TEXT,             -- NULL if it was not understood
    outcome       TEXT    NOT NULL,
    label_added   TEXT,
    label_removed TEXT,
    at            INTEGER NOT NULL, -- by our clock
    PRIMARY KEY (note_id, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX command_by_issue ON command (project_id, iid, at);
