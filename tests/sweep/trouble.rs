//! A sweep in trouble: it loses nothing, and repeats what it did not finish.

use std::time::Duration;

use escalator::calculator::issue::Moment;
use escalator::gitlab::Place;
use escalator::sandbox::{Fault, Loss, Trouble};
use escalator::sweep::Swept;
use escalator::worker::PauseReason;

use super::app::{TestApp, score};
use super::{keep_watermark, lists, start, start_with, sweep, watermark};

#[actix_web::test]
async fn a_failure_on_the_second_page_loses_nothing() {
    let troubles =
        [Trouble::Reset, Trouble::ApplyThenLose(Loss::BadGateway), Trouble::ApplyThenLose(Loss::Reset)];
    for trouble in troubles {
        let app = start().await;
        let before = watermark(&app).await.map(|at| Moment(at.0 - 60_000));
        keep_watermark(&app, before.unwrap()).await;
        app.gitlab.drop_deliveries(true);
        let issues: Vec<_> = (0..150).map(|_| app.incident(&score(5, &[]))).collect();
        app.gitlab.clear_requests();
        app.gitlab.fault(Fault::new(trouble.clone()).on("GET", "/groups/acme/issues").after(1).times(1));

        sweep(&app).await;
        let right = || {
            issues.iter().filter(|issue| app.escalation_labels(**issue) == ["platform-escalation"]).count()
        };
        let reached = watermark(&app).await;
        assert_eq!(right(), 100, "{trouble:?}: what was marked stays");
        assert!(reached > before, "{trouble:?}: a page that is marked need not be listed again");
        sweep(&app).await;
        assert_eq!(right(), 150, "{trouble:?}");
        assert!(watermark(&app).await >= reached);
        app.end().await;
    }
}

#[actix_web::test]
async fn an_unavailable_gitlab_is_swept_again_soon_and_not_only_after_the_interval() {
    let mut app = start().await;
    app.gitlab.drop_deliveries(true);
    let issue = app.incident(&score(5, &[]));
    app.stop_service().await;
    app.gitlab.fault(Fault::status(502).on("GET", "/groups/acme/issues").times(3));
    app.restart_service().await;
    app.until("a sweep found it", |app| app.escalation_labels(issue) == ["platform-escalation"]).await;
    app.end().await;
}

#[actix_web::test]
async fn only_the_places_that_failed_are_swept_again_soon() {
    let mut app = start_with(&[("GITLAB__PROJECTS", "other/garden")]).await;
    app.gitlab.project("other/garden");
    app.gitlab.member(app.bot, "other", 20);
    app.gitlab.drop_deliveries(true);
    let issue = app.incident(&score(5, &[]));
    app.stop_service().await;
    app.gitlab.clear_requests();
    app.gitlab.fault(Fault::status(502).on("GET", "/groups/acme/issues").times(3));
    app.restart_service().await;
    app.until("a sweep found it", |app| app.escalation_labels(issue) == ["platform-escalation"]).await;
    let of_garden = lists(&app).iter().filter(|list| list.path.contains("garden")).count();
    assert_eq!(of_garden, 1);
    app.end().await;
}

#[actix_web::test]
async fn a_failure_never_moves_the_watermark_back() {
    let app = start().await;
    app.gitlab.drop_deliveries(true);
    for _ in 0..150 {
        app.incident(&[]);
    }
    // Within the overlap, so that the first page is older than the watermark.
    let ahead = watermark(&app).await.map(|at| Moment(at.0 + 60_000));
    keep_watermark(&app, ahead.unwrap()).await;
    app.gitlab.fault(Fault::status(502).on("GET", "/groups/acme/issues").after(1).times(1));
    sweep(&app).await;
    assert_eq!(watermark(&app).await, ahead);
    app.end().await;
}

#[actix_web::test]
async fn what_an_outage_of_gitlab_parked_is_right_again_one_sweep_after_it() {
    let app = start_with(&[("QUEUE__MAX_ATTEMPTS", "1")]).await;
    let known = app.incident(&[]);
    app.settle().await;
    app.gitlab.fault(Fault::status(503));
    app.reporter().add_labels(known, score(5, &[])).unwrap();
    let new = app.incident(&score(5, &[]));
    app.settle().await;
    assert_eq!(app.service().store.depth().await.unwrap().parked, 2);
    assert_eq!(app.service().sweep.round().await, Swept::Repeat(vec![Place::Group("acme".to_owned())]));

    app.gitlab.clear_faults();
    sweep(&app).await;
    for issue in [known, new] {
        assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    }
    app.end().await;
}

#[actix_web::test]
async fn throttling_holds_the_sweep_and_the_workers_alike() {
    let mut app = start().await;
    let issue = app.incident(&score(4, &[]));
    app.settle().await;
    app.stop_service().await;
    app.gitlab.clear_requests();
    app.gitlab.fault(Fault::throttled(1).on("GET", "/groups/acme/issues").times(1));
    app.restart_service().await;
    // Before whoever looks, which may well be long after.
    let pause = |app: &TestApp| app.service().sweep.gate.left(PauseReason::Throttled);
    app.until("the pause has begun", |app| !pause(app).is_zero() || app.calls().len() > 1).await;
    app.reporter().add_labels(issue, ["customer-impact::yes"]).unwrap();
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    let requests = app.calls();
    assert_eq!(requests[0].status, Some(429));
    let waited = requests[1].at.0 - requests[0].at.0;
    assert!(waited >= 900, "the next call came after {waited} ms");
    app.end().await;
}

#[actix_web::test]
async fn a_place_that_the_token_does_not_see_does_not_stop_the_others() {
    let settings = [("GITLAB__GROUPS", "nowhere,acme"), ("GITLAB__PROJECTS", "acme/nothing")];
    let app = start_with(&settings).await;
    app.gitlab.drop_deliveries(true);
    let issue = app.incident(&score(5, &[]));
    sweep(&app).await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    app.end().await;
}

#[actix_web::test]
async fn a_project_that_moved_stops_neither_the_others_nor_the_workers() {
    let app = start_with(&[("GITLAB__PROJECTS", "acme/shop")]).await;
    app.gitlab.drop_deliveries(true);
    let issue = app.incident(&score(5, &[]));
    let moved = format!("{}/api/v4/projects/{}/issues?state=all", app.gitlab.url(), app.shop);
    app.gitlab.fault(Fault::new(Trouble::Redirect(moved)).on("GET", "/projects/acme%2Fshop/issues"));
    assert_eq!(app.service().sweep.round().await, Swept::Incomplete);
    app.settle().await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    app.end().await;
}

#[actix_web::test]
async fn metrics_tell_how_sweeps_went_and_what_they_found() {
    let app = start_with(&[("GITLAB__GROUPS", "acme,nowhere")]).await;
    app.gitlab.drop_deliveries(true);
    app.incident(&[]);
    sweep(&app).await;
    let page = reqwest::get(format!("http://{}/metrics", app.service().admin_address)).await.unwrap();
    let metrics = page.text().await.unwrap();
    let figure = |name: &str| -> u64 {
        let line = metrics.lines().find(|line| line.starts_with(name)).unwrap();
        line.split(' ').next_back().unwrap().parse().unwrap()
    };
    // Other tests of the same process count too.
    assert!(figure("escalator_sweep_marked_total") >= 1);
    assert!(figure("escalator_sweeps_total{outcome=\"incomplete\"}") >= 2);
    app.end().await;
}

#[actix_web::test]
async fn a_watched_project_is_swept_like_a_group() {
    let settings = [("GITLAB__GROUPS", "acme"), ("GITLAB__PROJECTS", "other/garden")];
    let app = start_with(&settings).await;
    let garden = app.gitlab.project("other/garden");
    app.gitlab.member(app.bot, "other", 20);
    app.gitlab.member(app.reporter, "other", 20);
    let issue = app.gitlab.issue(garden).by(app.reporter).labels(score(5, &["SIRT"])).create();
    sweep(&app).await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    app.end().await;
}

#[actix_web::test]
async fn the_watermark_survives_a_restart_and_the_next_sweep_begins_there() {
    let mut app = start().await;
    let before = watermark(&app).await.unwrap();
    app.stop_service().await;
    app.gitlab.clear_requests();
    app.restart_service().await;
    app.until("it is swept again", |app| !lists(app).is_empty()).await;
    let first = app.calls().remove(0);
    let since = jiff::Timestamp::from_millisecond(before.0 - 120_000).unwrap().to_string();
    assert!(first.path.contains(&format!("updated_after={}", since.replace(':', "%3A"))), "{}", first.path);
    app.end().await;
}

#[actix_web::test]
async fn the_watermark_is_when_gitlab_answered_the_first_page_however_long_the_rest_took() {
    let app = start().await;
    app.gitlab.drop_deliveries(true);
    for _ in 0..150 {
        app.incident(&[]);
    }
    app.gitlab.clear_requests();
    let slow = Trouble::Delay(Duration::from_millis(1_500));
    app.gitlab.fault(Fault::new(slow).on("GET", "/groups/acme/issues").after(1).times(1));
    sweep(&app).await;
    let first_page = lists(&app)[0].at.0;
    let watermark = watermark(&app).await.unwrap().0;
    // HTTP tells whole seconds, and servers do not look at the clock for every answer.
    assert!((first_page - 2_000..=first_page).contains(&watermark), "{watermark}, not {first_page}");
    app.end().await;
}

/// What GitLab shows late, or with the time of a machine whose clock is behind.
#[actix_web::test]
async fn a_change_that_is_older_than_the_last_sweep_is_found_within_the_overlap() {
    let app = start().await;
    app.gitlab.drop_deliveries(true);
    let issue = app.incident(&score(5, &[]));
    let now = watermark(&app).await.unwrap();
    keep_watermark(&app, Moment(now.0 + 115_000)).await;
    sweep(&app).await;
    assert_eq!(app.escalation_labels(issue), ["platform-escalation"]);
    app.end().await;
}

#[actix_web::test]
async fn the_first_sweep_goes_back_a_day_by_gitlabs_clock() {
    let app = start().await;
    let requests = app.calls();
    assert!(requests[0].route.ends_with("/user"));
    let since = requests[1].path.split("updated_after=").nth(1).unwrap().split('&').next().unwrap();
    let since: jiff::Timestamp = since.replace("%3A", ":").parse().unwrap();
    let back = requests[0].at.0 - since.as_millisecond();
    let day = 24 * 60 * 60 * 1000;
    assert!((day..day + 60_000).contains(&back), "{back} ms");
    app.end().await;
}
