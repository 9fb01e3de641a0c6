-- The order in which causes are asked for. After a backfill there is one for each issue.
CREATE INDEX ledger_open_cause_in_order ON ledger_open_cause (attempts, ledger_id);
