-- What people decided about followed issues, and whether Escalator ever wrote on them.
ALTER TABLE followed
    ADD COLUMN involvement TEXT NOT NULL DEFAULT 'written', -- or 'watched'
    ADD COLUMN decision    TEXT,                            -- 'accepted', 'escalated', 'declined' or 'closed'
    ADD COLUMN decided_at  BIGINT;                          -- by GitLab's clock; NULL where decision is

CREATE INDEX followed_decided ON followed (decided_at DESC, project_id, iid) WHERE decided_at IS NOT NULL;

-- What was decided by label until now, since the last change to it.
UPDATE followed SET decision = last.decision, decided_at = (
    SELECT max(at) FROM ledger
    WHERE ledger.project_id = followed.project_id AND ledger.iid = followed.iid
      AND after::jsonb ->> 'decision' = last.decision
      AND (before IS NULL OR before::jsonb ->> 'decision' <> last.decision))
FROM (
    SELECT DISTINCT ON (project_id, iid) project_id, iid, after::jsonb ->> 'decision' AS decision
    FROM ledger ORDER BY project_id, iid, id DESC) AS last
WHERE (followed.project_id, followed.iid) = (last.project_id, last.iid)
  AND last.decision IN ('accepted', 'declined');
