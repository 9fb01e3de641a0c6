//! `escalator doctor`: all green where all is well, and each planted fault named with what to do about it.

use escalator::calculator::issue::IssueRef;
use escalator::clock::Millis;
use escalator::sandbox::Options;
use escalator::store::{StopReason, Store};

use crate::clinic::{Clinic, says};
use crate::postgres;

#[tokio::test(flavor = "multi_thread")]
async fn where_all_is_well_everything_is_green_and_nothing_was_written() {
    let clinic = Clinic::open().await;
    let said = clinic.place.run(&["doctor"]).success();
    insta::assert_snapshot!("all_is_well", said.replace(&clinic.gitlab.url(), "http://gitlab.example.com"));
    assert!(clinic.gitlab.requests().iter().all(|request| request.method == "GET"));
    let mut left: Vec<_> =
        std::fs::read_dir(clinic.place.path("")).unwrap().map(|file| file.unwrap().file_name()).collect();
    left.sort();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn json_tells_the_same_in_fields_that_stay() {
    let clinic = Clinic::open().await;
    let json = clinic.place.run(&["doctor", "--format", "json"]).success();
    insta::assert_snapshot!("as_json", json.replace(&clinic.gitlab.url(), "http://gitlab.example.com"));
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_running_service_it_looks_and_leaves_it_in_peace() {
    let clinic = Clinic::open().await;
    let serving = clinic.place.serve();
    let examined = clinic.examine();
    assert_eq!((examined.code, examined.count("ok")), (0, examined.findings.len()));
    assert_eq!(serving.admin("/readyz").await.0, 200);
    assert_eq!(serving.stop().0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_too_low_is_named_with_the_one_that_will_do() {
    let clinic = Clinic::open().await;
    clinic.gitlab.member(clinic.bot, "acme", 10);
    let said = clinic.examine().only_trouble("role", "fail");
    says(&said, &["acme/shop", "give @escalator-bot at least the role Planner in the group acme"]);

    let clinic = clinic.set("ESCALATOR__GITLAB__GROUPS", "").set("ESCALATOR__GITLAB__PROJECTS", "acme/shop");
    says(&clinic.examine().only_trouble("role", "fail"), &["has the role Guest", "role Planner"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_planner_could_label_the_reporter_is_asked_for() {
    let clinic = Clinic::open_with(Options { version: "17.6.0-ee".to_owned(), ..Options::default() }).await;
    clinic.gitlab.member(clinic.bot, "acme", 15);
    says(&clinic.examine().only_trouble("role", "fail"), &["at least the role Reporter"]);
    clinic.gitlab.member(clinic.bot, "acme", 20);
    assert_eq!(clinic.examine().code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_that_are_missing_double_or_archived_are_named() {
    let clinic = Clinic::open().await;
    clinic.gitlab.label("acme/shop", "Platform-Escalation");
    let said = clinic.examine().only_trouble("label-twins", "warn");
    says(&said, &["~\"Platform-Escalation\", ~\"platform-escalation\"", "keep the policy's spelling"]);

    let clinic = Clinic::open().await.set("ESCALATOR__POLICY__ACCEPTED_LABEL", "escalation-decision::yes");
    let said = clinic.examine().only_trouble("labels", "warn");
    says(&said, &["missing: ~\"escalation-decision::yes\"", "Manage > Labels of the group acme"]);

    let clinic = Clinic::open().await;
    clinic.gitlab.archive_label(clinic.gitlab.label("acme", "complexity::no"));
    says(&clinic.examine().only_trouble("labels", "fail"), &["~\"complexity::no\"", "unarchive"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_scoped_labels_are_exclusive_is_told_by_the_licence() {
    for (scoped_labels, expected) in [(true, "exclusive: "), (false, "not exclusive (Free)")] {
        let clinic = Clinic::open_with(Options { scoped_labels, ..Options::default() }).await;
        let examined = clinic.examine();
        let finding = examined.findings.iter().find(|finding| finding["check"] == "scoped-labels").unwrap();
        assert!(finding["found"].as_str().unwrap().starts_with(expected), "{finding}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ends_or_may_too_little_is_named() {
    let clinic = Clinic::open().await.token(&["api"], Some("2020-01-01"));
    says(
        &clinic.examine().only_trouble("token", "fail"),
        &["expired", "make a new token with the scope api"],
    );

    let soon = jiff::Timestamp::from_millisecond(escalator::clock::now().0 + 5 * 86_400_000).unwrap();
    let clinic = Clinic::open().await.token(&["api"], Some(&soon.to_string()[..10]));
    says(&clinic.examine().only_trouble("expiry", "warn"), &["still good: 4", "no restart"]);

    let clinic = Clinic::open().await.token(&["read_api"], None);
    says(
        &clinic.examine().only_trouble("scopes", "fail"),
        &["read_api", "make a new token with the scope api"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn in_shadow_it_says_so_and_a_token_that_only_reads_will_do() {
    let clinic = Clinic::open().await.token(&["read_api"], None).set("ESCALATOR__MODE", "shadow");
    let examined = clinic.examine();
    assert_eq!(examined.code, 0, "{:#?}", examined.findings);
    says(&examined.said("configuration", "ok"), &["mode shadow, which writes nothing to GitLab"]);
    says(&examined.said("scopes", "ok"), &["read_api, enough for mode shadow"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_that_is_archived_or_hidden_is_named() {
    let clinic = Clinic::open()
        .await
        .set("ESCALATOR__GITLAB__GROUPS", "")
        .set("ESCALATOR__GITLAB__PROJECTS", "acme/shop");
    clinic.gitlab.archive(clinic.project, true);
    says(&clinic.examine().only_trouble("archived", "warn"), &["nothing in it can be written", "unarchive"]);

    let clinic = Clinic::open().await.set("ESCALATOR__GITLAB__GROUPS", "acne");
    let examined = clinic.examine();
    says(&examined.only_trouble("visible", "fail"), &["404", "check its spelling in gitlab.groups"]);
    assert!(examined.count("skipped") > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gitlab_that_is_down_is_one_failure_and_no_cascade() {
    let clinic = Clinic::open().await.set("ESCALATOR__GITLAB__URL", "http://127.0.0.1:9");
    let examined = clinic.examine();
    says(&examined.only_trouble("gitlab", "fail"), &["no connection", "check gitlab.url"]);
    assert_eq!(examined.count("skipped"), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_disagree_are_named() {
    for (clock_ahead_seconds, state) in [(-120, "warn"), (4000, "fail")] {
        let clinic = Clinic::open_with(Options { clock_ahead_seconds, ..Options::default() }).await;
        says(&clinic.examine().only_trouble("clock", state), &["GitLab's clock is", "NTP"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_fails_and_a_store_that_cannot_be_written_are_named() {
    let mut clinic = Clinic::open().await.set("ESCALATOR__COMMENT__TEMPLATES", ".");
    clinic.place = clinic.place.file("comment.md.j2", "{{ nothing.of.the.kind }}");
    says(&clinic.examine().only_trouble("templates", "fail"), &["comment.md.j2", "mend the template"]);

    let clinic = Clinic::open().await.set("ESCALATOR__STORE__URL", "sqlite://nowhere/escalator.db");
    says(&clinic.examine().only_trouble("store", "fail"), &["nowhere", "writable"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_of_everything_is_a_failure_and_one_of_an_issue_a_warning() {
    let stopped = async |clinic: &Clinic, store: Store, issue| {
        store.stop_writing(issue, StopReason::TooManyWrites { fuse: 300 }, Millis(1_000)).await.unwrap();
        clinic.examine()
    };
    let issue = IssueRef { project_id: 42, iid: 7 };
    let reason = "because there were more than 300 writes within a minute";
    for url in [None, Some(postgres::shared().create_database())] {
        let clinic = Clinic::open().await;
        let (clinic, store) = match url {
            None => {
                let store = Store::open(&clinic.place.path("escalator.db"), Millis(0)).unwrap();
                (clinic, store)
            }
            Some(url) => {
                let store = Store::connect(&url).await.unwrap();
                (clinic.set("ESCALATOR__STORE__URL", url), store)
            }
        };
        let said = stopped(&clinic, store.clone(), Some(issue)).await.only_trouble("writing", "warn");
        says(
            &said,
            &["writing to 42#7 is stopped since 1970-01-01T00:00:01Z", reason, "`escalator resume 42#7`"],
        );
        store.resume(None, Millis(2_000)).await.unwrap();
        let said = stopped(&clinic, store, None).await.only_trouble("writing", "fail");
        says(&said, &["writing is stopped since 1970-01-01T00:00:01Z", reason, "run `escalator resume`"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_cannot_be_read_is_said_and_the_rest_is_skipped() {
    let clinic = Clinic::open().await.set("ESCALATOR__QUEUE__WORKERS", "0");
    let examined = clinic.examine();
    says(&examined.only_trouble("configuration", "fail"), &["queue.workers", "escalator config check"]);
    assert_eq!(examined.count("ok"), 0);
}
