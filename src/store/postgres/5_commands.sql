-- Issues whose notes are to be read for commands, and those whose notes were.
CREATE TABLE reading (
    project_id BIGINT  NOT NULL,
    iid        BIGINT  NOT NULL,
    asked      BIGINT  NOT NULL DEFAULT 1, -- counts how often somebody asked for it, so that one during a reading is seen
    answered   BIGINT  NOT NULL DEFAULT 0, -- what that count was when the last reading began
    due_at     BIGINT  NOT NULL,
    attempts   INTEGER NOT NULL DEFAULT 0, -- failures since it was asked for
    comments   BIGINT,                     -- how many the issue had after the last reading
    PRIMARY KEY (project_id, iid)
);

CREATE INDEX reading_due ON reading (due_at) WHERE asked > answered;

-- Commands that were answered, each once. Ids, our own words and label titles; never what a person wrote.
CREATE TABLE command (
    note_id       BIGINT  NOT NULL, -- GitLab's
    digest        TEXT    NOT NULL, -- of the request: a note that is edited into another one is another command
    project_id    BIGINT  NOT NULL,
    iid           BIGINT  NOT NULL,
    user_id       BIGINT  NOT NULL, -- whose note it is
    verb          TEXT,             -- NULL if it was not understood
    outcome       TEXT    NOT NULL,
    label_added   TEXT,
    label_removed TEXT,
    at            BIGINT  NOT NULL, -- by our clock
    PRIMARY KEY (note_id, digest)
);

CREATE INDEX command_by_issue ON command (project_id, iid, at);
