//! python-gitlab as a witness: what setup made is there for a client that shares no line with ours.

use std::process::Command;

use escalator::sandbox::Options;
use serde_json::{Value, json};

use super::{Bare, URL};

/// What python-gitlab sees; nothing where the environment does not say in `PYTHON_GITLAB` which Python has it.
#[expect(clippy::print_stderr, reason = "a check that was left out must not look like one that passed")]
#[expect(clippy::disallowed_methods, reason = "it is the tests' own environment")]
fn seen(bare: &Bare) -> Option<Value> {
    let Some(python) = std::env::var_os("PYTHON_GITLAB") else {
        eprintln!("skipped: PYTHON_GITLAB does not name a Python with python-gitlab; tests/run gets one");
        return None;
    };
    let output = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/setup/look.py"))
        .env("ESCALATOR_LOOK_URL", bare.gitlab.url())
        .env("ESCALATOR_LOOK_TOKEN", &bare.token)
        .env("ESCALATOR_LOOK_GROUP", "acme")
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_client_sees_what_was_made_and_nothing_after_its_removal() {
    let bare = Bare::start(Options::default()).await;
    bare.done(&["--yes"]);
    let Some(found) = seen(&bare) else { return };
    let lists = [
        "platform-escalation-possible",
        "platform-escalation",
        "escalation-decision::accepted",
        "escalation-decision::declined",
    ];
    let events = ["confidential_issues_events", "confidential_note_events", "issues_events", "note_events"];
    assert_eq!(found["boards"], json!({"Platform Escalations": lists}));
    assert_eq!(found["hooks"], json!({URL: events}));
    let decision = json!({"color": "#009966", "description": "The TPM accepts this Platform Escalation"});
    assert_eq!(found["labels"]["escalation-decision::accepted"], decision);
    assert_eq!(found["labels"]["platform-escalation"]["color"], "#dc143c");
    let answers = found["labels"].as_object().unwrap().keys().filter(|title| title.ends_with("::yes"));
    assert_eq!(answers.count(), 5);

    bare.done(&["--remove", "--yes"]);
    assert_eq!(seen(&bare), Some(json!({"labels": {}, "boards": {}, "hooks": {}})));
}
