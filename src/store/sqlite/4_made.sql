-- What `setup` made in GitLab, so that it can take away exactly that.
CREATE TABLE made (
    kind  TEXT NOT NULL, -- 'label', 'board' or 'webhook'
    place TEXT NOT NULL, -- such as 'group acme'
    name  TEXT NOT NULL,
    id    INTEGER,       -- GitLab's; NULL while nobody knows whether it was made
    PRIMARY KEY (kind, place, name)
) STRICT, WITHOUT ROWID;
