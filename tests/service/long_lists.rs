//! Lists of many pages, whatever address GitLab gives its links.

use std::collections::BTreeMap;

use escalator::calculator::issue::IssueRef;
use escalator::config::load;
use escalator::config::sources::Sources;
use escalator::gitlab::{Client, Error};
use escalator::sandbox::Options;

use super::app::{TestApp, score};

/// GitLab behind an address of its own network: its links bear the one that the world sees.
fn behind_another_address() -> Options {
    Options { external_url: Some("https://gitlab.example.com".to_owned()), ..Options::default() }
}

fn client(app: &TestApp) -> Client {
    let variables = BTreeMap::from([
        ("ESCALATOR__GITLAB__URL".to_owned(), app.gitlab.url()),
        ("ESCALATOR__GITLAB__TOKEN".to_owned(), app.token.clone()),
        ("ESCALATOR__GITLAB__REQUESTS_PER_SECOND".to_owned(), "10000".to_owned()),
    ]);
    Client::new(&load(&Sources { file: None, variables }).unwrap().gitlab().unwrap()).unwrap()
}

#[actix_web::test]
async fn a_comment_beyond_the_first_page_is_found_again() {
    let mut app = TestApp::start_with(behind_another_address(), &[]).await;
    let issue = app.issue(&[]);
    for number in 0..100 {
        app.reporter().note(issue, &format!("Comment {number}")).unwrap();
    }
    app.reporter().add_labels(issue, score(3, &["outage"])).unwrap();
    app.settle().await;
    assert!(app.comment(issue).contains("3 of 7 points"));

    app.stop_service().await;
    app.restart_service_without_its_store().await;
    app.reporter().add_labels(issue, score(5, &[])).unwrap();
    app.settle().await;
    assert!(app.comment(issue).contains("5 of 7 points"));
    app.end().await;
}

#[actix_web::test]
async fn a_persons_hand_beyond_the_first_page_of_label_events_wins() {
    let app = TestApp::start_with(behind_another_address(), &[]).await;
    let issue = app.issue(&[]);
    for _ in 0..50 {
        app.reporter().add_labels(issue, ["unrelated"]).unwrap();
        app.reporter().remove_labels(issue, ["unrelated"]).unwrap();
    }
    app.reporter().add_labels(issue, score(5, &["outage"])).unwrap();
    app.settle().await;
    app.reporter().remove_labels(issue, ["platform-escalation"]).unwrap();
    app.settle().await;
    assert!(app.escalation_labels(issue).is_empty());
    assert!(app.comment(issue).contains("A person removed"));
    app.end().await;
}

#[actix_web::test]
async fn a_list_that_does_not_end_is_an_error_and_not_half_a_list() {
    let app = TestApp::start().await;
    app.gitlab.drop_deliveries(true);
    let issue = app.issue(&[]);
    let reference = IssueRef { project_id: issue.project_id, iid: issue.iid };
    for _ in 0..10_000 {
        app.reporter().add_labels(issue, ["unrelated"]).unwrap();
        app.reporter().remove_labels(issue, ["unrelated"]).unwrap();
    }
    let gitlab = client(&app);
    assert_eq!(gitlab.label_events(reference).await.map(|events| events.len()), Ok(20_000));
    app.reporter().add_labels(issue, ["unrelated"]).unwrap();
    let endless = gitlab.label_events(reference).await;
    assert!(matches!(endless, Err(Error::Rejected { .. })), "{endless:?}");
    app.end().await;
}
