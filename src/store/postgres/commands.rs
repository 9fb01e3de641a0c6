//! Commands in comments in PostgreSQL.

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::queue::{Key, Marking, insert_and_notify, issue as issue_of, signed, unsigned};
use super::{Postgres, writes};
use crate::calculator::issue::IssueRef;
use crate::calculator::label::Label;
use crate::clock::Millis;
use crate::store::Error;
use crate::store::commands::{Answered, LabelCommand, Reading};
use crate::store::writes::Stage;

impl Postgres {
    pub async fn ask_to_read(&self, issue: IssueRef, now: Millis) -> Result<(), Error> {
        let asking = async {
            let lent = self.pool.lend().await?;
            lent.execute_typed(
                "INSERT INTO reading (project_id, iid, due_at) VALUES ($1, $2, $3)
                 ON CONFLICT (project_id, iid) DO UPDATE SET
                     asked = reading.asked + 1, attempts = 0, due_at = excluded.due_at",
                &Key::of(issue)?.and([(&now.0 as _, Type::INT8)]),
            )
            .await?;
            lent.give_back();
            Ok(())
        };
        self.pool.in_time(asking).await
    }

    pub async fn unread(&self, now: Millis) -> Result<Vec<Reading>, Error> {
        let reading = async {
            let lent = self.pool.lend().await?;
            let rows = lent
                .query_typed(
                    "SELECT project_id, iid, asked, attempts FROM reading
                     WHERE asked > answered AND due_at <= $1 ORDER BY due_at LIMIT 100",
                    &[(&now.0, Type::INT8)],
                )
                .await?;
            lent.give_back();
            rows.iter()
                .map(|row| {
                    let attempts: i32 = row.try_get(3)?;
                    Ok(Reading {
                        issue: issue_of(row)?,
                        asked: unsigned(row.try_get(2)?)?,
                        attempts: attempts.unsigned_abs(),
                    })
                })
                .collect()
        };
        self.pool.in_time(reading).await
    }

    pub async fn comments_read(&self, issue: IssueRef) -> Result<Option<u64>, Error> {
        let reading = async {
            let lent = self.pool.lend().await?;
            let row = lent
                .query_typed_opt(
                    "SELECT comments FROM reading WHERE project_id = $1 AND iid = $2",
                    &Key::of(issue)?.and([]),
                )
                .await?;
            lent.give_back();
            let comments: Option<i64> = row.map(|row| row.try_get(0)).transpose()?.flatten();
            comments.map(unsigned).transpose()
        };
        self.pool.in_time(reading).await
    }

    pub async fn end_reading(&self, reading: Reading, comments: Option<u64>) -> Result<(), Error> {
        let ending = async {
            let lent = self.pool.lend().await?;
            let (asked, comments) = (signed(reading.asked)?, comments.map(signed).transpose()?);
            lent.execute_typed(
                "UPDATE reading SET answered = $3, comments = coalesce($4, comments)
                 WHERE project_id = $1 AND iid = $2",
                &Key::of(reading.issue)?.and([(&asked as _, Type::INT8), (&comments as _, Type::INT8)]),
            )
            .await?;
            lent.give_back();
            Ok(())
        };
        self.pool.in_time(ending).await
    }

    pub async fn postpone_reading(&self, reading: Reading, due_at: Millis) -> Result<(), Error> {
        let postponing = async {
            let lent = self.pool.lend().await?;
            let asked = signed(reading.asked)?;
            lent.execute_typed(
                "UPDATE reading SET attempts = attempts + 1, due_at = $4
                 WHERE project_id = $1 AND iid = $2 AND asked = $3",
                &Key::of(reading.issue)?.and([(&asked as _, Type::INT8), (&due_at.0 as _, Type::INT8)]),
            )
            .await?;
            lent.give_back();
            Ok(())
        };
        self.pool.in_time(postponing).await
    }

    pub async fn is_answered(&self, note_id: u64, digest: &str) -> Result<bool, Error> {
        let reading = async {
            let lent = self.pool.lend().await?;
            let row = lent
                .query_typed_one(
                    "SELECT EXISTS (SELECT FROM command WHERE note_id = $1 AND digest = $2)",
                    &[(&signed(note_id)?, Type::INT8), (&digest, Type::TEXT)],
                )
                .await?;
            lent.give_back();
            Ok(row.try_get(0)?)
        };
        self.pool.in_time(reading).await
    }

    pub async fn was_answered(
        &self,
        issue: IssueRef,
        user_id: u64,
        outcome: &'static str,
        since: Millis,
    ) -> Result<bool, Error> {
        let reading = async {
            let lent = self.pool.lend().await?;
            let user_id = signed(user_id)?;
            let row = lent
                .query_typed_one(
                    "SELECT EXISTS (SELECT FROM command WHERE project_id = $1 AND iid = $2 AND at >= $3
                                        AND user_id = $4 AND outcome = $5)",
                    &Key::of(issue)?.and([
                        (&since.0 as _, Type::INT8),
                        (&user_id as _, Type::INT8),
                        (&outcome as _, Type::TEXT),
                    ]),
                )
                .await?;
            lent.give_back();
            Ok(row.try_get(0)?)
        };
        self.pool.in_time(reading).await
    }

    pub async fn label_commands(&self, issue: IssueRef) -> Result<Vec<LabelCommand>, Error> {
        let reading = async {
            let lent = self.pool.lend().await?;
            let rows = lent
                .query_typed(
                    "SELECT user_id, label_added, label_removed, at FROM command
                     WHERE project_id = $1 AND iid = $2 AND label_added IS NOT NULL ORDER BY at",
                    &Key::of(issue)?.and([]),
                )
                .await?;
            lent.give_back();
            let read = |row: &Row| {
                Ok(LabelCommand {
                    user_id: unsigned(row.try_get(0)?)?,
                    added: Label::new(row.try_get(1)?),
                    removed: row.try_get::<_, Option<&str>>(2)?.map(Label::new),
                    at: Millis(row.try_get(3)?),
                })
            };
            rows.iter().map(read).collect()
        };
        self.pool.in_time(reading).await
    }

    pub async fn keep_answered(&self, answered: Answered, now: Millis) -> Result<(), Error> {
        let keeping = async {
            let key = Key::of(answered.issue)?;
            let lent = self.pool.lend().await?;
            lent.begin().await?;
            let (note_id, user_id) = (signed(answered.note_id)?, signed(answered.user_id)?);
            let (added, removed) =
                (answered.added.as_ref().map(Label::title), answered.removed.as_ref().map(Label::title));
            lent.execute_typed(
                "INSERT INTO command
                     (project_id, iid, note_id, digest, user_id, verb, outcome, label_added, label_removed, at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
                &key.and([
                    (&note_id as _, Type::INT8),
                    (&answered.digest as _, Type::TEXT),
                    (&user_id as _, Type::INT8),
                    (&answered.verb as _, Type::TEXT),
                    (&answered.outcome as _, Type::TEXT),
                    (&added as _, Type::TEXT),
                    (&removed as _, Type::TEXT),
                    (&now.0 as _, Type::INT8),
                ]),
            )
            .await?;
            let done = answered.writes.iter().map(|write| (Stage::Done, write));
            writes::append(&lent, &key, done, now).await?;
            lent.commit().await
        };
        self.pool.in_time(keeping).await
    }

    pub async fn recheck(&self, issues: &[IssueRef], now: Millis) -> Result<(), Error> {
        let marks = issues.iter().map(|issue| (*issue, Marking { trace: None, now })).collect();
        let marking = async { insert_and_notify(self.pool.lend().await?, &marks).await };
        self.pool.in_time(marking).await
    }
}
