-- The bots that our access tokens belonged to, which a renewal of the token does not make strangers.
CREATE TABLE own_bot (
    user_id INTEGER PRIMARY KEY, -- GitLab's
    since   INTEGER NOT NULL
) STRICT;
