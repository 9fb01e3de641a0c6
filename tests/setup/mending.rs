//! What is not as setup left it: changed by people, half made by a run that broke off, or moved by the configuration.

use escalator::sandbox::{Fault, Loss, Options, Trouble};
use reqwest::Method;
use serde_json::json;

use super::{Bare, URL, lines};

const MOVED: &str = "https://desk.example.com/webhooks/gitlab";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_person_changed_of_ours_is_mended() {
    let bare = Bare::start(Options::default()).await;
    bare.done(&["--yes"]);
    let labels = bare.list("groups/acme/labels").await;
    let label = labels.iter().find(|label| label["name"] == "platform-escalation").unwrap();
    bare.call(Method::PUT, &format!("groups/acme/labels/{}", label["id"]), json!({"color": "#000000"})).await;
    let hook = bare.list("groups/acme/hooks").await[0]["id"].clone();
    let worse = json!({"url": URL, "confidential_issues_events": false, "push_events": true});
    bare.call(Method::PUT, &format!("groups/acme/hooks/{hook}"), worse).await;

    let out = bare.done(&["--yes"]);
    assert!(out.contains("~ group acme: label \"platform-escalation\", its colour"), "{out}");
    assert!(out.contains(&format!("~ group acme: webhook to {URL}: events\n")), "{out}");
    assert_eq!((lines(&out, "+"), lines(&out, "~")), (0, 2), "{out}");
    let labels = bare.list("groups/acme/labels").await;
    let label = labels.iter().find(|label| label["name"] == "platform-escalation").unwrap();
    assert_eq!(label["color"], "#dc143c");
    let hooks = bare.list("groups/acme/hooks").await;
    assert_eq!(
        (&hooks[0]["confidential_issues_events"], &hooks[0]["push_events"]),
        (&json!(true), &json!(false))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_made_just_before_a_crash_is_ours() {
    let bare = Bare::start(Options::default()).await;
    let other = json!({"url": "https://other.example.com/", "push_events": true});
    bare.call(Method::POST, "groups/acme/hooks", other).await;
    let foreign = bare.list("groups/acme/hooks").await;
    for made in ["/labels", "/boards", "/hooks"] {
        bare.gitlab.fault(Fault::new(Trouble::ApplyThenLose(Loss::BadGateway)).on("POST", made).times(1));
        let said = bare.setup(&["--yes"]);
        assert_eq!(said.code, Some(1), "{made}: {}", said.out);
    }
    let out = bare.done(&["--yes"]);
    assert!(out.contains(&format!("~ group acme: \"{URL}\", which a run made that broke off")), "{out}");
    assert!(bare.done(&["--yes"]).ends_with("Nothing to do.\n"));
    assert_eq!(bare.list("groups/acme/boards").await.len(), 1);
    assert_eq!(bare.list("groups/acme/hooks").await.len(), 2);

    bare.done(&["--remove", "--yes"]);
    assert!(bare.list("groups/acme/labels").await.is_empty());
    assert!(bare.list("groups/acme/boards").await.is_empty());
    assert_eq!(bare.list("groups/acme/hooks").await, foreign);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_follows_our_address_and_stays_ours() {
    let bare = Bare::start(Options::default()).await;
    bare.done(&["--yes"]);
    let settings = [("WEBHOOK__SIGNING_TOKENS_FILE", "tokens"), ("WEBHOOK__URL", MOVED)];
    let said = bare.setup_with(&["--yes"], &settings);
    assert!(said.out.contains(&format!("~ group acme: webhook to {MOVED}: address\n")), "{}", said.out);
    let hooks = bare.list("groups/acme/hooks").await;
    assert_eq!((hooks.len(), &hooks[0]["url"]), (1, &json!(MOVED)));
    assert_eq!(hooks[0]["signing_token_present"], true);

    let plan = bare.setup_with(&["--remove"], &settings);
    assert!(plan.out.contains(&format!("- group acme: webhook \"{MOVED}\"\n")), "{}", plan.out);
    assert!(!plan.out.contains(URL), "{}", plan.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_of_a_person_gets_the_missing_events_and_nothing_else() {
    let bare = Bare::start(Options::default()).await;
    let theirs =
        json!({"url": URL, "name": "desk", "issues_events": true, "push_events": true, "token": "theirs"});
    bare.call(Method::POST, "groups/acme/hooks", theirs).await;
    let out = bare.done(&["--yes"]);
    let told = format!("~ group acme: webhook to {URL}, which a person made and which lacks our token");
    assert!(out.contains(&told) && out.contains("events: confidential_issues_events, note_events"), "{out}");
    let hooks = bare.list("groups/acme/hooks").await;
    let on = |name: &str| hooks[0][name] == true;
    assert!(on("issues_events") && on("confidential_issues_events") && on("push_events"));
    assert!(on("note_events") && on("confidential_note_events") && on("token_present"));
    assert_eq!((hooks.len(), &hooks[0]["name"]), (1, &json!("desk")));

    let again = bare.done(&["--yes"]);
    assert!(again.contains("! group acme: webhook") && again.ends_with("Nothing to do.\n"), "{again}");
    bare.done(&["--remove", "--yes"]);
    assert_eq!(bare.list("groups/acme/hooks").await, hooks);
}
