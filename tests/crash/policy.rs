//! `kill -9` while another policy is being applied.

use escalator::sandbox::{Fault, Trouble};

use super::scene::{Scene, until};

const ISSUES: usize = 30;

#[actix_web::test]
async fn a_policy_is_applied_to_all_issues_wherever_a_kill_breaks_it_off() {
    let mut scene = Scene::prepare().await;
    scene.program.start().await;
    let issues: Vec<_> = (0..ISSUES).map(|_| scene.incident(&["cross-functionality::yes"])).collect();
    let gitlab = scene.gitlab.clone();
    until("all have a comment", async || issues.iter().all(|issue| gitlab.notes(*issue).len() == 1)).await;
    gitlab.settled().await;
    scene.program.kill();

    // Nothing can be marked: a kill before the end of the marking, whenever that is.
    let store = rusqlite::Connection::open(scene.store_path()).unwrap();
    store
        .execute_batch("CREATE TRIGGER halt BEFORE INSERT ON queue BEGIN SELECT RAISE(ABORT, 'halt'); END")
        .unwrap();
    scene.program.set_points(5);
    scene.program.start().await;
    until("marking fails", async || {
        scene.program.has_logged("could not mark the issues that another policy assessed")
    })
    .await;
    scene.program.kill();
    store.execute_batch("DROP TRIGGER halt").unwrap();
    drop(store);

    // All are marked, and some are in hand.
    gitlab.fault(Fault::new(Trouble::Hold).on("PUT", "/issues/"));
    scene.program.start().await;
    gitlab.until_held(|request| request.method == "PUT").await;
    scene.program.kill();
    gitlab.clear_faults();
    for request in gitlab.held() {
        gitlab.let_go(request.id, None);
    }
    scene.program.start().await;
    until("label and comment follow", async || {
        issues.iter().all(|issue| {
            let notes = gitlab.notes(*issue);
            let labelled = gitlab.labels(*issue).iter().any(|label| label == "platform-escalation");
            labelled && notes.len() == 1 && notes[0].body.contains("5 of 10 points")
        })
    })
    .await;
    scene.program.kill();
    gitlab.stop().await;
}
