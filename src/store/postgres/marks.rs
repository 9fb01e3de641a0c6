//! Marks, written by one task: whatever waits at the same moment is read in one statement and written in another, with
//! one commit, and is answered only afterwards. What needs no write is answered after the reading. A beat goes the same way
//! for no issue, and so tells whether a mark could be kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::beat;
use super::pool::Pool;
use super::queue::{Key, Marking, insert, insert_and_notify, standings};
use crate::calculator::issue::Glimpse;
use crate::clock::Millis;
use crate::store::Error;
use crate::store::queue::{Marked, Step};
use crate::trace_parent::TraceParent;

/// The most marks that share one commit.
const BATCH: usize = 256;
/// The most marks that wait; more makes callers wait, so memory does not grow.
const WAITING: usize = 4096;

/// The way to the task. The task ends when the last of these is dropped.
#[derive(Clone)]
pub(super) struct Marker {
    marks: mpsc::Sender<Mark>,
    pool: Arc<Pool>,
}

struct Mark {
    glimpse: Glimpse,
    marking: Marking,
    answer: oneshot::Sender<Result<Marked, Error>>,
}

impl Mark {
    fn answer(self, answer: Result<Marked, Error>) {
        // The receiver is gone when the caller was cancelled; the mark stands all the same.
        let _gone = self.answer.send(answer);
    }
}

impl Marker {
    /// Starts the task, which needs one connection.
    pub fn start(pool: Arc<Pool>) -> Self {
        let (marks, mut waiting) = mpsc::channel(WAITING);
        let marker = Self { marks, pool: Arc::clone(&pool) };
        tokio::spawn(async move {
            while let Some(first) = waiting.recv().await {
                let mut batch = vec![first];
                batch.extend(std::iter::from_fn(|| waiting.try_recv().ok()).take(BATCH - 1));
                if let Err(error) = mark(&pool, batch).await {
                    // Those that came meanwhile would wait as long for nothing, and GitLab gives up after 10 s.
                    while let Ok(mark) = waiting.try_recv() {
                        mark.answer(Err(error.clone()));
                    }
                }
            }
        });
        marker
    }

    /// Marks, and waits until that is durable.
    pub async fn mark(
        &self,
        glimpse: Glimpse,
        trace: Option<TraceParent>,
        now: Millis,
    ) -> Result<Marked, Error> {
        // Here, where it fails alone: in a batch it would fail all the others.
        Key::of(glimpse.issue)?;
        let (answer, answered) = oneshot::channel();
        let mark = Mark { glimpse, marking: Marking { trace, now }, answer };
        self.marks.send(mark).await.map_err(|_| Error::closed())?;
        answered.await.map_err(|_| Error::closed())?
    }

    /// Does for no issue what a mark does, over the same connection, and writes that it could.
    pub async fn beat(&self, now: Millis) -> Result<(), Error> {
        let beating = async {
            let lent = self.pool.lend().await?;
            standings(&lent, std::iter::empty()).await?;
            let no_marks = BTreeMap::new();
            let commit = async { lent.batch_execute("COMMIT").await.map_err(Error::from) };
            tokio::try_join!(biased; lent.begin(), insert(&lent, &no_marks), beat(&lent, now), commit)?;
            lent.give_back();
            Ok(())
        };
        self.pool.in_time(beating).await
    }
}

/// Answers all marks of a batch; tells if the database is not well.
async fn mark(pool: &Arc<Pool>, batch: Vec<Mark>) -> Result<(), Error> {
    let mut unanswered = Unanswered(batch);
    let done = pool.in_time(unanswered.settle(pool)).await;
    for mark in unanswered.0 {
        mark.answer(done.clone().map(|()| Marked::Queued));
    }
    done
}

struct Unanswered(Vec<Mark>);

impl Unanswered {
    /// Writes what has to be written, and answers all others on the way. Once more if a connection turns out to be dead.
    async fn settle(&mut self, pool: &Arc<Pool>) -> Result<(), Error> {
        match self.try_to_settle(pool).await {
            Err(Error::Unavailable(_)) => self.try_to_settle(pool).await,
            settled => settled,
        }
    }

    async fn try_to_settle(&mut self, pool: &Arc<Pool>) -> Result<(), Error> {
        let lent = pool.lend().await?;
        let found = standings(&lent, self.0.iter().map(|mark| &mark.glimpse.issue)).await?;
        let mut to_write = BTreeMap::new();
        let mut waiting = Vec::new();
        for mark in std::mem::take(&mut self.0) {
            let step = match found.get(&mark.glimpse.issue) {
                Some(standing) => standing.step(&mark.glimpse),
                None => Err(Error::Corrupt("an issue is missing in an answer".to_owned())),
            };
            match step {
                Ok(Step::None(marked)) => mark.answer(Ok(marked)),
                Ok(Step::OnceMore | Step::Insert) => {
                    to_write.entry(mark.glimpse.issue).or_insert(mark.marking);
                    waiting.push(mark);
                }
                Err(error) => mark.answer(Err(error)),
            }
        }
        self.0 = waiting;
        if to_write.is_empty() {
            lent.give_back();
            return Ok(());
        }
        insert_and_notify(lent, &to_write).await
    }
}
