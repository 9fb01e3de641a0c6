//! A database connection on a thread of its own, with group commit: whatever waits at the same moment shares one
//! transaction and one fsync, and is answered only after the commit.
//!
//! Never opens a transaction that outlives one batch, so no caller that goes away can leave one behind.

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::CHECK_DISK;
use crate::store::Error;

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
    Count,
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
            Purpose::Count => "store-counter",
        };
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            while let Some(first) = receiver.blocking_recv() {
                match purpose {
                    Purpose::Write => write_batch(&mut connection, first, &mut receiver),
                    Purpose::Read | Purpose::Count => first(Ok(&connection))(Ok(())),
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
            Box::new(move |committed| drop(answer.send(result.and_then(|done| committed.map(|()| done)))))
        });
        let done = match self.work.send(work).await {
            Ok(()) => answered.await.unwrap_or(Err(Error::closed())),
            Err(_) => Err(Error::closed()),
        };
        if done.is_err() {
            metrics::counter!("escalator_store_errors_total").increment(1);
        }
        done
    }
}

/// Does everything that waits in one transaction. Where there is none to be had, all that waits is told so at once:
/// one after the other would wait for the lock again, and GitLab gives up after 10 s.
fn write_batch(connection: &mut Connection, first: Work, receiver: &mut mpsc::Receiver<Work>) {
    let (answers, committed) = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(transaction) => {
            let there = || still_there(&transaction).map(|()| &*transaction);
            let answers: Vec<_> = batch(first, receiver).map(|work| work(there())).collect();
            (answers, still_there(&transaction).and_then(|()| Ok(transaction.commit()?)))
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

/// SQLite ends a whole transaction by itself when the disk is full or fails in the middle of it. What came after would
/// be committed piece by piece.
fn still_there(transaction: &Transaction<'_>) -> Result<(), Error> {
    if transaction.is_autocommit() {
        Err(Error::Unavailable(format!("a transaction was broken off; {CHECK_DISK}")))
    } else {
        Ok(())
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
    // The transaction may have ended, and its savepoints with it: see `still_there`.
    if connection.is_autocommit() {
        return result;
    }
    if result.is_err() {
        connection.prepare_cached("ROLLBACK TO work")?.execute([])?;
    }
    connection.prepare_cached("RELEASE work")?.execute([])?;
    result
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn what_shares_a_transaction_that_sqlite_ended_is_not_done() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE kept (what TEXT)").unwrap();
        let thread = Thread::start(connection, Purpose::Write).unwrap();
        let insert = |what: &'static str| {
            thread.run(move |connection| Ok(connection.execute("INSERT INTO kept VALUES (?1)", [what])?))
        };
        // The first batch waits until the other works are in the second one.
        let (let_go, wait) = mpsc::channel();
        let first = thread.run(move |_| {
            wait.recv().unwrap();
            Ok(())
        });
        // What SQLite does by itself where the disk is full in the middle of a transaction.
        let ended = thread.run(|connection| Ok(connection.execute_batch("ROLLBACK")?));
        let queued = async { let_go.send(()).unwrap() };
        let (_first, before, ended, after, ()) =
            tokio::join!(biased; first, insert("before"), ended, insert("after"), queued);
        assert!(before.is_err() && ended.is_err() && after.is_err(), "{before:?} {ended:?} {after:?}");
        let kept: Result<i64, _> = thread
            .run(|connection| Ok(connection.query_row("SELECT count(*) FROM kept", [], |row| row.get(0))?))
            .await;
        assert_eq!(kept, Ok(0));
    }
}
