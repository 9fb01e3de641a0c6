//! Bodies that were made to break a reader. All of them are authentic, so GitLab must hear 200.

use serde_json::{Value, json};

use crate::app::App;
use crate::payloads::{ALL, INCIDENT, changed};
use crate::reader::{glimpse, read};

/// Delivers each body, and wants 200 for it and a service that is well afterwards.
async fn are_answered_200(bodies: Vec<Vec<u8>>) {
    let app = App::start().await;
    for body in bodies {
        let start = String::from_utf8_lossy(&body[..body.len().min(120)]).into_owned();
        assert_eq!(app.deliver(body).await.status, 200, "{start}");
    }
    app.still_well().await;
}

/// `{"object_kind":"issue", <rest>}`.
fn issue(rest: &str) -> Vec<u8> {
    format!(r#"{{"object_kind":"issue",{rest}}}"#).into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_in_no_known_encoding_are_answered_200() {
    let label =
        |title: &[u8]| [br#"{"object_kind":"issue","labels":[{"title":""#, title, br#""}]}"#].concat();
    are_answered_200(vec![
        vec![],
        b"  \n\t ".to_vec(),
        vec![0],
        "\u{feff}{\"object_kind\":\"issue\"}".into(),
        INCIDENT.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        b"{\"object_kind\":\"iss\xff\xfeue\"}".to_vec(),
        label(b"\xff\xfe"),
        label(b"\xed\xa0\x80"),
        label(br"\ud800"),
        label(b"\x00"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_nested_ten_thousand_deep_are_answered_200() {
    let mut bodies = Vec::new();
    for depth in [127, 128, 129, 10_000] {
        let lists = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let tables = |name: &str| format!("{}1{}", format!("{{{name:?}:").repeat(depth), "}".repeat(depth));
        bodies.extend([
            lists.clone().into_bytes(),
            "[".repeat(depth).into_bytes(),
            tables("object_kind").into_bytes(),
            issue(&format!(r#""x":{lists}"#)),
            issue(&format!(r#""labels":{lists}"#)),
            issue(&format!(r#""object_attributes":{}"#, tables("labels"))),
            issue(&format!(r#""changes":{}"#, tables("labels"))),
        ]);
    }
    are_answered_200(bodies).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_are_none_are_answered_200() {
    let long = "9".repeat(100_000);
    let numbers = [
        "1e999",
        "-1e999",
        "1180591620717411303424",
        "-1",
        "9223372036854775808",
        "1.5",
        "1e2",
        "00",
        "0x1",
        "NaN",
        "Infinity",
        r#""1""#,
        "true",
        "null",
        "[]",
        "{}",
        &long,
    ];
    let bodies = numbers.into_iter().flat_map(|number| {
        [
            issue(&format!(r#""object_attributes":{{"iid":{number},"project_id":1,"type":"Incident"}}"#)),
            issue(&format!(r#""object_attributes":{{"iid":1,"project_id":{number},"type":"Incident"}}"#)),
            issue(&format!(r#""x":{number}"#)),
        ]
    });
    are_answered_200(bodies.collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_almost_json_are_answered_200() {
    are_answered_200(vec![
        br#"{"object_kind":"issue","object_kind":"note"}"#.to_vec(),
        issue(r#""object_attributes":{"iid":1,"iid":2,"project_id":1}"#),
        format!("{INCIDENT}{INCIDENT}").into_bytes(),
        issue(""),
        INCIDENT.as_bytes()[..INCIDENT.trim_end().len() - 1].to_vec(),
        INCIDENT.replace('"', "'").into_bytes(),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn masses_are_answered_200() {
    let in_issue = |labels: &str| {
        issue(&format!(r#""object_attributes":{{"iid":1,"project_id":1}},"labels":[{labels}]"#))
    };
    let keys: Vec<_> = (0..1_000_000).map(|key| format!("\"{key}\":0")).collect();
    are_answered_200(vec![
        in_issue(&vec![r#"{"title":"weather"}"#; 1_000_000].join(",")),
        in_issue(&format!(r#"{{"title":"{}"}}"#, "complexity::".repeat(500_000))),
        issue(&keys.join(",")),
        format!(r#"{{"object_kind":"{}"}}"#, "issue".repeat(1_000_000)).into_bytes(),
    ])
    .await;
}

/// Every value in a payload, as a JSON pointer.
fn pointers(value: &Value, prefix: &str) -> Vec<String> {
    let inside: Vec<(String, &Value)> = match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, inner)| (name.replace('~', "~0").replace('/', "~1"), inner)).collect()
        }
        Value::Array(entries) => {
            entries.iter().enumerate().map(|(index, inner)| (index.to_string(), inner)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => vec![],
    };
    let mut found = vec![prefix.to_owned()];
    found.extend(inside.into_iter().flat_map(|(name, inner)| pointers(inner, &format!("{prefix}/{name}"))));
    found
}

/// Each value of each real payload, replaced by a value of every other form.
fn mistyped() -> Vec<String> {
    let wrong = [
        Value::Null,
        json!(true),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(""),
        json!("7"),
        json!([]),
        json!([null]),
        json!([[]]),
        json!({}),
        json!({ "id": "x", "title": 7, "iid": -1 }),
    ];
    let mut bodies = Vec::new();
    for payload in ALL {
        let whole: Value = serde_json::from_str(payload).unwrap();
        for pointer in pointers(&whole, "") {
            for value in &wrong {
                bodies.push(changed(payload, |body| *body.pointer_mut(&pointer).unwrap() = value.clone()));
            }
        }
    }
    bodies
}

#[test]
fn a_value_of_the_wrong_form_anywhere_is_read_or_refused() {
    let bodies = mistyped();
    assert!(bodies.len() > 3_000);
    for body in bodies {
        if let Ok(seen) = read(&body) {
            assert!(
                i64::try_from(seen.issue.project_id).is_ok() && i64::try_from(seen.issue.iid).is_ok(),
                "{body}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_a_value_of_the_wrong_form_is_never_an_error() {
    let app = App::start().await;
    // One of each dozen: the reader itself was asked about all of them.
    for body in mistyped().into_iter().step_by(12) {
        let status = app.deliver(body.as_str()).await.status;
        assert!(matches!(status, 200 | 202), "{status}: {body}");
    }
    app.is_ready().await;
    app.service.stop().await;
}

#[test]
fn what_a_person_may_be_called_does_not_hide_an_incident() {
    for value in [
        Value::Null,
        json!(7),
        json!([]),
        json!({ "id": "x" }),
        json!({ "id": -1 }),
        json!({ "id": { "a": { "b": 1 } } }),
        json!({ "id": [[1], 2] }),
    ] {
        for field in ["user", "assignees", "assignee", "repository"] {
            let body = changed(INCIDENT, |body| body[field] = value.clone());
            assert!(glimpse(&body).may_have_source, "{field}: {value}");
        }
    }
}

#[test]
fn one_strange_label_does_not_hide_the_others() {
    for strange in [
        Value::Null,
        json!(7),
        json!("incident"),
        json!({}),
        json!({ "title": null }),
        json!({ "title": 7 }),
        json!({ "title": { "a": { "b": 1 } } }),
        json!({ "title": [[1], 2] }),
    ] {
        let body = changed(INCIDENT, |body| {
            body["object_attributes"]["type"] = json!("Issue");
            body["labels"] = json!([strange, { "title": "outage" }]);
        });
        assert!(glimpse(&body).may_have_source, "{strange}");
    }
}

#[test]
fn strange_changes_do_not_hide_what_is_there_now() {
    for strange in [
        json!([]),
        json!(7),
        json!({ "labels": [] }),
        json!({ "labels": { "previous": 7 } }),
        json!({ "labels": { "previous": [7] } }),
    ] {
        let body = changed(INCIDENT, |body| body["changes"] = strange.clone());
        assert!(glimpse(&body).may_have_source, "{strange}");
    }
}

#[test]
fn ids_beyond_what_is_kept_are_not_gitlabs() {
    for number in [json!(u64::MAX), json!(i64::MAX as u64 + 1)] {
        for field in ["iid", "project_id"] {
            let body = changed(INCIDENT, |body| body["object_attributes"][field] = number.clone());
            assert!(read(&body).is_err(), "{field}: {number}");
        }
    }
    let largest = changed(INCIDENT, |body| body["object_attributes"]["iid"] = json!(i64::MAX));
    assert_eq!(glimpse(&largest).issue.iid, i64::MAX.unsigned_abs());
}
