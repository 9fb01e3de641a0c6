//! What a sweep costs in calls.

use super::app::score;
use super::{lists, start, sweep};

#[actix_web::test]
async fn a_quiet_sweep_is_one_list_call_and_reads_no_issue() {
    let app = start().await;
    for _ in 0..20 {
        app.incident(&score(5, &[]));
    }
    app.settle().await;
    app.gitlab.clear_requests();
    for _ in 0..3 {
        sweep(&app).await;
    }
    assert_eq!((lists(&app).len(), app.calls().len()), (3, 3));
    app.end().await;
}

#[actix_web::test]
async fn changes_that_do_not_matter_are_listed_and_not_read() {
    let app = start().await;
    let incident = app.incident(&score(5, &[]));
    let issue = app.issue(&score(5, &[]));
    app.settle().await;
    app.gitlab.drop_deliveries(true);
    app.reporter().set_title(incident, "another title").unwrap();
    app.reporter().add_labels(incident, ["bug"]).unwrap();
    app.reporter().set_title(issue, "another title").unwrap();
    app.gitlab.clear_requests();
    sweep(&app).await;
    assert_eq!(app.calls().len(), 1);
    app.end().await;
}

/// Every one of them is written to while the sweep still lists, which takes it from its place in the list.
#[actix_web::test]
async fn more_issues_than_fit_a_page_are_all_found_although_the_list_changes_under_the_sweep() {
    let app = start().await;
    app.gitlab.drop_deliveries(true);
    let issues: Vec<_> = (0..450).map(|_| app.incident(&score(5, &[]))).collect();
    app.gitlab.clear_requests();
    sweep(&app).await;
    let wrong = issues.iter().filter(|issue| app.escalation_labels(**issue) != ["platform-escalation"]);
    assert_eq!(wrong.count(), 0);
    // 450 issues, and those that our own writes brought to the end of the list meanwhile.
    let calls = lists(&app).len();
    assert!((5..=10).contains(&calls), "{calls} calls");
    app.end().await;
}

#[actix_web::test]
async fn a_hundred_issues_cost_one_list_call() {
    let app = start().await;
    app.gitlab.drop_deliveries(true);
    for _ in 0..250 {
        app.issue(&["bug"]);
    }
    app.gitlab.clear_requests();
    sweep(&app).await;
    assert_eq!((lists(&app).len(), app.calls().len()), (3, 3));
    app.end().await;
}
