//! Canaries: what people wrote and what proves identity never comes out anywhere.

use std::fs;

use escalator::sandbox::{Fault, Trouble};

use crate::desk::Desk;
use crate::program::Place;

#[tokio::test(flavor = "multi_thread")]
async fn titles_descriptions_comments_and_tokens_never_come_out() {
    let desk = Desk::open("canary-title", "canary-description").await;
    desk.assessed();
    // A failure tells its reason, and must not tell more.
    let body = r#"{"message":"canary-answer","error":"canary-answer"}"#.to_owned();
    for code in [500, 403] {
        let trouble = Trouble::Status { code, retry_after: None, body: body.clone() };
        desk.gitlab.fault(Fault::new(trouble).times(1));
        let note = desk.gitlab.by(desk.gitlab.user("root")).note(desk.issue, "canary-comment /close");
        note.unwrap();
        let label = if code == 500 { "financial-impact::yes" } else { "operational-impact::yes" };
        desk.gitlab.by(desk.gitlab.user("root")).add_labels(desk.issue, [label]).unwrap();
        desk.serving.log.until(if code == 500 { "trying again" } else { "parked an issue" });
    }
    desk.gitlab.settled().await;
    let deliveries = desk.gitlab.deliveries();
    let sent: String = deliveries.iter().map(|delivery| delivery.body.as_str()).collect();
    for planted in ["canary-title", "canary-description", "canary-comment"] {
        assert!(sent.contains(planted), "the deliveries do hold {planted}");
    }
    assert_eq!(desk.serving.deliver("canary-nonsense").await, 200);
    let (_, metrics) = desk.serving.admin("/metrics").await;
    let (_, ready) = desk.serving.admin("/readyz").await;
    let token = desk.place.variable_value("ESCALATOR__GITLAB__TOKEN");
    let store = files_of_the_store(&desk.place);
    let (code, log) = desk.serving.stop();
    assert_eq!(code, 0);
    let store = [store, files_of_the_store(&desk.place)].concat();
    assert!(contains(&store, b"customer-impact::yes"), "the store was really searched");

    for secret in ["canary", token.as_str()] {
        for (name, text) in [
            ("log", log.as_bytes()),
            ("metrics", metrics.as_bytes()),
            ("readiness", ready.as_bytes()),
            ("store", &store),
        ] {
            assert!(!contains(text, secret.as_bytes()), "{secret} is in the {name}");
        }
    }
    desk.gitlab.stop().await;
}

/// The bytes of the database and whatever lies beside it.
fn files_of_the_store(place: &Place) -> Vec<u8> {
    let files = fs::read_dir(place.path(".")).unwrap().map(|entry| entry.unwrap().path());
    let of_the_store = files.filter(|path| path.display().to_string().contains("escalator.db"));
    of_the_store.flat_map(|path| fs::read(path).unwrap()).collect()
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    for file in [
        "gitlab = \"canary\"",
        "webhook = \"canary\"",
        "[gitlab]\ntoken = [\"canary\"]",
        "[gitlab]\ntoken = { value = \"canary\" }",
        "[webhook]\nsecret_tokens = \"canary\"",
        "[webhook]\nsecret_tokens = [[\"canary\"]]",
        "[webhook]\nsigning_tokens = [\"canary\"]",
        "[webhook]\nsigning_tokens = { a = \"canary\" }",
        "[webhook]\nsigning_tokens_file = [\"canary\"]",
        "[gitlab]\nurl = \"https://user:canary@gitlab.example.com\"",
        "[server]\nlisten = \"canary\"",
        "[queue]\nworkers = \"canary\"",
        "[gitlab]\ntoken = \"canary",
        "[gitlab]\ntoken = canary",
    ] {
        for command in
            [&["config", "check"][..], &["config", "show"], &["serve"], &["score", "--label", "incident"]]
        {
            let run = Place::with_file(file).run(command);
            assert!(!run.err.contains("canary") && !run.out.contains("canary"), "{file}: {run:?}");
        }
    }
    for variable in
        ["GITLAB", "WEBHOOK", "WEBHOOK__SIGNING_TOKENS", "GITLAB__TOKEN__VALUE", "WEBHOOK__MAX_BODY", "STORE"]
    {
        let place = Place::new().variable(&format!("ESCALATOR__{variable}"), "canary");
        for command in [&["config", "check"][..], &["config", "show"], &["serve"]] {
            let run = place.run(command);
            assert!(!run.err.contains("canary") && !run.out.contains("canary"), "{variable}: {run:?}");
        }
    }
}
