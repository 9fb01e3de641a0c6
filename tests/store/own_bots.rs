//! The bots that we were.

use std::collections::BTreeSet;

use escalator::clock::Millis;
use escalator::store::Store;

use super::{new_file, on_each_engine, postgres};

#[tokio::test]
async fn a_bot_is_remembered_once_however_often_it_is_met() {
    on_each_engine(async |store| {
        assert_eq!(store.own_bots().await.unwrap(), BTreeSet::new());
        for user_id in [7, 9, 7] {
            store.remember_own_bot(user_id, Millis(5)).await.unwrap();
        }
        assert_eq!(store.own_bots().await.unwrap(), BTreeSet::from([7, 9]));
    })
    .await;
}

#[tokio::test]
async fn bots_outlive_the_process() {
    let (folder, store) = new_file();
    store.remember_own_bot(7, Millis(5)).await.unwrap();
    drop(store);
    let store = Store::open(&folder.path().join("escalator.db"), Millis(6)).unwrap();
    assert_eq!(store.own_bots().await.unwrap(), BTreeSet::from([7]));
}

#[tokio::test]
async fn another_replica_learns_of_a_bot() {
    let url = postgres::shared().create_database();
    let (one, other) = (Store::connect(&url).await.unwrap(), Store::connect(&url).await.unwrap());
    one.remember_own_bot(7, Millis(5)).await.unwrap();
    assert_eq!(other.own_bots().await.unwrap(), BTreeSet::from([7]));
}
