//! `escalator serve`: when it refuses to start, how it stops, what it logs.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use escalator::clock;
use serde_json::Value;

use crate::desk::Desk;
use crate::program::Place;

/// `serve` on a configuration that is complete, and a reason not to start all the same.
fn refusal(place: &Place) -> String {
    let (code, reason) = place.refusal();
    assert_eq!(code, 1, "{reason}");
    reason
}

#[test]
fn without_a_complete_configuration_it_does_not_start() {
    for place in [
        Place::new(),
        Place::ready_to_serve().without("ESCALATOR__WEBHOOK__SECRET_TOKENS"),
        Place::ready_to_serve().variable("ESCALATOR__MODE", "off"),
        Place::ready_to_serve().variable("ESCALATOR__COMMENT__TEMPLATES", "no-such-folder"),
    ] {
        let run = place.run(&["serve"]);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{}", run.err);
        assert!(!place.path("escalator.db").exists(), "nothing was touched");
    }
}

#[test]
fn a_port_in_use_is_named_with_its_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (variable, key) in
        [("ESCALATOR__SERVER__LISTEN", "server.listen"), ("ESCALATOR__ADMIN__LISTEN", "admin.listen")]
    {
        let refusal = refusal(&Place::ready_to_serve().variable(variable, &address));
        assert!(refusal.starts_with(&format!("{key} = \"{address}\" cannot be used")), "{refusal}");
    }
}

#[test]
fn a_store_in_use_is_left_to_its_user() {
    let place = Place::ready_to_serve();
    let serving = place.serve();
    let refusal = refusal(&place);
    assert!(refusal.contains("escalator.db is in use by another escalator"), "{refusal}");
    assert_eq!(serving.stop().0, 0);
}

#[test]
fn a_damaged_store_is_named_and_left_as_it_is() {
    let damaged = [b"SQLite format 3\0".as_slice(), &[0xab; 8192]].concat();
    for content in [b"canary, and no database".repeat(500), damaged] {
        let place = Place::ready_to_serve().file("escalator.db", &content);
        let refusal = refusal(&place);
        assert!(refusal.contains("escalator.db is damaged or not a database"), "{refusal}");
        assert!(!refusal.contains("canary"), "{refusal}");
        assert_eq!(std::fs::read(place.path("escalator.db")).unwrap(), content);
    }
}

#[test]
fn a_folder_that_is_missing_or_cannot_be_written_is_named() {
    let missing = Place::ready_to_serve().variable("ESCALATOR__STORE__URL", "sqlite://no/such/folder.db");
    let refused = refusal(&missing);
    assert!(refused.contains("no/such/folder.db cannot be opened"), "{refused}");

    let place = Place::ready_to_serve();
    std::fs::create_dir(place.path("locked")).unwrap();
    std::fs::set_permissions(place.path("locked"), std::fs::Permissions::from_mode(0o555)).unwrap();
    // For root everything can be written, but not what the system itself keeps.
    let may_write = std::fs::write(place.path("locked/try"), "").is_ok();
    let folder = if may_write { "/proc" } else { "locked" };
    let place = place.variable("ESCALATOR__STORE__URL", format!("sqlite://{folder}/escalator.db"));
    let refused = refusal(&place);
    assert!(refused.contains(&format!("{folder}/escalator.db cannot be opened")), "{refused}");
}

#[test]
fn it_stops_when_it_is_asked_to_and_starts_again_on_the_same_store() {
    let place = Place::ready_to_serve();
    for _ in 0..5 {
        let (code, log) = place.serve().stop();
        assert_eq!(code, 0, "{log}");
        assert!(log.contains("\"stopped\""), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_alive_and_ready_without_gitlab() {
    let place = Place::ready_to_serve();
    let serving = place.serve();
    assert_eq!(serving.admin("/livez").await, (200, "ok\n".to_owned()));
    assert_eq!(serving.admin("/readyz").await, (200, "ok\n".to_owned()));
    assert_eq!(serving.admin("/").await, (404, String::new()));
    assert_eq!(serving.stop().0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_as_json_are_lines_of_json() {
    let place = Place::ready_to_serve();
    let serving = place.serve();
    assert_eq!(serving.deliver("{}").await, 200);
    assert_eq!(serving.deliver(crate::desk::INCIDENT).await, 202);
    serving.log.until("trying again");
    let (code, log) = serving.stop();
    assert_eq!(code, 0);
    assert!(log.lines().count() >= 4, "{log}");
    for line in log.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        for field in ["timestamp", "level", "target", "message"] {
            assert!(event[field].is_string(), "{line}");
        }
        let at: jiff::Timestamp = event["timestamp"].as_str().unwrap().parse().unwrap();
        assert!((clock::now().0 - at.as_millisecond()).abs() < 600_000, "{line}");
        assert!(["ERROR", "WARN", "INFO"].contains(&event["level"].as_str().unwrap()), "{line}");
    }
    let failed: Value =
        serde_json::from_str(log.lines().find(|line| line.contains("could not look at an issue")).unwrap())
            .unwrap();
    assert_eq!((&failed["level"], &failed["issue"]), (&"WARN".into(), &"80222147#6".into()));
    assert!(failed["attempts"].is_number(), "{failed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assessment_is_one_line_of_json_with_figures_as_numbers() {
    let desk = Desk::open("A title\nof two lines", "A description").await;
    desk.assessed();
    let (code, log) = desk.serving.stop();
    assert_eq!(code, 0);
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let assessed = lines.iter().find(|line| line["message"] == "assessed").unwrap();
    assert_eq!(assessed["issue"], format!("{}#{}", desk.issue.project_id, desk.issue.iid));
    assert_eq!((&assessed["score"], &assessed["band"]), (&5.into(), &"escalation".into()));
    assert!(assessed["milliseconds"].is_u64(), "{assessed}");
    desk.gitlab.stop().await;
}

#[test]
fn logs_as_text_are_lines_for_people() {
    let place = Place::ready_to_serve().variable("ESCALATOR__LOG__FORMAT", "text");
    let mut command = place.command(&["serve"]);
    let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let log = std::io::BufReader::new(child.stderr.take().unwrap());
    let line =
        std::io::BufRead::lines(log).map(Result::unwrap).find(|line| line.contains("serving")).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.contains(" INFO ") && line.contains("serving webhooks=http://127.0.0.1:"), "{line}");
    assert!(!line.contains('\u{1b}'), "no colours where nobody sees them: {line:?}");
}
