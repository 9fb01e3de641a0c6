//! What real deliveries look like, and which of them matter.

use escalator::webhook::Ignored;
use serde_json::{Value, json};

use crate::app::{App, TOKEN};
use crate::reader::{glimpse, read};

pub const INCIDENT: &str = include_str!("../payloads/issue_hook.work_item.incident.update.json");
pub const EPIC: &str = include_str!("../payloads/issue_hook.work_item.epic.update.json");
pub const ISSUE_OPEN: &str = include_str!("../payloads/issue_hook.issue.open.json");
pub const ISSUE_OLD: &str = include_str!("../payloads/issue_hook.issue.update_old.json");
pub const NOTE: &str = include_str!("../payloads/note_hook.issue.create.json");
pub const EMOJI: &str = include_str!("../payloads/emoji_hook.json");
pub const PROJECT_HOOK: &str = include_str!("../payloads/api.project_hook.json");
pub const LABEL_EVENTS: &str = include_str!("../payloads/api.resource_label_events.json");

/// All of them.
pub const ALL: [&str; 8] = [INCIDENT, EPIC, ISSUE_OPEN, ISSUE_OLD, NOTE, EMOJI, PROJECT_HOOK, LABEL_EVENTS];

/// A payload with something changed.
pub fn changed(payload: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut body = serde_json::from_str(payload).unwrap();
    change(&mut body);
    body.to_string()
}

/// Label objects as GitLab sends them, reduced to what tells them apart.
pub fn labels(titles: &[&str]) -> Value {
    titles.iter().map(|title| json!({ "id": 1, "title": title, "type": "GroupLabel" })).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_real_deliveries_only_the_incident_matters() {
    let app = App::start().await;
    for (name, body, status) in [
        ("an incident", INCIDENT, 202),
        ("an epic", EPIC, 200),
        ("an issue without a source", ISSUE_OPEN, 200),
        ("an older issue without a source", ISSUE_OLD, 200),
        ("a note on a closed issue", NOTE, 200),
        ("a reaction", EMOJI, 200),
        ("an answer of the API", PROJECT_HOOK, 200),
        ("a list", LABEL_EVENTS, 200),
    ] {
        assert_eq!(app.deliver(body).await.status, status, "{name}");
    }
    assert_eq!(app.waiting().await, 1);
    app.service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn confidential_deliveries_matter_as_much_as_public_ones() {
    let app = App::start().await;
    let confidential = |event_type: &str, payload| {
        changed(payload, |body| {
            body["event_type"] = json!(event_type);
            body["object_attributes"]["confidential"] = json!(true);
        })
    };
    let note = changed(&confidential("confidential_note", NOTE), |body| {
        body["issue"]["labels"] = labels(&["SIRT"]);
        body["issue"]["state"] = json!("opened");
    });
    for body in [confidential("confidential_work_item", INCIDENT), note] {
        let headers = [("X-Gitlab-Token", TOKEN), ("X-Gitlab-Event", "Confidential Issue Hook")];
        assert_eq!(app.post(&headers, body).await.status, 202);
    }
    assert_eq!(app.waiting().await, 2);
    app.service.stop().await;
}

#[test]
fn the_incident_is_named_by_its_project_and_number() {
    let seen = glimpse(INCIDENT);
    assert_eq!(seen.issue.to_string(), "80222147#6");
    assert!(seen.may_have_source);
}

#[test]
fn an_incident_matters_whichever_code_of_gitlab_sent_it() {
    for (kind, event_type) in
        [("issue", "issue"), ("work_item", "work_item"), ("issue", "confidential_issue")]
    {
        let body = changed(INCIDENT, |body| {
            body["object_kind"] = json!(kind);
            body["event_type"] = json!(event_type);
        });
        assert!(glimpse(&body).may_have_source, "{kind}, {event_type}");
    }
}

#[test]
fn an_epic_is_no_issue_of_a_project() {
    assert_eq!(read(EPIC).unwrap_err(), Ignored::NoIssue);
    let with_source = changed(EPIC, |body| body["labels"] = labels(&["incident"]));
    assert_eq!(read(&with_source).unwrap_err(), Ignored::NoIssue);
}

#[test]
fn a_reaction_is_of_no_kind_that_matters() {
    assert_eq!(read(EMOJI).unwrap_err(), Ignored::OtherKind);
}

#[test]
fn a_body_without_a_kind_is_not_gitlabs() {
    for body in [PROJECT_HOOK, LABEL_EVENTS, "{}", "null", "[]", "7", "\"issue\"", ""] {
        assert_eq!(read(body).unwrap_err(), Ignored::Unparseable, "{body:.20}");
    }
}

#[test]
fn the_project_of_the_issue_wins_over_the_project_of_the_delivery() {
    assert_eq!(glimpse(ISSUE_OPEN).issue.project_id, 14);
    let body = changed(ISSUE_OPEN, |body| body["object_attributes"]["project_id"] = Value::Null);
    assert_eq!(glimpse(&body).issue.project_id, 1);
}

#[test]
fn a_note_is_about_the_issue_it_stands_on() {
    let seen = glimpse(NOTE);
    assert_eq!((seen.issue.project_id, seen.issue.iid), (5, 17));
    let without_issue = changed(NOTE, |body| {
        body.as_object_mut().unwrap().remove("issue");
    });
    assert_eq!(read(&without_issue).unwrap_err(), Ignored::NoIssue);
}

#[test]
fn a_note_on_an_open_issue_with_a_source_matters() {
    let note = |state: &str| {
        changed(NOTE, |body| {
            body["issue"]["labels"] = labels(&["Security-Incident"]);
            body["issue"]["state"] = json!(state);
        })
    };
    assert!(glimpse(&note("opened")).may_have_source);
    assert!(!glimpse(&note("closed")).may_have_source);
}

#[test]
fn an_issue_that_loses_its_last_source_label_still_matters() {
    let body = changed(ISSUE_OLD, |body| {
        body["labels"] = json!([]);
        body["changes"] = json!({ "labels": { "previous": labels(&["outage"]), "current": [] } });
    });
    assert!(glimpse(&body).may_have_source);
}

#[test]
fn what_was_not_a_source_before_does_not_matter_after() {
    let body = changed(ISSUE_OLD, |body| {
        body["changes"] = json!({ "labels": { "previous": labels(&["weather"]), "current": [] } });
    });
    assert!(!glimpse(&body).may_have_source);
}

#[test]
fn changes_without_members_are_no_mistake() {
    for changes in [
        json!({}),
        Value::Null,
        json!({ "labels": null }),
        json!({ "labels": {} }),
        json!({ "labels": { "previous": null, "current": null } }),
    ] {
        let body = changed(INCIDENT, |body| body["changes"] = changes.clone());
        assert!(glimpse(&body).may_have_source, "{changes}");
    }
}

#[test]
fn labels_of_the_issue_stand_in_for_missing_labels_of_the_delivery() {
    let body = changed(ISSUE_OPEN, |body| {
        body.as_object_mut().unwrap().remove("labels");
        body["object_attributes"]["labels"] = labels(&["INCIDENT"]);
    });
    assert!(glimpse(&body).may_have_source);
}

#[test]
fn only_labels_that_the_policy_reads_are_remembered() {
    let body = changed(INCIDENT, |body| {
        body["labels"] = labels(&["secret customer name", "complexity::yes", "Platform-Escalation"]);
    });
    let titles: Vec<_> = glimpse(&body).labels.iter().map(ToString::to_string).collect();
    assert_eq!(titles, ["complexity::yes", "Platform-Escalation"]);
}

#[test]
fn before_gitlab_17_2_an_escalation_status_tells_an_incident() {
    let without_type = |status: Value| {
        changed(INCIDENT, |body| {
            let attributes = body["object_attributes"].as_object_mut().unwrap();
            attributes.remove("type");
            attributes.insert("escalation_status".to_owned(), status);
        })
    };
    let seen = glimpse(&without_type(json!("triggered")));
    assert_eq!((seen.work_item_type, seen.may_have_source), (None, true));
    assert!(!glimpse(&without_type(Value::Null)).may_have_source);
}

#[test]
fn the_type_wins_over_an_escalation_status() {
    assert_eq!(
        serde_json::from_str::<Value>(ISSUE_OPEN).unwrap()["object_attributes"]["escalation_status"],
        "triggered"
    );
    assert!(!glimpse(ISSUE_OPEN).may_have_source);
}

#[test]
fn a_closed_incident_does_not_matter_and_a_reopened_one_does() {
    let in_state = |state: &str| {
        let body = changed(INCIDENT, |body| body["object_attributes"]["state"] = json!(state));
        glimpse(&body).may_have_source
    };
    assert!(!in_state("closed"));
    assert!(in_state("opened"));
    assert!(in_state("some later state of GitLab's"));
}
