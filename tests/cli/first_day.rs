//! The first day with a GitLab in which nothing is prepared: set up, examined, broken, examined again, healed.

use std::net::TcpListener;

use escalator::sandbox::{AlertStatus, Options, Sandbox};
use reqwest::Method;
use serde_json::{Value, json};

use crate::clinic::{Examined, says};
use crate::program::{Place, client, until};

/// Calls GitLab as an administrator's tool would.
async fn call(gitlab: &Sandbox, token: &str, method: Method, path: &str, body: &Value) -> Value {
    let request = client().request(method, format!("{}/api/v4/{path}", gitlab.url()));
    let request = if body.is_null() { request } else { request.json(body) };
    let answer = request.header("PRIVATE-TOKEN", token).send().await.unwrap();
    serde_json::from_str(&answer.error_for_status().unwrap().text().await.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_set_up_is_well_and_what_breaks_is_named_and_partly_heals_by_itself() {
    let gitlab = Sandbox::start(Options::default()).await.unwrap();
    let (shop, desk) = (gitlab.project("acme/shop"), gitlab.project("partner/desk"));
    let bot = gitlab.bot("escalator-bot");
    gitlab.member(bot, "acme", 50);
    gitlab.member(bot, "partner/desk", 40);
    // A test request is made of what a project has.
    gitlab.issue(shop).create();
    gitlab.issue(desk).create();
    let token = gitlab.token(bot, &["api"]);
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let place = Place::ready_to_serve()
        .without("ESCALATOR__WEBHOOK__SECRET_TOKENS")
        .variable("ESCALATOR__GITLAB__URL", gitlab.url())
        .variable("ESCALATOR__GITLAB__TOKEN", &token)
        .variable("ESCALATOR__GITLAB__GROUPS", "acme")
        .variable("ESCALATOR__GITLAB__PROJECTS", "partner/desk")
        .variable("ESCALATOR__GITLAB__REQUESTS_PER_SECOND", "1000")
        .variable("ESCALATOR__SERVER__LISTEN", &address)
        .variable("ESCALATOR__WEBHOOK__URL", format!("http://{address}/webhooks/gitlab"))
        .variable("ESCALATOR__WEBHOOK__SIGNING_TOKENS_FILE", "signing-tokens");
    let examine = |place: &Place| Examined::of(place.run(&["doctor", "--format", "json"]));

    let plan = place.run(&["setup", "--yes"]).success();
    says(&plan, &["+ group acme: webhook", "+ project partner/desk: webhook"]);
    let examined = examine(&place);
    assert_eq!(examined.code, 0, "{:#?}", examined.findings);

    let hooks = call(&gitlab, &token, Method::GET, "groups/acme/hooks", &Value::Null).await;
    let hook = hooks[0]["id"].as_u64().unwrap();
    let deaf = json!({"confidential_issues_events": false});
    call(&gitlab, &token, Method::PUT, &format!("groups/acme/hooks/{hook}"), &deaf).await;
    // Nobody answers yet, and after four failures GitLab switches the webhook off.
    for _ in 0..4 {
        gitlab.issue(shop).create();
        gitlab.settled().await;
    }
    gitlab.member(bot, "partner/desk", 10);
    let examined = examine(&place);
    assert_eq!(examined.code, 1);
    says(&examined.said("webhook-events", "fail"), &["confidential_issues_events", "Trigger"]);
    says(&examined.said("webhook-enabled", "fail"), &["switched it off until 20"]);
    says(&examined.said("role", "fail"), &["partner/desk", "Planner"]);

    let serving = place.serve();
    let told = serving.log.until("GitLab switched a webhook off after failures");
    assert!(told.contains("\"until\":\"20"), "{told}");
    until("the metrics tell until when it was to rest, and that it tells nothing confidential", async || {
        serving.sample("escalator_webhooks_disabled_until_timestamp_seconds").await > Some(0.0)
            && serving.sample("escalator_webhooks_without_confidential_events").await == Some(1.0)
    })
    .await;
    // Its rest would end by itself, too, after a minute.
    serving.log.until("had GitLab send a test request");
    until("the webhook is called again", async || gitlab.alert_status(hook) == Some(AlertStatus::Executable))
        .await;
    let examined = examine(&place);
    examined.said("webhook-enabled", "ok");
    examined.said("webhook-events", "fail");
    examined.said("role", "fail");
    assert_eq!(serving.stop().0, 0);
}
