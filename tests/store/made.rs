//! What setup made.

use escalator::clock::Millis;
use escalator::store::{Made, MadeKind, Store};

use super::{new_file, on_each_engine};

fn made(kind: MadeKind, name: &str, id: Option<u64>) -> Made {
    Made { kind, place: "group acme".to_owned(), name: name.to_owned(), id }
}

#[tokio::test]
async fn what_was_made_is_known_until_it_is_forgotten() {
    on_each_engine(async |store| {
        assert_eq!(store.made().await.unwrap(), []);
        let (board, label) = (made(MadeKind::Board, "same", Some(1)), made(MadeKind::Label, "same", Some(2)));
        let elsewhere = Made { place: "project acme/shop".to_owned(), ..label.clone() };
        let another = made(MadeKind::Label, "another", Some(3));
        for made in [&label, &elsewhere, &board, &another] {
            store.keep_made(made).await.unwrap();
        }
        let all = [&board, &another, &label, &elsewhere];
        assert_eq!(store.made().await.unwrap().iter().collect::<Vec<_>>(), all);
        store.forget_made(&label).await.unwrap();
        assert_eq!(store.made().await.unwrap(), [board, another, elsewhere]);
    })
    .await;
}

#[tokio::test]
async fn a_thing_about_to_be_made_gets_its_id_later() {
    on_each_engine(async |store| {
        let before = made(MadeKind::Webhook, "https://escalator.example.com/", None);
        let after = Made { id: Some(u64::from(u32::MAX) + 1), ..before.clone() };
        store.keep_made(&before).await.unwrap();
        assert_eq!(store.made().await.unwrap(), [before]);
        store.keep_made(&after).await.unwrap();
        assert_eq!(store.made().await.unwrap(), [after]);
    })
    .await;
}

#[tokio::test]
async fn what_is_about_to_be_made_outlives_the_process() {
    let (folder, store) = new_file();
    let label = made(MadeKind::Label, "platform-escalation", None);
    store.keep_made(&label).await.unwrap();
    drop(store);
    let store = Store::open(&folder.path().join("escalator.db"), Millis(6)).unwrap();
    assert_eq!(store.made().await.unwrap(), [label]);
}
