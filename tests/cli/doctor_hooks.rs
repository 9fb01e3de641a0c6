//! `escalator doctor` on webhooks: what is wrong with those that lead here, and where none does.

use escalator::sandbox::{Fault, Hook};

use crate::clinic::{Clinic, LABELS, says, sound_hook};

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_of_the_project_or_of_a_group_above_are_as_good() {
    for path in ["acme", "acme/web", "acme/web/site"] {
        let clinic = Clinic::with_hooks([]).await.set("ESCALATOR__GITLAB__GROUPS", "acme/web");
        clinic.gitlab.project("acme/web/site");
        for title in LABELS {
            clinic.gitlab.label("acme/web", title);
        }
        clinic.gitlab.hook(path, sound_hook());
        let examined = clinic.examine();
        assert_eq!(examined.count("ok"), examined.findings.len(), "{path}: {:#?}", examined.findings);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_webhook_each_project_that_lacks_it_is_named() {
    let clinic = Clinic::with_hooks([("acme/shop", sound_hook())]).await;
    clinic.gitlab.project("acme/desk");
    let said = clinic.examine().only_trouble("webhook", "fail");
    says(&said, &["no webhook leads to", "from project acme/desk", "escalator setup", "Settings > Webhooks"]);
    assert!(!said.contains("acme/shop"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_many_projects_takes_no_call_for_each() {
    let clinic = Clinic::with_hooks([]).await;
    for number in 0..24 {
        clinic.gitlab.project(&format!("acme/p{number}"));
    }
    let said = clinic.examine().only_trouble("webhook", "fail");
    says(&said, &["looked at 20 of 25 projects only", "and 15 more"]);
    let asked = clinic.gitlab.requests().iter().filter(|request| request.path.contains("/hooks")).count();
    assert_eq!(asked, 21);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_leads_elsewhere_is_named_without_what_is_secret_in_it() {
    let url = "https://user:canary@old.example.com/webhooks/gitlab?key=canary";
    let clinic = Clinic::with_hooks([("acme", Hook::to(url))]).await;
    let said = clinic.examine().only_trouble("webhook", "fail");
    says(&said, &["there are webhooks that lead to https://old.example.com/webhooks/gitlab", "webhook.url"]);
    assert!(!said.contains("canary"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_are_switched_off_are_named() {
    let deaf = Hook { confidential_issues: false, confidential_notes: false, ..sound_hook() };
    let said = Clinic::with_hooks([("acme", deaf)]).await.examine().only_trouble("webhook-events", "fail");
    says(
        &said,
        &["confidential_issues_events, confidential_note_events", "SIRT issues never arrive", "Trigger"],
    );

    let deaf = Hook { notes: false, ..sound_hook() };
    let said = Clinic::with_hooks([("acme", deaf)]).await.examine().only_trouble("webhook-events", "warn");
    says(&said, &["switched off: note_events"]);
    assert!(!said.contains("SIRT"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_cannot_prove_itself_is_named() {
    let plain = Hook { signing_token: None, token: Some("canary-secret-token".to_owned()), ..sound_hook() };
    let clinic = Clinic::with_hooks([("acme", plain)]).await;
    let said = clinic.examine().only_trouble("webhook-proof", "fail");
    says(&said, &["no signing token", "webhook.allow_plain_token"]);

    let clinic = clinic.set("ESCALATOR__WEBHOOK__ALLOW_PLAIN_TOKEN", "true");
    let said = clinic.examine().only_trouble("webhook-proof", "warn");
    says(&said, &["bare secret token", "give the webhook that signing token"]);

    let bare = Hook { signing_token: None, ..sound_hook() };
    let clinic =
        Clinic::with_hooks([("acme", bare)]).await.set("ESCALATOR__WEBHOOK__ALLOW_PLAIN_TOKEN", "true");
    says(&clinic.examine().only_trouble("webhook-proof", "fail"), &["all deliveries are refused"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_failed_until_gitlab_switched_it_off_is_named_with_its_failures() {
    let nobody = "http://127.0.0.1:9/webhooks/gitlab";
    let hook = Hook { url: nobody.to_owned(), ..sound_hook() };
    let clinic = Clinic::with_hooks([("acme", hook)]).await.set("ESCALATOR__WEBHOOK__URL", nobody);
    for _ in 0..4 {
        clinic.gitlab.issue(clinic.project).create();
        clinic.gitlab.settled().await;
    }
    let examined = clinic.examine();
    assert_eq!(examined.code, 1);
    says(
        &examined.said("webhook-enabled", "fail"),
        &["switched it off until 20", "why it failed", "a test request that succeeds"],
    );
    says(
        &examined.said("webhook-failures", "warn"),
        &["in the last 24 hours: 4", "internal error", "`escalator serve` runs"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gitlab_without_a_log_of_deliveries_is_no_fault() {
    let clinic = Clinic::open().await;
    clinic.gitlab.fault(Fault::status(404).on("GET", "/events"));
    let examined = clinic.examine();
    assert_eq!(examined.code, 0);
    says(&examined.said("webhook-failures", "skipped"), &["before 17.3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_may_not_see_webhooks_is_no_fault() {
    let clinic = Clinic::open().await;
    clinic.gitlab.member(clinic.bot, "acme", 15);
    let examined = clinic.examine();
    assert_eq!(examined.code, 0);
    says(&examined.said("webhook", "skipped"), &["Maintainer of the project", "Owner of the group"]);

    // Its own webhooks, it sees; not those of the group.
    clinic.gitlab.member(clinic.bot, "acme", 40);
    says(&clinic.examine().only_trouble("webhook", "warn"), &["seen by their Owners only"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_address_webhooks_are_not_checked() {
    let mut clinic = Clinic::open().await;
    clinic.place = clinic.place.without("ESCALATOR__WEBHOOK__URL");
    says(&clinic.examine().only_trouble("webhook-url", "warn"), &["set webhook.url"]);
    assert!(clinic.gitlab.requests().iter().all(|request| !request.path.contains("/hooks")));
}

/// A clinic with an issue to send, whose webhook leads to this address.
async fn leading_to(url: &str) -> Clinic {
    let hook = Hook { url: url.to_owned(), ..sound_hook() };
    let clinic = Clinic::with_hooks([]).await.set("ESCALATOR__WEBHOOK__URL", url);
    clinic.gitlab.issue(clinic.project).create();
    clinic.gitlab.hook("acme", hook);
    clinic
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_delivery_arrives_at_a_running_service() {
    let clinic = Clinic::with_hooks([]).await;
    clinic.gitlab.issue(clinic.project).create();
    let serving = clinic.place.serve();
    let url = format!("http://{}/webhooks/gitlab", serving.webhooks);
    clinic.gitlab.hook("acme", Hook { url: url.clone(), ..sound_hook() });
    let clinic = clinic.set("ESCALATOR__WEBHOOK__URL", url);

    let examined = clinic.examine_with(&["--deliver"]);
    assert_eq!(examined.code, 0, "{:#?}", examined.findings);
    says(&examined.said("webhook-delivery", "ok"), &["was answered 20"]);
    assert_eq!(clinic.gitlab.deliveries().len(), 1);
    assert_eq!(serving.stop().0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_delivery_that_the_service_refuses_is_named_with_its_answer() {
    let clinic = Clinic::with_hooks([]).await;
    clinic.gitlab.issue(clinic.project).create();
    let serving = clinic.place.serve();
    let url = format!("http://{}/webhooks/gitlab", serving.webhooks);
    let other_token = Some("whsec_BAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned());
    clinic.gitlab.hook("acme", Hook { signing_token: other_token, ..Hook::to(&url) });
    let clinic = clinic.set("ESCALATOR__WEBHOOK__URL", url);

    let said = clinic.examine_with(&["--deliver"]).only_trouble("webhook-delivery", "fail");
    says(&said, &["answer: 401", "webhook.signing_tokens"]);
    assert_eq!(serving.stop().0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_delivery_to_nobody_fails_and_happens_only_on_request() {
    let clinic = leading_to("http://127.0.0.1:9/webhooks/gitlab").await;
    assert_eq!(clinic.examine().code, 0);
    assert_eq!(clinic.gitlab.deliveries().len(), 0);
    let said = clinic.examine_with(&["--deliver"]).only_trouble("webhook-delivery", "fail");
    says(&said, &["internal error", "`escalator serve` runs"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_test_deliveries_are_asked_for_than_gitlab_allows() {
    let url = "http://127.0.0.1:9/webhooks/gitlab";
    let clinic = Clinic::with_hooks([]).await.set("ESCALATOR__WEBHOOK__URL", url);
    for number in 0..6 {
        let path = format!("acme/p{number}");
        clinic.gitlab.issue(clinic.gitlab.project(&path)).create();
        clinic.gitlab.hook(&path, Hook { url: url.to_owned(), ..sound_hook() });
    }
    let examined = clinic.examine_with(&["--deliver"]);
    says(&examined.said("webhook-delivery", "skipped"), &["quota", "5 test deliveries a minute"]);
    assert_eq!(clinic.gitlab.deliveries().len(), 5);

    let clinic = leading_to(url).await;
    clinic.gitlab.fault(Fault::status(429).on("POST", "/test/"));
    says(&clinic.examine_with(&["--deliver"]).said("webhook-delivery", "skipped"), &["quota"]);
}
