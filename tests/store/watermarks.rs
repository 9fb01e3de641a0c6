//! How far walks have come, and which policy is applied.

use escalator::calculator::issue::Moment;
use escalator::clock::Millis;
use escalator::store::{PolicyDigest, Walk};

use super::on_each_engine;

#[tokio::test]
async fn each_walk_remembers_of_each_place_where_it_was_last() {
    on_each_engine(async |store| {
        assert_eq!(store.watermark(Walk::Sweep, "group acme").await, Ok(None));
        let kept = [
            (Walk::Sweep, "group acme", 9),
            (Walk::Sweep, "project acme/shop", 7),
            (Walk::DryRunSweep, "group acme", 8),
            // A walk may begin again.
            (Walk::Sweep, "group acme", 5),
        ];
        for (walk, place, at) in kept {
            store.keep_watermark(walk, place, Moment(at)).await.unwrap();
        }
        for (walk, place, at) in &kept[1..] {
            assert_eq!(store.watermark(*walk, place).await, Ok(Some(Moment(*at))), "{walk:?} {place}");
        }
        assert_eq!(store.watermark(Walk::DryRunSweep, "project acme/shop").await, Ok(None));
    })
    .await;
}

#[tokio::test]
async fn a_place_is_forgotten_with_all_that_is_added_to_its_name_and_no_place_that_is_called_alike() {
    on_each_engine(async |store| {
        let forgotten = ["group a_me", "group a_me in shadow"];
        let kept = ["group a_me2", "group a_me/shop", "group acme", "group", "group A_ME in shadow"];
        for place in forgotten.iter().chain(&kept) {
            for walk in [Walk::Backfill, Walk::Sweep] {
                store.keep_watermark(walk, place, Moment(1)).await.unwrap();
            }
        }
        store.forget_watermark(Walk::Backfill, "group a_me").await.unwrap();
        for place in forgotten {
            assert_eq!(store.watermark(Walk::Backfill, place).await, Ok(None), "{place}");
            assert_eq!(store.watermark(Walk::Sweep, place).await, Ok(Some(Moment(1))), "{place}");
        }
        for place in kept {
            assert_eq!(store.watermark(Walk::Backfill, place).await, Ok(Some(Moment(1))), "{place}");
        }
    })
    .await;
}

#[tokio::test]
async fn one_policy_at_a_time_is_applied_or_none() {
    on_each_engine(async |store| {
        let [old, new] = ["old", "new"].map(|rule| PolicyDigest::of(&rule));
        let applied = async || (store.is_applied(old).await.unwrap(), store.is_applied(new).await.unwrap());
        assert_eq!(applied().await, (false, false));
        store.keep_applied(old, Millis(1)).await.unwrap();
        assert_eq!(applied().await, (true, false));
        store.keep_applied(new, Millis(2)).await.unwrap();
        assert_eq!(applied().await, (false, true));
        store.forget_applied().await.unwrap();
        assert_eq!(applied().await, (false, false));
    })
    .await;
}
