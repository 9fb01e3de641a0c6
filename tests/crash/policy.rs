//! `kill -9` while another policy is being applied.

use escalator::sandbox::{Fault, Hook, Kind, Options, Sandbox, Trouble};

use super::binary::{PATIENCE, Program, SIGNING_TOKEN};

const ISSUES: usize = 30;

/// Until the condition holds, asked again and again.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "never happened: {what}");
}

#[actix_web::test]
async fn a_policy_is_applied_to_all_issues_wherever_a_kill_breaks_it_off() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("escalator.db");
    let gitlab = Sandbox::start(Options { auto_disable: false, ..Options::default() }).await.unwrap();
    let (shop, reporter, bot) =
        (gitlab.project("acme/shop"), gitlab.user("riley"), gitlab.bot("escalator-bot"));
    gitlab.member(reporter, "acme", 20);
    gitlab.member(bot, "acme", 20);
    let url = format!("sqlite://{}", file.display());
    let mut program = Program::new(&gitlab, &gitlab.token(bot, &["api"]), &url);
    program.set("GITLAB__TIMEOUT", "5m");
    let url = format!("http://{}/webhooks/gitlab", program.address);
    gitlab.hook("acme", Hook { signing_token: Some(SIGNING_TOKEN.to_owned()), ..Hook::to(url) });
    program.start().await;
    let issue =
        || gitlab.issue(shop).by(reporter).kind(Kind::Incident).labels(["cross-functionality::yes"]).create();
    let issues: Vec<_> = (0..ISSUES).map(|_| issue()).collect();
    until("all have a comment", || issues.iter().all(|issue| gitlab.notes(*issue).len() == 1)).await;
    gitlab.settled().await;
    program.kill();

    // Nothing can be marked: a kill before the end of the marking, whenever that is.
    let store = rusqlite::Connection::open(&file).unwrap();
    store
        .execute_batch("CREATE TRIGGER halt BEFORE INSERT ON queue BEGIN SELECT RAISE(ABORT, 'halt'); END")
        .unwrap();
    program.set_points(5);
    program.start().await;
    until("marking fails", || program.has_logged("could not mark the issues that another policy assessed"))
        .await;
    program.kill();
    store.execute_batch("DROP TRIGGER halt").unwrap();
    drop(store);

    // All are marked, and some are in hand.
    gitlab.fault(Fault::new(Trouble::Hold).on("PUT", "/issues/"));
    program.start().await;
    gitlab.until_held(|request| request.method == "PUT").await;
    program.kill();
    gitlab.clear_faults();
    for request in gitlab.held() {
        gitlab.let_go(request.id, None);
    }
    program.start().await;
    until("label and comment follow", || {
        issues.iter().all(|issue| {
            let notes = gitlab.notes(*issue);
            let labelled = gitlab.labels(*issue).iter().any(|label| label == "platform-escalation");
            labelled && notes.len() == 1 && notes[0].body.contains("5 of 10 points")
        })
    })
    .await;
    program.kill();
    gitlab.stop().await;
}
