//! Commands in comments, of which every replica hears at once.

use escalator::sandbox::Hook;

use super::binary::SIGNING_TOKEN;
use super::fleet::{Fleet, until};

const ISSUES: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_that_are_asked_at_once_answer_once() {
    let fleet = Fleet::start(2, &[]).await;
    for replica in &fleet.replicas {
        let url = format!("http://{}/webhooks/gitlab", replica.address);
        fleet.gitlab.hook("acme", Hook { signing_token: Some(SIGNING_TOKEN.to_owned()), ..Hook::to(url) });
    }
    let issues: Vec<_> = (0..ISSUES).map(|_| fleet.incident(&[])).collect();
    fleet.until_all_is_done().await;
    let by = fleet.gitlab.by(fleet.reporter);
    let asked: Vec<_> = issues
        .iter()
        .map(|issue| {
            by.note(*issue, "@escalator-bot help").unwrap();
            (*issue, by.note(*issue, "@escalator-bot answer complexity yes").unwrap().unwrap())
        })
        .collect();
    until("all are answered", async || {
        answered(&fleet, "help", "help").await >= ISSUES && answered(&fleet, "answer", "done").await >= ISSUES
    })
    .await;
    fleet.until_all_is_done().await;

    for (issue, note) in asked {
        let replies =
            fleet.gitlab.notes(issue).iter().filter(|note| note.body.contains("escalator:reply")).count();
        let sets = fleet.gitlab.label_events(issue).iter().filter(|event| event.user == fleet.bot).count();
        assert_eq!((replies, sets, fleet.gitlab.awards(note).len()), (1, 1, 1), "#{}", issue.iid);
    }
    assert_eq!(answered(&fleet, "help", "help").await, ISSUES);
    assert_eq!(answered(&fleet, "answer", "done").await, ISSUES);
    fleet.gitlab.stop().await;
}

/// How many such commands all replicas have answered.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count")]
async fn answered(fleet: &Fleet, verb: &str, outcome: &str) -> usize {
    let name = format!("escalator_commands_total{{verb=\"{verb}\",outcome=\"{outcome}\"}}");
    let mut all = 0.0;
    for replica in &fleet.replicas {
        all += replica.metric(&name).await.unwrap_or_default();
    }
    all as usize
}
