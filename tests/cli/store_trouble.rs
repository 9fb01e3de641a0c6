//! A disk that is full and a store that cannot be written: said so at once, and well again without a restart.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use escalator::sandbox::{IssueId, Kind};

use crate::desk::Desk;
use crate::program::{Place, Serving, until};

/// Waits until the readiness page answers this status, and gives its text.
async fn until_ready_is(status: u16, serving: &Serving) -> String {
    until("the readiness changes", async || serving.admin("/readyz").await.0 == status).await;
    serving.admin("/readyz").await.1
}

/// The places of the deliveries that were answered 503.
fn refused(desk: &Desk) -> Vec<usize> {
    let deliveries = desk.gitlab.deliveries();
    (0..deliveries.len()).filter(|place| deliveries[*place].status == Some(503)).collect()
}

/// Makes incidents until a delivery is refused.
async fn until_a_delivery_is_refused(desk: &Desk) {
    let before = refused(desk).len();
    until("a delivery is refused", async || {
        desk.gitlab.issue(desk.issue.project_id).kind(Kind::Incident).create();
        desk.gitlab.settled().await;
        refused(desk).len() > before
    })
    .await;
}

/// Redelivers what was refused, as an operator would, and waits until every incident has its one comment.
async fn all_is_right_in_the_end(desk: &Desk) {
    for place in refused(desk) {
        assert!(desk.gitlab.replay(place));
    }
    let issues = (1..).map(|iid| IssueId { iid, ..desk.issue });
    for issue in issues.take_while(|issue| desk.gitlab.state(*issue).is_some()) {
        until("it has a comment", async || desk.gitlab.notes(issue).len() == 1).await;
    }
}

/// Whether a test may give the program a disk of its own, which only that sees.
#[expect(clippy::print_stderr, reason = "a check that was left out must not look like one that passed")]
fn may_mount() -> bool {
    let tried = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"])
        .status();
    let may = tried.is_ok_and(|status| status.success());
    if !may {
        eprintln!(
            "skipped: this system lets nobody mount a file system of their own (unshare --user --mount)"
        );
    }
    may
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_answered_503_says_what_to_do_and_needs_no_restart() {
    if !may_mount() {
        return;
    }
    let place = Place::ready_to_serve()
        .variable("ESCALATOR__STORE__URL", "sqlite://disk/escalator.db")
        .variable("ESCALATOR__SERVER__SHUTDOWN_TIMEOUT", "1s");
    fs::create_dir(place.path("disk")).unwrap();
    let script = "mount -t tmpfs -o size=4m tmpfs disk && exec \"$0\" serve";
    let arguments = ["--user", "--map-root-user", "--mount", "sh", "-c", script];
    let serve = |place: &Place| place.serve_behind("unshare", &arguments);
    let desk = Desk::open_in(place, serve, "A title", "A description").await;
    desk.assessed();

    let root = PathBuf::from(format!("/proc/{}/root", desk.serving.id()));
    let filler = root.join(desk.place.path("disk/filler").strip_prefix("/").unwrap());
    fill(&filler);
    until_a_delivery_is_refused(&desk).await;
    let reason = until_ready_is(503, &desk.serving).await;
    assert_eq!(reason, "the store is unavailable: database or disk is full; make room on its disk\n");
    let line = desk.serving.log.until("could not keep a delivery; answered 503");
    assert!(line.contains("make room on its disk"), "{line}");
    assert_eq!(desk.serving.admin("/livez").await.0, 200);
    assert!(desk.serving.sample("escalator_store_errors_total").await > Some(0.0));

    fs::remove_file(&filler).unwrap();
    until_ready_is(200, &desk.serving).await;
    all_is_right_in_the_end(&desk).await;

    fill(&filler);
    until_a_delivery_is_refused(&desk).await;
    let (code, log) = desk.serving.stop();
    assert_eq!(code, 0, "{log}");
}

fn fill(path: &Path) {
    let mut file = fs::File::create(path).unwrap();
    while file.write_all(&[0; 512]).is_ok() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_written_any_more_is_answered_503_and_needs_no_restart() {
    let script = "trap '' XFSZ; exec \"$0\" serve";
    let serve = |place: &Place| place.serve_behind("sh", &["-c", script]);
    let desk = Desk::open_in(Place::ready_to_serve(), serve, "A title", "A description").await;
    desk.assessed();
    limit(&desk, "1");
    until_a_delivery_is_refused(&desk).await;
    let reason = until_ready_is(503, &desk.serving).await;
    assert!(
        reason.contains("disk I/O error; check its disk: is it full, failing, or mounted read-only?"),
        "{reason}"
    );

    limit(&desk, "unlimited");
    until_ready_is(200, &desk.serving).await;
    all_is_right_in_the_end(&desk).await;
    assert_eq!(desk.serving.stop().0, 0);
}

/// The longest file that the program may write, in bytes. Every write beyond it fails, as on a file system that the
/// kernel made read-only after an error.
fn limit(desk: &Desk, bytes: &str) {
    let limits = format!("--fsize={bytes}:unlimited");
    let status = Command::new("prlimit").args(["--pid", &desk.serving.id().to_string(), &limits]).status();
    assert!(status.unwrap().success());
}
