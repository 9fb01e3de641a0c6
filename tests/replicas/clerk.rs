//! The clerk's duty changes hands in the middle of a command: it is answered once, by whoever has the duty.

use escalator::sandbox::{Fault, Hook, IssueId, Trouble};

use super::binary::SIGNING_TOKEN;
use super::fleet::{Fleet, connect, until};
use super::postgres::Cluster;
use super::stalled::hold;

/// A second comment within twenty seconds has to wait.
const NOTES_PER_MINUTE: (&str, &str) = ("GITLAB__NOTES_PER_MINUTE", "3");
const LOST: &str = "another replica took over a duty";
const MEMBERS: &str = "/members/";
const HELP: &str = "@escalator-bot help";
const STALLED: usize = 0;
const OTHER: usize = 1;

/// Two replicas, of which only the first one runs, so that the duty is its own; an issue; and the address of the database.
async fn with_an_issue(settings: &[(&str, &str)]) -> (Fleet, IssueId, String) {
    let database = Cluster::start();
    let url = database.create_database();
    let fleet = Fleet::start_first_of_two(database, &url, settings).await;
    let issue = fleet.incident(&[]);
    fleet.until_all_is_done().await;
    fleet.gitlab.clear_requests();
    (fleet, issue, url)
}

fn comment(fleet: &Fleet, issue: IssueId, text: &str) {
    fleet.gitlab.by(fleet.reporter).note(issue, text).unwrap();
}

fn replies(fleet: &Fleet, issue: IssueId) -> usize {
    fleet.gitlab.notes(issue).iter().filter(|note| note.body.contains("escalator:reply")).count()
}

/// Until nobody asks the database anything, so often in a row that who is at work does nothing but wait.
async fn until_idle(url: &str) {
    let client = connect(url).await;
    let busy = "SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'";
    let mut calm = 0;
    until("nobody asks the database anything", async || {
        let busy: i64 = client.query_one(busy, &[]).await.unwrap().get(0);
        calm = if busy == 0 { calm + 1 } else { 0 };
        calm == 30
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clerk_that_wakes_up_after_its_duty_ended_does_not_reply() {
    let (mut fleet, issue, url) = with_an_issue(&[NOTES_PER_MINUTE]).await;
    // It posted its comment on the issue just now, so the reply waits.
    comment(&fleet, issue, HELP);
    until("the clerk knows that it may reply", async || {
        fleet.gitlab.requests().iter().any(|request| request.path.contains(MEMBERS))
    })
    .await;
    until_idle(&url).await;
    fleet.replicas[STALLED].signal("STOP");
    assert_eq!(replies(&fleet, issue), 0, "it stood still too late");
    fleet.replicas[OTHER].start().await;
    until("the other clerk has replied", async || replies(&fleet, issue) == 1).await;

    let held = hold(&url, "duty").await;
    fleet.replicas[STALLED].signal("CONT");
    until("the stalled clerk has replied or given up", async || {
        fleet.replicas[STALLED].has_logged(LOST) || replies(&fleet, issue) > 1
    })
    .await;
    fleet.gitlab.idle().await;
    assert_eq!(replies(&fleet, issue), 1);
    drop(held);
    fleet.until_all_is_done().await;
    fleet.gitlab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clerk_that_wakes_up_after_its_duty_ended_does_not_undo_later_answers() {
    let (mut fleet, issue, url) = with_an_issue(&[]).await;
    fleet.gitlab.fault(Fault::new(Trouble::Hold).on("GET", MEMBERS).times(1));
    comment(&fleet, issue, "@escalator-bot answer complexity yes");
    let asked = fleet.gitlab.until_held(|request| request.path.contains(MEMBERS)).await;
    fleet.replicas[STALLED].signal("STOP");
    fleet.replicas[OTHER].start().await;
    let url_of_other = format!("http://{}/webhooks/gitlab", fleet.replicas[OTHER].address);
    fleet
        .gitlab
        .hook("acme", Hook { signing_token: Some(SIGNING_TOKEN.to_owned()), ..Hook::to(url_of_other) });
    let bears = |fleet: &Fleet, label| fleet.gitlab.labels(issue).iter().any(|own| own == label);
    until("the other clerk has answered", async || bears(&fleet, "complexity::yes")).await;
    comment(&fleet, issue, "@escalator-bot answer complexity no");
    until("and what came after it", async || bears(&fleet, "complexity::no")).await;
    let events = fleet.gitlab.label_events(issue).len();

    let held = hold(&url, "duty").await;
    assert!(fleet.gitlab.let_go(asked, None), "it still waits for the answer");
    fleet.replicas[STALLED].signal("CONT");
    until("the stalled clerk has answered or given up", async || {
        fleet.replicas[STALLED].has_logged(LOST) || fleet.gitlab.label_events(issue).len() != events
    })
    .await;
    fleet.gitlab.idle().await;
    assert_eq!(fleet.gitlab.label_events(issue).len(), events);
    assert!(bears(&fleet, "complexity::no") && !bears(&fleet, "complexity::yes"));
    drop(held);
    fleet.until_all_is_done().await;
    fleet.gitlab.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clerk_whose_duty_was_taken_over_unseen_does_not_reply() {
    let (fleet, issue, url) = with_an_issue(&[]).await;
    fleet.gitlab.fault(Fault::new(Trouble::Hold).on("GET", MEMBERS).times(1));
    comment(&fleet, issue, HELP);
    let asked = fleet.gitlab.until_held(|request| request.path.contains(MEMBERS)).await;
    // As somebody would whose clock is ahead, and who is gone again: by its own clock the clerk has the duty for long.
    let taken = "UPDATE duty SET holder = 0, until = 0 WHERE name = 'clerk'";
    assert_eq!(connect(&url).await.execute(taken, &[]).await.unwrap(), 1);
    assert!(fleet.gitlab.let_go(asked, None), "it still waits for the answer");
    until("the clerk has replied or given up", async || {
        let clerk = &fleet.replicas[STALLED];
        clerk.has_logged("could not read comments") || clerk.has_logged(LOST) || replies(&fleet, issue) > 0
    })
    .await;
    fleet.gitlab.idle().await;
    assert_eq!(replies(&fleet, issue), 0);
    until("whoever has the duty next replies", async || replies(&fleet, issue) == 1).await;
    fleet.until_all_is_done().await;
    assert_eq!(replies(&fleet, issue), 1);
    fleet.gitlab.stop().await;
}
