//! Which policy is applied, while replicas come with others.

use std::fmt::Debug;
use std::time::Duration;

use escalator::clock::Millis;
use escalator::store::{PolicyDigest, Store};

use super::watermarks::{connect, until_waiting};
use super::{on_each_engine, with_patience};

const PERIOD: Duration = Duration::from_secs(30);

fn policy(name: &impl Debug) -> PolicyDigest {
    PolicyDigest::of(name)
}

#[tokio::test]
async fn who_comes_with_another_policy_takes_back_that_the_first_is_applied() {
    on_each_engine(async |store| {
        let (first, second) = (policy(&1), policy(&2));
        assert_eq!(store.arrive(first, Millis(0), PERIOD).await, Ok(false));
        assert_eq!(store.keep_applied(first, Millis(0)).await, Ok(true));
        assert_eq!(store.arrive(first, Millis(1), PERIOD).await, Ok(true));
        assert_eq!(store.arrive(second, Millis(60_000), PERIOD).await, Ok(false));
        assert_eq!(store.is_applied(first).await, Ok(false));
        assert_eq!(store.keep_applied(second, Millis(60_000)).await, Ok(true), "the first one is gone");
    })
    .await;
}

#[tokio::test]
async fn a_policy_is_not_kept_as_applied_while_another_is_at_work_or_just_coming() {
    let (first, second) = (policy(&1), policy(&2));
    let scene = async |url: String| {
        let (old, new) = (Store::connect(&url).await.unwrap(), Store::connect(&url).await.unwrap());
        old.arrive(first, Millis(0), PERIOD).await?;

        // The first has seen nobody else, and is about to write it down.
        let lock = connect(&url).await;
        lock.batch_execute("BEGIN; LOCK TABLE watermark IN EXCLUSIVE MODE").await.unwrap();
        let come = async {
            until_waiting(&lock, 1).await;
            let go_on = async {
                until_waiting(&lock, 2).await;
                lock.batch_execute("COMMIT").await.unwrap();
                Ok(())
            };
            let (came, ()) = tokio::try_join!(new.arrive(second, Millis(1), PERIOD), go_on)?;
            Ok(came)
        };
        tokio::try_join!(old.keep_applied(first, Millis(1)), come).map(|seen| (old, new, seen))
    };
    let (old, new, seen) = with_patience(scene).await;
    assert_eq!(seen, (true, false));
    assert_eq!(old.is_applied(first).await, Ok(false), "the second one has come since");

    assert_eq!(old.keep_applied(first, Millis(2)).await, Ok(false));
    assert_eq!(new.keep_applied(second, Millis(2)).await, Ok(false));
    assert_eq!(old.is_applied(first).await, Ok(false));
}
