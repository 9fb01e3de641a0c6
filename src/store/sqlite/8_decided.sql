-- What people decided about followed issues, and whether Escalator ever wrote on them.
ALTER TABLE followed ADD COLUMN involvement TEXT NOT NULL DEFAULT 'written'; -- or 'watched'
ALTER TABLE followed ADD COLUMN decision TEXT;      -- 'accepted', 'escalated', 'declined' or 'closed'
ALTER TABLE followed ADD COLUMN decided_at INTEGER; -- by GitLab's clock; NULL where decision is

CREATE INDEX followed_decided ON followed (decided_at DESC, project_id, iid) WHERE decided_at IS NOT NULL;

-- What was decided by label until now, since the last change to it.
UPDATE followed SET decision = (
    SELECT json_extract(after, '$.decision') FROM ledger
    WHERE ledger.project_id = followed.project_id AND ledger.iid = followed.iid ORDER BY id DESC LIMIT 1);
UPDATE followed SET decision = NULL WHERE decision NOT IN ('accepted', 'declined');
UPDATE followed SET decided_at = (
    SELECT max(at) FROM ledger
    WHERE ledger.project_id = followed.project_id AND ledger.iid = followed.iid
      AND json_extract(after, '$.decision') = decision
      AND (before IS NULL OR json_extract(before, '$.decision') <> decision))
WHERE decision IS NOT NULL;
