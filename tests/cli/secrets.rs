//! Canaries: what people wrote and what proves identity never comes out anywhere.

use std::fs;

use escalator::sandbox::{Fault, Trouble};

use crate::desk::Desk;
use crate::program::{Place, client};

#[tokio::test(flavor = "multi_thread")]
async fn what_people_wrote_and_who_they_are_never_comes_out_and_no_token_does() {
    for format in ["text", "json"] {
        // There is no more logging than this to ask for: the libraries' own must stay closed.
        let place =
            Place::ready_to_serve().variable("ESCALATOR__LOG__FORMAT", format).variable("RUST_LOG", "trace");
        let desk = Desk::open_in(place, Place::serve, "canary-title", "canary-description").await;
        desk.assessed();
        in_trouble(&desk).await;
        let parked = desk.place.run(&["parked", "list"]).success();
        let answers = answers(&desk).await;
        let (_, metrics) = desk.serving.admin("/metrics").await;
        let (_, ready) = desk.serving.admin("/readyz").await;
        let notes = desk.gitlab.notes(desk.issue).into_iter().filter(|note| note.author_id == desk.bot);
        let comments: Vec<_> = notes.map(|note| note.body).collect();
        assert_eq!(comments.len(), 1);
        let token = desk.place.variable_value("ESCALATOR__GITLAB__TOKEN");
        assert!(desk.place.path("escalator.db-wal").exists());
        let store = files_of_the_store(&desk.place);
        let (code, log) = desk.serving.stop();
        assert_eq!(code, 0);
        let store = [store, files_of_the_store(&desk.place)].concat();
        assert!(contains(&store, b"customer-impact::yes"), "the store was really searched");

        for secret in ["canary", token.as_str()] {
            for (name, text) in [
                ("log", log.as_bytes()),
                ("answers", answers.as_bytes()),
                ("metrics", metrics.as_bytes()),
                ("readiness", ready.as_bytes()),
                ("list of parked issues", parked.as_bytes()),
                ("comment", comments.concat().as_bytes()),
                ("store", &store),
            ] {
                assert!(!contains(text, secret.as_bytes()), "{secret} is in the {name}, logging {format}");
            }
        }
        desk.gitlab.stop().await;
    }
}

/// Lets the author write and label while GitLab fails: a failure tells its reason, and must not tell more.
async fn in_trouble(desk: &Desk) {
    let body = r#"{"message":"canary-answer","error":"canary-answer"}"#.to_owned();
    let author = desk.gitlab.by(desk.author);
    for (code, label, logged) in
        [(500, "financial-impact::yes", "trying again"), (403, "operational-impact::yes", "parked an issue")]
    {
        let trouble = Trouble::Status { code, retry_after: None, body: body.clone() };
        desk.gitlab.fault(Fault::new(trouble).at("GET", &format!("/issues/{}", desk.issue.iid)).times(1));
        author.note(desk.issue, "canary-comment /close").unwrap();
        author.add_labels(desk.issue, [label]).unwrap();
        desk.serving.log.until(logged);
    }
    desk.gitlab.settled().await;
    let deliveries = desk.gitlab.deliveries();
    let sent: String =
        deliveries.iter().map(|delivery| format!("{:?} {}", delivery.headers, delivery.body)).collect();
    for planted in ["title", "description", "comment", "display-name", "username", "secret-token"] {
        assert!(sent.contains(&format!("canary-{planted}")), "the deliveries do hold the {planted}");
    }
}

/// What senders are answered, headers and all.
async fn answers(desk: &Desk) -> String {
    let delivery = desk.gitlab.deliveries().pop().unwrap();
    let mut answers = String::new();
    for (welcome, path, token, body) in [
        (true, "webhooks/gitlab", "canary-secret-token", delivery.body.as_str()),
        (true, "webhooks/gitlab", "canary-secret-token", "canary-nonsense"),
        (false, "webhooks/gitlab", "canary-wrong-token", &delivery.body),
        (false, "canary-path?canary", "canary-secret-token", &delivery.body),
    ] {
        let url = format!("http://{}/{path}", desk.serving.webhooks);
        let request = client().post(url).header("X-Gitlab-Token", token).body(body.to_owned());
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().is_success(), welcome, "{path} {token}");
        answers += &format!("{:?}", answer.headers());
        answers += &answer.text().await.unwrap();
    }
    answers
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
