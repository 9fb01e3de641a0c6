//! What a look costs in calls to GitLab.

use super::app::{TestApp, score};

#[actix_web::test]
async fn a_change_costs_one_read_and_two_writes_and_later_one_read_more_to_know_who_made_it() {
    let app = TestApp::start().await;
    let issue = app.incident(&[]);
    app.settle().await;
    app.gitlab.clear_requests();

    app.reporter().add_labels(issue, score(5, &[])).unwrap();
    app.settle().await;
    assert_eq!((app.reads(issue), app.gitlab.writes(issue)), (1, 2));
    app.until_known().await;
    assert_eq!((app.reads(issue), app.gitlab.reads(issue)), (1, 2));
    app.end().await;
}

#[actix_web::test]
async fn the_first_look_at_an_issue_without_comments_costs_no_search_for_ours() {
    let app = TestApp::start().await;
    let issue = app.incident(&score(5, &[]));
    app.settle().await;
    assert_eq!((app.reads(issue), app.gitlab.writes(issue)), (1, 2));
    app.end().await;
}

#[actix_web::test]
async fn a_look_that_finds_everything_right_costs_one_read_and_no_write() {
    let app = TestApp::start().await;
    let issue = app.incident(&[]);
    app.settle().await;
    app.reporter().add_labels(issue, score(5, &[])).unwrap();
    app.settle().await;
    app.gitlab.clear_requests();

    // The first delivery again: it shows the issue as it no longer is, so somebody has to look.
    assert!(app.gitlab.replay(0));
    app.settle().await;
    assert_eq!((app.reads(issue), app.gitlab.writes(issue)), (1, 0));
    app.end().await;
}

#[actix_web::test]
async fn an_echo_of_our_own_write_and_an_irrelevant_change_cost_no_call() {
    let app = TestApp::start().await;
    let issue = app.incident(&score(5, &[]));
    app.settle().await;
    let heard = app.gitlab.deliveries().len();
    assert!(heard >= 3, "the issue's own event and the echoes of our label and comment");
    assert_eq!(app.reads(issue), 1);

    app.reporter().set_title(issue, "another title").unwrap();
    app.reporter().add_labels(issue, ["bug"]).unwrap();
    app.reporter().note(issue, "Any news?").unwrap();
    app.settle().await;
    assert_eq!(app.gitlab.deliveries().len(), heard + 3);
    assert_eq!(app.reads(issue), 1);
    app.end().await;
}

#[actix_web::test]
async fn a_repeated_delivery_writes_once() {
    let app = TestApp::start().await;
    app.gitlab.hold_deliveries();
    let issue = app.incident(&score(5, &[]));
    app.gitlab.release_deliveries(None);
    app.settle().await;
    for _ in 0..10 {
        assert!(app.gitlab.replay(0));
    }
    app.settle().await;
    assert_eq!(app.gitlab.notes(issue).len(), 1);
    assert_eq!(app.gitlab.writes(issue), 2);
    app.end().await;
}

#[actix_web::test]
async fn a_burst_of_100_events_on_one_issue_is_at_most_two_looks() {
    let app = TestApp::start().await;
    let issue = app.incident(&[]);
    app.settle().await;
    app.gitlab.clear_requests();
    app.gitlab.hold_deliveries();
    for round in 0..50 {
        app.reporter().add_labels(issue, ["complexity::yes"]).unwrap();
        if round < 49 {
            app.reporter().remove_labels(issue, ["complexity::yes"]).unwrap();
        }
    }
    app.reporter().add_labels(issue, ["financial-impact::yes"]).unwrap();
    assert_eq!(app.gitlab.undelivered(), 100);
    app.gitlab.release_deliveries(Some(7));
    app.settle().await;

    assert!(app.reads(issue) <= 2, "{} looks", app.reads(issue));
    assert_eq!(app.escalation_labels(issue), ["platform-escalation-possible"]);
    app.end().await;
}
