//! A database connection on a thread of its own, with group commit: whatever waits at the same moment shares one
//! transaction and one fsync, and is answered only after the commit.
//!
//! Never opens a transaction that outlives one batch, so no caller that goes away can leave one behind.

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::Error;

/// The most work that shares one transaction.
const BATCH: usize = 256;
/// The most work that waits; more makes callers wait, so memory does not grow.
const WAITING: usize = 4096;

type Answer = Box<dyn FnOnce(Result<(), Error>) + Send>;
/// Is given the connection, or why there is no transaction to work in.
type Work = Box<dyn FnOnce(Result<&Connection, Error>) -> Answer + Send>;

/// Whether a thread's work shares transactions or only reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Write,
    Read,
}

/// The way to the thread. The thread ends, and closes its connection, when the last of these is dropped.
#[derive(Clone)]
pub(super) struct Thread {
    work: mpsc::Sender<Work>,
}

impl Thread {
    /// Starts a thread that owns the connection.
    pub fn start(mut connection: Connection, purpose: Purpose) -> std::io::Result<Self> {
        let (sender, mut receiver) = mpsc::channel::<Work>(WAITING);
        let name = match purpose {
            Purpose::Write => "store-writer",
            Purpose::Read => "store-reader",
        };
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            while let Some(first) = receiver.blocking_recv() {
                match purpose {
                    Purpose::Write => write_batch(&mut connection, first, &mut receiver),
                    Purpose::Read => first(Ok(&connection))(Ok(())),
                }
            }
        })?;
        Ok(Self { work: sender })
    }

    /// Does one piece of work and waits until it is durable.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        let work: Work = Box::new(move |connection| {
            let result = connection.and_then(|connection| in_savepoint(connection, work));
            // The receiver is gone when the caller was cancelled; the work stands all the same.
            Box::new(move |committed| drop(answer.send(committed.and(result))))
        });
        self.work.send(work).await.map_err(|_| Error::closed())?;
        answered.await.map_err(|_| Error::closed())?
    }
}

/// Does everything that waits in one transaction. Where there is none to be had, all that waits is told so at once:
/// one after the other would wait for the lock again, and GitLab gives up after 10 s.
fn write_batch(connection: &mut Connection, first: Work, receiver: &mut mpsc::Receiver<Work>) {
    let (answers, committed) = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(transaction) => {
            let answers: Vec<_> = batch(first, receiver).map(|work| work(Ok(&transaction))).collect();
            (answers, transaction.commit().map_err(Error::from))
        }
        Err(error) => {
            let error = Error::from(error);
            let answers: Vec<_> = batch(first, receiver).map(|work| work(Err(error.clone()))).collect();
            (answers, Err(error))
        }
    };
    for answer in answers {
        answer(committed.clone());
    }
}

/// The first piece of work, and what waits behind it by now.
fn batch(first: Work, receiver: &mut mpsc::Receiver<Work>) -> impl Iterator<Item = Work> {
    std::iter::once(first).chain(std::iter::from_fn(|| receiver.try_recv().ok())).take(BATCH)
}

/// Work that fails leaves nothing of itself in the transaction that it shares.
fn in_savepoint<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, Error>,
) -> Result<T, Error> {
    if connection.is_autocommit() {
        return work(connection);
    }
    connection.prepare_cached("SAVEPOINT work")?.execute([])?;
    let result = work(connection);
    if result.is_err() {
        connection.prepare_cached("ROLLBACK TO work")?.execute([])?;
    }
    connection.prepare_cached("RELEASE work")?.execute([])?;
    result
}
