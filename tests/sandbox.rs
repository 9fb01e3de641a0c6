//! The sandbox has GitLab's traps: each test drives it over real HTTP, as GitLab's users do, and names one trap.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may stop where it is")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::http::StatusCode as Status;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use escalator::sandbox::{
    AlertStatus, Edited, Fault, Hook, IssueId, Kind, LabelAction, Loss, Options, Sandbox, State, Trouble,
    UserId, Via, Visibility, sign,
};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

const SIGNING_TOKEN: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// One project with a member of each role, and a client that acts for them.
struct Scene {
    gitlab: Sandbox,
    http: Client,
    project: u64,
    guest: UserId,
    reporter: UserId,
    maintainer: UserId,
}

impl Scene {
    async fn start() -> Self {
        Self::with(Options::default()).await
    }

    async fn with(options: Options) -> Self {
        let gitlab = Sandbox::start(options).await.unwrap();
        let project = gitlab.project("acme/shop");
        let member = |name: &str, level| {
            let user = gitlab.user(name);
            gitlab.member(user, "acme", level);
            user
        };
        let (guest, reporter, maintainer) =
            (member("guest", 10), member("reporter", 20), member("maintainer", 50));
        for title in ["incident", "a::1", "a::2", "two words"] {
            gitlab.label("acme", title);
        }
        Self {
            http: Client::builder().no_proxy().build().unwrap(),
            gitlab,
            project,
            guest,
            reporter,
            maintainer,
        }
    }

    fn issue(&self) -> IssueId {
        self.gitlab.issue(self.project).by(self.maintainer).create()
    }

    async fn ask(&self, user: UserId, method: Method, path: &str, body: Value) -> Answer {
        let token = self.gitlab.token(user, &["api"]);
        let request = self.http.request(method, format!("{}/api/v4{path}", self.gitlab.url()));
        let answer = request.header("PRIVATE-TOKEN", token).json(&body).send().await.unwrap();
        Answer::read(answer).await
    }

    async fn get(&self, user: UserId, path: &str) -> Answer {
        self.ask(user, Method::GET, path, json!({})).await
    }

    async fn put(&self, user: UserId, issue: IssueId, body: Value) -> Answer {
        self.ask(user, Method::PUT, &at(issue), body).await
    }

    async fn post_note(&self, user: UserId, issue: IssueId, body: &str) -> Answer {
        self.ask(user, Method::POST, &format!("{}/notes", at(issue)), json!({ "body": body })).await
    }

    async fn put_note(&self, user: UserId, issue: IssueId, note: u64, body: &str) -> Answer {
        self.ask(user, Method::PUT, &format!("{}/notes/{note}", at(issue)), json!({ "body": body })).await
    }

    /// A receiver that answers with this status, subscribed to everything.
    async fn listen(&self, status: u16) -> (Receiver, u64) {
        let receiver = Receiver::start(status).await;
        let hook = Hook {
            token: Some("secret".into()),
            signing_token: Some(SIGNING_TOKEN.into()),
            ..Hook::to(&receiver.url)
        };
        let hook = self.gitlab.hook("acme/shop", hook);
        (receiver, hook)
    }
}

fn at(issue: IssueId) -> String {
    format!("/projects/{}/issues/{}", issue.project_id, issue.iid)
}

struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Value,
}

impl Answer {
    async fn read(answer: Response) -> Self {
        let pairs = answer.headers().iter();
        Self {
            status: answer.status().as_u16(),
            headers: pairs.map(|(name, value)| (name.to_string(), value.to_str().unwrap().into())).collect(),
            body: serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default(),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// What arrived at a webhook's address.
struct Received {
    headers: Vec<(String, String)>,
    bytes: web::Bytes,
    body: Value,
}

impl Received {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    fn kind(&self) -> (&str, &str) {
        (self.header("x-gitlab-event"), self.body["event_type"].as_str().unwrap())
    }
}

#[derive(Clone)]
struct Receiver {
    url: String,
    status: u16,
    got: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    async fn start(status: u16) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/webhooks/gitlab", listener.local_addr().unwrap());
        let receiver = Self { url, status, got: Arc::default() };
        let state = receiver.clone();
        let app =
            move || App::new().app_data(web::Data::new(state.clone())).default_service(web::to(receive));
        tokio::spawn(HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run());
        receiver
    }

    fn take(&self) -> Vec<Received> {
        std::mem::take(&mut self.got.lock().unwrap())
    }
}

async fn receive(state: web::Data<Receiver>, request: HttpRequest, bytes: web::Bytes) -> HttpResponse {
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().into())).collect();
    let body = serde_json::from_slice(&bytes).unwrap();
    state.got.lock().unwrap().push(Received { headers, bytes, body });
    HttpResponse::build(Status::from_u16(state.status).unwrap()).finish()
}

// Labels.

#[tokio::test]
async fn a_guests_labels_are_dropped_and_the_answer_is_200() {
    let scene = Scene::start().await;
    let issue = scene.issue();
    let answer = scene.put(scene.guest, issue, json!({"add_labels": "incident"})).await;
    assert_eq!((answer.status, &answer.body["labels"]), (200, &json!([])));
    assert!(scene.gitlab.labels(issue).is_empty());
}

#[tokio::test]
async fn removing_a_label_wins_over_adding_it() {
    let scene = Scene::start().await;
    let issue = scene.issue();
    let both = json!({"add_labels": "incident,two words", "remove_labels": "incident"});
    let answer = scene.put(scene.reporter, issue, both).await;
    assert_eq!(answer.body["labels"], json!(["two words"]));
}

#[tokio::test]
async fn a_title_in_the_wrong_case_becomes_a_twin_in_the_project() {
    let scene = Scene::start().await;
    let issue = scene.issue();
    scene.put(scene.reporter, issue, json!({"add_labels": ["Incident", "incident"]})).await;
    assert_eq!(scene.gitlab.labels(issue), ["Incident", "incident"]);
    let twin = scene.get(scene.reporter, "/projects/acme%2Fshop/labels/Incident").await;
    assert_eq!((&twin.body["is_project_label"], &twin.body["color"]), (&json!(true), &json!("#6699cc")));
}

#[tokio::test]
async fn scoped_labels_drive_each_other_out_and_the_last_of_one_call_wins() {
    let scene = Scene::start().await;
    let issue = scene.issue();
    scene.put(scene.reporter, issue, json!({"add_labels": "a::1"})).await;
    scene.put(scene.reporter, issue, json!({"add_labels": "a::2"})).await;
    assert_eq!(scene.gitlab.labels(issue), ["a::2"]);
    let fresh = scene.issue();
    scene.put(scene.reporter, fresh, json!({"add_labels": "a::2,a::1"})).await;
    assert_eq!(scene.gitlab.labels(fresh), ["a::1"]);
}

#[tokio::test]
async fn on_free_scoped_labels_are_labels_like_any_other() {
    let scene = Scene::with(Options { scoped_labels: false, ..Options::default() }).await;
    let issue = scene.issue();
    scene.put(scene.reporter, issue, json!({"add_labels": "a::1,a::2"})).await;
    assert_eq!(scene.gitlab.labels(issue), ["a::1", "a::2"]);
}

#[tokio::test]
async fn an_archived_label_cannot_be_added_but_stays_where_it_is() {
    let scene = Scene::start().await;
    let (tagged, fresh) = (scene.issue(), scene.issue());
    scene.gitlab.by(scene.reporter).add_labels(tagged, ["incident"]).unwrap();
    scene.gitlab.archive_label(scene.gitlab.label("acme", "incident"));
    let answer = scene.put(scene.reporter, fresh, json!({"add_labels": "incident"})).await;
    assert_eq!(answer.body["labels"], json!([]));
    assert_eq!(scene.gitlab.labels(tagged), ["incident"]);
}

#[tokio::test]
async fn a_deleted_label_leaves_its_issues_silently_and_its_events_without_a_name() {
    let scene = Scene::start().await;
    let issue = scene.issue();
    scene.put(scene.reporter, issue, json!({"add_labels": "a::1"})).await;
    let (receiver, _) = scene.listen(200).await;
    let gone = scene.ask(scene.reporter, Method::DELETE, "/groups/acme/labels/a%3A%3A1", json!({})).await;
    scene.gitlab.settled().await;
    assert_eq!(gone.status, 204);
    assert!(scene.gitlab.labels(issue).is_empty() && receiver.take().is_empty());
    let events = scene.get(scene.reporter, &format!("{}/resource_label_events", at(issue))).await;
    assert_eq!((&events.body[0]["action"], &events.body[0]["label"]), (&json!("add"), &Value::Null));
}

#[tokio::test]
async fn a_second_label_of_one_title_is_a_conflict() {
    let scene = Scene::start().await;
    let label = json!({"name": "new", "color": "#112233"});
    for (status, message) in [(201, Value::Null), (409, json!("Label already exists"))] {
        let answer =
            scene.ask(scene.reporter, Method::POST, "/projects/acme%2Fshop/labels", label.clone()).await;
        assert_eq!((answer.status, &answer.body["message"]), (status, &message));
    }
}

#[tokio::test]
async fn every_label_change_is_an_event_with_its_user_and_a_system_note() {
    let scene = Scene::start().await;
    let issue = scene.issue();
    scene.put(scene.reporter, issue, json!({"add_labels": "incident"})).await;
    scene.gitlab.by(scene.maintainer).remove_labels(issue, ["incident"]).unwrap();
    let events = scene.gitlab.label_events(issue);
    let seen: Vec<_> = events.iter().map(|event| (event.user, event.action)).collect();
    assert_eq!(seen, [(scene.reporter, LabelAction::Add), (scene.maintainer, LabelAction::Remove)]);
    let path = format!("{}/notes?activity_filter=only_activity", at(issue));
    assert_eq!(scene.get(scene.reporter, &path).await.body.as_array().unwrap().len(), 2);
}

// Notes and quick actions.

#[tokio::test]
async fn command_lines_of_a_new_note_are_run_and_taken_out() {
    let scene = Scene::start().await;
    let issue = scene.issue();
    let answer =
        scene.post_note(scene.reporter, issue, "Look:\n/label ~\"two words\" ~incident\n/CLOSE\n").await;
    assert_eq!((answer.status, &answer.body["body"]), (201, &json!("Look:")));
    assert_eq!(scene.gitlab.labels(issue), ["incident", "two words"]);
    assert_eq!(scene.gitlab.state(issue), Some(State::Closed));
}

#[tokio::test]
async fn command_lines_of_an_edited_note_are_run_and_taken_out() {
    let scene = Scene::start().await;
    let issue = scene.issue();
    let note = scene.gitlab.by(scene.reporter).note(issue, "first").unwrap().unwrap();
    let answer = scene.put_note(scene.reporter, issue, note, "second\n/label ~incident").await;
    assert_eq!((answer.status, &answer.body["body"]), (200, &json!("second")));
    assert_eq!(scene.gitlab.labels(issue), ["incident"]);
}

#[tokio::test]
async fn commands_in_a_code_block_or_a_quote_are_text() {
    let scene = Scene::start().await;
    let issue = scene.issue();
    let body = "Try:\n\n```\n/label ~incident\n```\n\n> /close\n\n    /close\n/etc/hosts is a file";
    let answer = scene.post_note(scene.reporter, issue, body).await;
    assert_eq!((answer.status, &answer.body["body"]), (201, &json!(body)));
    assert!(scene.gitlab.labels(issue).is_empty());
    assert_eq!(scene.gitlab.state(issue), Some(State::Opened));
}

#[tokio::test]
async fn a_note_of_nothing_but_commands_is_accepted_and_not_kept() {
    let scene = Scene::start().await;
    let issue = scene.issue();
    let answer = scene.post_note(scene.reporter, issue, "/label ~incident").await;
    assert_eq!(answer.status, 202);
    assert!(answer.body["summary"][0].is_string() && answer.body["id"].is_null());
    assert!(scene.gitlab.notes(issue).is_empty());
    let nothing = scene.post_note(scene.guest, issue, "/label ~incident").await;
    assert_eq!(nothing.status, 400);
}

#[tokio::test]
async fn a_command_cannot_create_a_label() {
    let scene = Scene::start().await;
    let issue = scene.issue();
    scene.post_note(scene.reporter, issue, "See:\n/label ~unheard-of").await;
    assert!(scene.gitlab.labels(issue).is_empty());
}

#[tokio::test]
async fn a_note_edited_to_nothing_but_commands_is_deleted() {
    let scene = Scene::start().await;
    let issue = scene.issue();
    let note = scene.gitlab.by(scene.reporter).note(issue, "text").unwrap().unwrap();
    assert_eq!(scene.put_note(scene.reporter, issue, note, "/label ~incident").await.status, 200);
    assert!(scene.gitlab.notes(issue).is_empty());
    assert_eq!(scene.gitlab.labels(issue), ["incident"]);
}

#[tokio::test]
async fn only_the_author_and_maintainers_edit_a_note() {
    let scene = Scene::start().await;
    let issue = scene.issue();
    let note = scene.gitlab.by(scene.guest).note(issue, "mine").unwrap().unwrap();
    assert_eq!(scene.put_note(scene.reporter, issue, note, "yours").await.status, 403);
    assert_eq!(scene.put_note(scene.maintainer, issue, note, "ours").await.status, 200);
}

#[tokio::test]
async fn an_answer_makes_a_thread_of_a_note() {
    let scene = Scene::start().await;
    let issue = scene.issue();
    let [first, other] =
        ["first", "other"].map(|text| scene.gitlab.by(scene.guest).note(issue, text).unwrap().unwrap());
    let answer = scene.gitlab.by(scene.reporter).answer(issue, first, "answer").unwrap().unwrap();
    let kind = async |note| {
        scene.get(scene.guest, &format!("{}/notes/{note}", at(issue))).await.body["type"].clone()
    };
    assert_eq!([kind(first).await, kind(answer).await], ["DiscussionNote"; 2].map(Value::from));
    assert_eq!(kind(other).await, Value::Null);
    let notes = scene.gitlab.notes(issue);
    let thread = |id| notes.iter().find(|note| note.id == id).map(|note| &note.discussion_id);
    assert!(thread(first) == thread(answer) && thread(first) != thread(other));
}

#[tokio::test]
async fn guests_neither_see_nor_write_internal_notes() {
    let scene = Scene::start().await;
    let issue = scene.issue();
    let note = scene.gitlab.by(scene.reporter).internal_note(issue, "secret").unwrap().unwrap();
    let notes = format!("{}/notes", at(issue));
    let internal = json!({"body": "x", "internal": true});
    assert_eq!(scene.get(scene.guest, &format!("{notes}/{note}")).await.status, 404);
    assert_eq!(scene.get(scene.guest, &notes).await.body, json!([]));
    assert_eq!(scene.ask(scene.guest, Method::POST, &notes, internal).await.status, 403);
}

#[tokio::test]
async fn too_many_new_notes_are_refused_without_saying_until_when() {
    let scene = Scene::with(Options { notes_per_minute: Some(0), ..Options::default() }).await;
    let issue = scene.issue();
    let answer = scene.post_note(scene.reporter, issue, "one too many").await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, None));
}

// Webhooks.

#[tokio::test]
async fn an_open_event_never_lists_labels_among_the_changes() {
    let scene = Scene::start().await;
    let (receiver, _) = scene.listen(200).await;
    scene.gitlab.issue(scene.project).by(scene.reporter).labels(["incident"]).create();
    scene.gitlab.settled().await;
    let got = receiver.take();
    assert_eq!(got[0].body["object_attributes"]["action"], "open");
    assert_eq!(got[0].body["labels"][0]["title"], "incident");
    assert!(got[0].body["changes"]["labels"].is_null() && got[0].body["project_id"].is_null());
}

#[tokio::test]
async fn a_delivery_carries_a_signature_that_its_bytes_prove() {
    let scene = Scene::start().await;
    let (receiver, _) = scene.listen(200).await;
    let issue = scene.issue();
    scene.gitlab.by(scene.reporter).note(issue, "Grüße 🚀").unwrap();
    scene.gitlab.settled().await;
    for delivery in receiver.take() {
        let (id, at) = (delivery.header("webhook-id"), delivery.header("webhook-timestamp"));
        let expected = sign(SIGNING_TOKEN, id, at.parse().unwrap(), &delivery.bytes);
        assert_eq!(delivery.header("webhook-signature"), expected);
        assert_eq!(delivery.header("x-gitlab-token"), "secret");
        assert_eq!(delivery.header("idempotency-key"), id);
        assert_eq!(delivery.header("x-gitlab-instance"), scene.gitlab.url());
    }
}

#[test]
fn signatures_are_those_of_standard_webhooks() {
    let id = "f5e5f430-f57b-4e6e-9fac-d9128cd7232f";
    let body = br#"{"object_kind":"issue","event_type":"issue"}"#;
    let signature = sign(SIGNING_TOKEN, id, 1_744_578_123, body);
    assert_eq!(signature, "v1,LzOI+q9Yf/XRer78Q6Yoi6X7BVUYf10mWYOvuF2tKLQ=");
    let other = sign(SIGNING_TOKEN, "msg_1", 1_700_000_000, br#"{"object_kind":"issue"}"#);
    assert_eq!(other, "v1,VmnT9KAHXpFLBLMnUzUCYTC/0bjYA6boIjotfsYwJH8=");
}

#[tokio::test]
async fn confidential_things_go_only_to_webhooks_that_ask_for_them() {
    let scene = Scene::start().await;
    let (open, confidential) = (Receiver::start(200).await, Receiver::start(200).await);
    let plain = Hook { confidential_issues: false, confidential_notes: false, ..Hook::to(&open.url) };
    let secret = Hook { issues: false, notes: false, ..Hook::to(&confidential.url) };
    scene.gitlab.hook("acme/shop", plain);
    scene.gitlab.hook("acme", secret);
    let issue =
        scene.gitlab.issue(scene.project).by(scene.reporter).kind(Kind::Incident).confidential().create();
    scene.gitlab.by(scene.reporter).note(issue, "hush").unwrap();
    let public = scene.issue();
    scene.gitlab.by(scene.reporter).internal_note(public, "hush").unwrap();
    scene.gitlab.settled().await;
    assert_eq!(open.take().iter().map(Received::kind).collect::<Vec<_>>(), [("Issue Hook", "issue")]);
    let got = confidential.take();
    let mut kinds: Vec<_> = got.iter().map(Received::kind).collect();
    kinds.sort_unstable();
    let note = ("Confidential Note Hook", "confidential_note");
    assert_eq!(kinds, [("Confidential Issue Hook", "confidential_work_item"), note, note]);
    assert_eq!(scene.get(scene.guest, &at(issue)).await.status, 404);
}

#[tokio::test]
async fn a_comment_with_text_and_a_label_makes_two_deliveries() {
    let scene = Scene::start().await;
    let issue = scene.issue();
    let (receiver, _) = scene.listen(200).await;
    scene.post_note(scene.reporter, issue, "Yes.\n/label ~incident").await;
    scene.gitlab.settled().await;
    let mut got = receiver.take();
    got.sort_by_key(|delivery| delivery.header("x-gitlab-event").to_owned());
    assert_eq!(got.len(), 2);
    assert_eq!(got[0].body["changes"]["labels"]["current"][0]["title"], "incident");
    assert_eq!(got[1].body["object_attributes"]["note"], "Yes.");
    assert_eq!(got[1].body["issue"]["labels"][0]["title"], "incident");
}

#[tokio::test]
async fn closing_and_relabelling_at_once_makes_two_events() {
    let scene = Scene::with(Options { deliveries_at_once: 1, ..Options::default() }).await;
    let issue = scene.issue();
    let (receiver, _) = scene.listen(200).await;
    scene.put(scene.reporter, issue, json!({"state_event": "close", "add_labels": "incident"})).await;
    scene.gitlab.settled().await;
    let got = receiver.take();
    let actions: Vec<_> = got.iter().map(|delivery| &delivery.body["object_attributes"]["action"]).collect();
    assert_eq!(actions, ["close", "update"]);
    assert!(got[0].body["changes"]["labels"].is_null());
}

#[tokio::test]
async fn converting_an_issue_is_an_update_that_does_not_say_so() {
    let scene = Scene::start().await;
    let issue = scene.issue();
    let (receiver, _) = scene.listen(200).await;
    scene.gitlab.by(scene.reporter).convert(issue, Kind::Incident).unwrap();
    scene.gitlab.settled().await;
    let got = receiver.take();
    let changes: Vec<_> = got[0].body["changes"].as_object().unwrap().keys().collect();
    assert!(changes.iter().all(|key| matches!(key.as_str(), "updated_at" | "updated_by_id")), "{changes:?}");
    assert_eq!(got[0].body["object_kind"], "work_item");
    assert_eq!(got[0].body["object_attributes"]["type"], "Incident");
}

#[tokio::test]
async fn an_incident_changed_over_rest_comes_as_an_issue() {
    let scene = Scene::start().await;
    let issue = scene.gitlab.issue(scene.project).kind(Kind::Incident).create();
    let (receiver, _) = scene.listen(200).await;
    scene.put(scene.reporter, issue, json!({"add_labels": "incident"})).await;
    scene.gitlab.by(scene.reporter).via(Via::Rest).remove_labels(issue, ["incident"]).unwrap();
    scene.gitlab.settled().await;
    for delivery in receiver.take() {
        assert_eq!(delivery.body["object_kind"], "issue");
        assert_eq!(delivery.body["object_attributes"]["type"], "Incident");
    }
}

#[tokio::test]
async fn an_edited_note_names_its_author_and_an_unchanged_one_says_nothing() {
    let scene = Scene::start().await;
    let issue = scene.issue();
    let note = scene.gitlab.by(scene.reporter).note(issue, "first").unwrap().unwrap();
    let (receiver, _) = scene.listen(200).await;
    let edited = scene.gitlab.by(scene.maintainer).edit_note(issue, note, "second").unwrap();
    let again = scene.gitlab.by(scene.maintainer).edit_note(issue, note, "second").unwrap();
    scene.gitlab.settled().await;
    assert_eq!((edited, again), (Edited::Changed, Edited::Unchanged));
    let got = receiver.take();
    assert_eq!(got.len(), 1);
    assert_eq!(got[0].body["user"]["username"], "reporter");
    assert_eq!(got[0].body["object_attributes"]["updated_by_id"], scene.maintainer.0);
}

#[tokio::test]
async fn a_webhook_that_fails_four_times_misses_what_follows() {
    let scene = Scene::start().await;
    let (receiver, hook) = scene.listen(500).await;
    for _ in 0..4 {
        assert_eq!(scene.gitlab.alert_status(hook), Some(AlertStatus::Executable));
        scene.issue();
        scene.gitlab.settled().await;
    }
    assert_eq!(scene.gitlab.alert_status(hook), Some(AlertStatus::TemporarilyDisabled));
    scene.issue();
    scene.gitlab.settled().await;
    assert_eq!(receiver.take().len(), 4);
    let shown = scene.get(scene.maintainer, &format!("/projects/acme%2Fshop/hooks/{hook}")).await;
    assert_eq!(shown.body["alert_status"], "temporarily_disabled");
    assert!(shown.body["disabled_until"].is_string());
}

#[tokio::test]
async fn an_events_chain_does_not_reach_the_webhook_that_began_it() {
    let scene = Scene::start().await;
    let (receiver, _) = scene.listen(200).await;
    let issue = scene.issue();
    scene.gitlab.settled().await;
    let chain = receiver.take()[0].header("x-gitlab-event-uuid").to_owned();
    let token = scene.gitlab.token(scene.reporter, &["api"]);
    let url = format!("{}/api/v4{}", scene.gitlab.url(), at(issue));
    let request = scene.http.put(&url).bearer_auth(&token).header("X-Gitlab-Event-UUID", chain);
    request.json(&json!({"add_labels": "incident"})).send().await.unwrap();
    scene.gitlab.settled().await;
    assert!(receiver.take().is_empty());
}

#[tokio::test]
async fn held_deliveries_wait_and_a_replay_keeps_id_and_body() {
    let scene = Scene::start().await;
    let (receiver, _) = scene.listen(200).await;
    scene.gitlab.hold_deliveries();
    let issue = scene.issue();
    scene.gitlab.by(scene.reporter).add_labels(issue, ["incident"]).unwrap();
    scene.gitlab.settled().await;
    assert_eq!((receiver.take().len(), scene.gitlab.undelivered()), (0, 2));
    scene.gitlab.release_deliveries(Some(7));
    scene.gitlab.settled().await;
    assert!(scene.gitlab.replay(0));
    scene.gitlab.settled().await;
    let got = receiver.take();
    let (first, last) = (&scene.gitlab.deliveries()[0], &got[2]);
    assert_eq!((last.header("webhook-id"), &last.bytes[..]), (first.id.as_str(), first.body.as_bytes()));
}

#[tokio::test]
async fn a_webhooks_secrets_are_never_shown_and_a_new_address_drops_the_token() {
    let scene = Scene::start().await;
    let hooks = "/projects/acme%2Fshop/hooks";
    let wish = json!({"url": "http://127.0.0.1:1/a", "token": "secret", "signing_token": SIGNING_TOKEN});
    let made = scene.ask(scene.maintainer, Method::POST, hooks, wish).await;
    assert_eq!(made.status, 201);
    assert!(!made.body.to_string().contains("secret\"") && !made.body.to_string().contains("whsec"));
    assert_eq!(made.body["token_present"], true);
    let path = format!("{hooks}/{}", made.body["id"]);
    let moved = scene.ask(scene.maintainer, Method::PUT, &path, json!({"url": "http://127.0.0.1:1/b"})).await;
    assert_eq!(
        (&moved.body["token_present"], &moved.body["signing_token_present"]),
        (&json!(false), &json!(true))
    );
}

// Who may do what.

#[tokio::test]
async fn what_one_may_not_see_is_missing_and_what_one_may_not_change_is_forbidden() {
    let scene = Scene::start().await;
    let issue = scene.issue();
    let stranger = scene.gitlab.user("stranger");
    let close = json!({"state_event": "close"});
    let hidden = scene.put(stranger, issue, close.clone()).await;
    assert_eq!((hidden.status, &hidden.body["message"]), (404, &json!("404 Project Not Found")));
    scene.gitlab.visibility(scene.project, Visibility::Public);
    assert_eq!(scene.put(stranger, issue, close.clone()).await.status, 403);
    assert_eq!(scene.put(scene.guest, issue, close.clone()).await.status, 403);
    scene.gitlab.archive(scene.project, true);
    assert_eq!(scene.put(scene.maintainer, issue, close).await.status, 403);
}

#[tokio::test]
async fn a_bad_token_is_unauthorized_and_a_reading_one_may_not_write() {
    let scene = Scene::start().await;
    let issue = scene.issue();
    let url = format!("{}/api/v4{}", scene.gitlab.url(), at(issue));
    let (reading, revoked) =
        (scene.gitlab.token(scene.reporter, &["read_api"]), scene.gitlab.token(scene.reporter, &["api"]));
    scene.gitlab.revoke(&revoked);
    for token in ["nonsense", &revoked] {
        let answer = Answer::read(scene.http.get(&url).bearer_auth(token).send().await.unwrap()).await;
        assert_eq!((answer.status, answer.body), (401, json!({"message": "401 Unauthorized"})));
    }
    let read = scene.http.get(&url).bearer_auth(&reading).send().await.unwrap();
    assert_eq!(read.status(), 200);
    let write =
        scene.http.put(&url).bearer_auth(&reading).json(&json!({"add_labels": "x"})).send().await.unwrap();
    let write = Answer::read(write).await;
    assert_eq!((write.status, &write.body["error"]), (403, &json!("insufficient_scope")));
}

// Lists.

#[tokio::test]
async fn lists_come_in_pages_with_links_to_follow() {
    let scene = Scene::start().await;
    for number in 0..5 {
        let labels: &[&str] = if number == 0 { &[] } else { &["incident"] };
        scene.gitlab.issue(scene.project).labels(labels.iter().copied()).create();
    }
    let path = "/projects/acme%2Fshop/issues?labels=incident&per_page=3&sort=asc";
    let first = scene.get(scene.reporter, path).await;
    assert_eq!(first.body.as_array().unwrap().len(), 3);
    for (name, value) in [("x-total", "4"), ("x-total-pages", "2"), ("x-next-page", "2"), ("x-prev-page", "")]
    {
        assert_eq!(first.header(name), Some(value), "{name}");
    }
    let link = first.header("link").unwrap();
    let next = link.split(", ").find(|part| part.ends_with("rel=\"next\"")).unwrap();
    let next = next.trim_start_matches('<').split('>').next().unwrap();
    let token = scene.gitlab.token(scene.reporter, &["api"]);
    let second = Answer::read(scene.http.get(next).bearer_auth(token).send().await.unwrap()).await;
    assert_eq!((second.body.as_array().unwrap().len(), &second.body[0]["iid"]), (1, &json!(5)));
    assert_eq!(second.header("x-next-page"), Some(""));
}

#[tokio::test]
async fn lists_of_issues_are_narrowed_by_labels_state_type_and_time() {
    let scene = Scene::start().await;
    let tagged = scene.gitlab.issue(scene.project).labels(["incident", "a::1"]).create();
    let bare = scene.gitlab.issue(scene.project).kind(Kind::Incident).create();
    scene.gitlab.by(scene.reporter).close(bare).unwrap();
    for (query, expected) in [
        ("labels=incident,a::1", vec![tagged.iid]),
        ("labels=incident,a::2", vec![]),
        ("labels=None", vec![bare.iid]),
        ("labels=Any", vec![tagged.iid]),
        ("labels=a::*", vec![tagged.iid]),
        ("not[labels]=incident", vec![bare.iid]),
        ("state=closed", vec![bare.iid]),
        ("issue_type=incident", vec![bare.iid]),
        ("iids[]=1&iids[]=2&sort=asc", vec![tagged.iid, bare.iid]),
        ("updated_after=2001-01-01T00:00:00Z&sort=asc", vec![tagged.iid, bare.iid]),
        ("updated_before=2001-01-01T00:00:00.000%2B02:00", vec![]),
    ] {
        let answer = scene.get(scene.reporter, &format!("/groups/acme/issues?{query}")).await;
        let iids: Vec<u64> =
            answer.body.as_array().unwrap().iter().filter_map(|issue| issue["iid"].as_u64()).collect();
        assert_eq!(iids, expected, "{query}");
    }
}

#[tokio::test]
async fn forms_are_understood_like_json() {
    let scene = Scene::start().await;
    let issue = scene.issue();
    let token = scene.gitlab.token(scene.reporter, &["api"]);
    let request = scene.http.put(format!("{}/api/v4{}", scene.gitlab.url(), at(issue))).bearer_auth(token);
    let request = request.header("Content-Type", "application/x-www-form-urlencoded");
    request.body("add_labels%5B%5D=two+words&add_labels%5B%5D=incident").send().await.unwrap();
    assert_eq!(scene.gitlab.labels(issue), ["incident", "two words"]);
}

// Trouble on request.

#[tokio::test]
async fn a_note_can_be_written_although_its_author_never_hears_of_it() {
    for loss in [Loss::BadGateway, Loss::Reset, Loss::Silence(Duration::from_secs(30))] {
        let scene = Scene::start().await;
        let issue = scene.issue();
        scene.gitlab.fault(Fault::new(Trouble::ApplyThenLose(loss)).on("POST", "/notes").times(1));
        let token = scene.gitlab.token(scene.reporter, &["api"]);
        let request = scene.http.post(format!("{}/api/v4{}/notes", scene.gitlab.url(), at(issue)));
        let request = request.bearer_auth(token).timeout(Duration::from_secs(5));
        let answer = request.json(&json!({"body": "hello"})).send().await;
        let heard = answer.is_ok_and(|answer| answer.status().is_success());
        assert!(!heard, "{loss:?}");
        assert_eq!(scene.gitlab.notes(issue).len(), 1, "{loss:?}");
        assert_eq!(scene.gitlab.writes(issue), 1, "{loss:?}");
        let status = scene.gitlab.requests()[0].status;
        assert_eq!(status, (loss == Loss::BadGateway).then_some(502));
        assert_eq!(scene.post_note(scene.reporter, issue, "again").await.status, 201);
    }
}

#[tokio::test]
async fn faults_hit_what_they_name_and_nothing_else() {
    let scene = Scene::start().await;
    let issue = scene.issue();
    scene.gitlab.fault(Fault::throttled(7).on("GET", "/issues/").by(scene.reporter).times(1));
    assert_eq!(scene.get(scene.maintainer, &at(issue)).await.status, 200);
    let refused = scene.get(scene.reporter, &at(issue)).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("7")));
    assert_eq!(scene.get(scene.reporter, &at(issue)).await.status, 200);

    scene.gitlab.fault(Fault::status(500).at("GET", &at(issue)).times(1));
    assert_eq!(scene.get(scene.reporter, &format!("{}/notes", at(issue))).await.status, 200);
    assert_eq!(scene.get(scene.reporter, &at(issue)).await.status, 500);

    scene.gitlab.fault(Fault::new(Trouble::Reset));
    let url = format!("{}/api/v4{}", scene.gitlab.url(), at(issue));
    assert!(scene.http.get(&url).send().await.is_err());
    scene.gitlab.clear_faults();
    assert_eq!(scene.gitlab.reads(issue), 6);
    assert_eq!(scene.gitlab.requests()[0].route, "/api/v4/projects/{project}/issues/{iid}");
}

#[tokio::test]
async fn a_rate_limit_is_shown_and_then_enforced() {
    let scene = Scene::with(Options { requests_per_minute: Some(0), ..Options::default() }).await;
    let answer = scene.get(scene.reporter, "/user").await;
    assert_eq!((answer.status, answer.header("ratelimit-limit")), (429, Some("0")));
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test]
async fn a_stopped_gitlab_is_gone_and_its_port_is_free() {
    let scene = Scene::start().await;
    let port = scene.gitlab.url().rsplit(':').next().unwrap().parse().unwrap();
    scene.gitlab.stop().await;
    assert!(scene.http.get(scene.gitlab.url()).send().await.is_err());
    Sandbox::start(Options { port, ..Options::default() }).await.unwrap();
}

#[tokio::test]
async fn the_number_of_a_deleted_issue_does_not_come_back() {
    let scene = Scene::start().await;
    let issue = scene.issue();
    scene.gitlab.by(scene.maintainer).delete(issue).unwrap();
    assert_eq!(scene.get(scene.maintainer, &at(issue)).await.status, 404);
    assert_eq!(scene.issue().iid, issue.iid + 1);
}

#[tokio::test]
async fn an_api_write_that_changes_nothing_can_still_be_an_event() {
    for (event_for_no_change, expected) in [(true, 2), (false, 1)] {
        let scene = Scene::with(Options { event_for_no_change, ..Options::default() }).await;
        let issue = scene.issue();
        let (receiver, _) = scene.listen(200).await;
        for _ in 0..2 {
            scene.put(scene.reporter, issue, json!({"add_labels": "incident"})).await;
        }
        scene.gitlab.settled().await;
        let got = receiver.take();
        assert_eq!(got.len(), expected);
        let with_labels = got.iter().filter(|delivery| !delivery.body["changes"]["labels"].is_null());
        assert_eq!(with_labels.count(), 1);
    }
}

// The demo.

#[tokio::test]
async fn the_demos_page_plays_with_its_world_but_only_from_this_machine() {
    let scene = Scene::start().await;
    let demo = scene.gitlab.seed_demo();
    scene.gitlab.file_demo_issues(&demo);
    let incident = IssueId { project_id: demo.shop, iid: 6 };
    let state_url = format!("{}/demo/state", scene.gitlab.url());
    let state = Answer::read(scene.http.get(&state_url).send().await.unwrap()).await;
    assert_eq!(state.body["me"]["name"], "Riley Reporter");
    assert!(state.body["issues"].as_array().unwrap().len() >= 7);

    let labels = format!("{}/demo/issues/{}/6/labels", scene.gitlab.url(), demo.shop);
    let wish = json!({"add": ["complexity::yes"], "remove": ["complexity::no"]});
    assert_eq!(scene.http.post(&labels).json(&wish).send().await.unwrap().status(), 200);
    assert_eq!(scene.gitlab.labels(incident), ["complexity::yes"]);

    let form = scene.http.post(&labels).header("Content-Type", "text/plain").body(wish.to_string());
    assert_eq!(form.send().await.unwrap().status(), 400);
    let typo = scene.http.post(&labels).json(&json!({"add": ["nonsense"]})).send().await.unwrap();
    assert!(Answer::read(typo).await.body["error"].is_string());
    let elsewhere = scene.http.get(&state_url).header("Host", "evil.example").send().await.unwrap();
    assert_eq!(elsewhere.status(), 404);
}

#[tokio::test]
async fn the_demos_page_hears_of_every_change() {
    let scene = Scene::start().await;
    let demo = scene.gitlab.seed_demo();
    scene.gitlab.file_demo_issues(&demo);
    let mut events = scene.http.get(format!("{}/demo/events", scene.gitlab.url())).send().await.unwrap();
    let first = events.chunk().await.unwrap().unwrap();
    assert!(first.starts_with(b"data: "));
    scene.gitlab.by(demo.person).close(IssueId { project_id: demo.shop, iid: 6 }).unwrap();
    let second = events.chunk().await.unwrap().unwrap();
    assert!(second.starts_with(b"data: ") && second != first);
}
