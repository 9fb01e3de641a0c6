//! Where setup finds something before it: a project alone, a group without a licence, labels in use.

use escalator::sandbox::Options;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Bare, URL, lines};

fn names(found: &[Value]) -> Vec<&str> {
    found.iter().map(|one| one["name"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_watched_alone_has_it_all_and_its_group_nothing() {
    let bare = Bare::start(Options::default()).await;
    bare.gitlab.label("acme", "SIRT");
    let settings = [
        ("GITLAB__GROUPS", ""),
        ("GITLAB__PROJECTS", "acme/shop"),
        ("WEBHOOK__SIGNING_TOKENS_FILE", "tokens"),
    ];
    let said = bare.setup_with(&["--yes"], &settings);
    assert_eq!((said.code, said.error.as_str()), (Some(0), ""), "{}", said.out);
    assert!(said.out.contains("= project acme/shop: label \"SIRT\"\n"), "{}", said.out);
    assert_eq!(names(&bare.list("groups/acme/labels").await), ["SIRT"]);
    assert!(bare.list("groups/acme/boards").await.is_empty());
    assert!(bare.list("groups/acme/hooks").await.is_empty());
    assert!(names(&bare.list("projects/acme%2Fshop/labels").await).contains(&"platform-escalation"));
    assert_eq!(names(&bare.list("projects/acme%2Fshop/boards").await), ["Platform Escalations"]);
    assert_eq!(bare.list("projects/acme%2Fshop/hooks").await[0]["url"], URL);
    assert!(bare.list("projects/acme%2Fweb%2Fsite/hooks").await.is_empty());
    assert!(bare.setup_with(&["--yes"], &settings).out.ends_with("Nothing to do.\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_licence_a_board_that_is_there_is_the_only_one() {
    let bare = Bare::start(Options { scoped_labels: false, ..Options::default() }).await;
    bare.call(Method::POST, "groups/acme/boards", json!({"name": "Development"})).await;
    let out = bare.done(&["--yes"]);
    assert!(out.contains("! group acme: no board \"Platform Escalations\": without Premium"), "{out}");
    assert_eq!(names(&bare.list("groups/acme/boards").await), ["Development"]);
    assert_eq!(bare.list("projects/acme%2Fshop/hooks").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_label_in_use_and_a_renamed_one_stay() {
    let bare = Bare::start(Options::default()).await;
    bare.done(&["--yes"]);
    let project = bare.gitlab.project("acme/tools");
    bare.gitlab.issue(project).labels(["SIRT"]).create();
    let labels = bare.list("groups/acme/labels").await;
    let star = labels.iter().find(|label| label["name"] == "STAR").unwrap();
    bare.call(Method::PUT, &format!("groups/acme/labels/{}", star["id"]), json!({"new_name": "STARS"})).await;

    let out = bare.done(&["--remove", "--yes"]);
    assert!(out.contains("! group acme: label \"SIRT\" stays: issues bear it\n"), "{out}");
    assert!(out.contains("! group acme: label \"STAR\" stays: somebody renamed it\n"), "{out}");
    assert_eq!(lines(&out, "!"), 2, "{out}");
    assert_eq!(names(&bare.list("groups/acme/labels").await), ["SIRT", "STARS"]);
}
