//! Panics are lines of the log, and hold nothing that a person wrote.

use std::process::{Command, Stdio};

use escalator::config::settings::LogFormat;
use escalator::telemetry::{Traces, log_panics, print_panics, start_logging};
use serde_json::Value;

const TITLE: &str = "canary ä title";

/// Nothing that comes from outside makes the program panic, as far as is known; so a test of this program is started
/// alone, logs like the service, and panics: in two threads, once with what the code says and once with a title.
#[test]
#[ignore = "panics; the test below starts it"]
fn panics_in_two_threads() {
    start_logging(LogFormat::Json, &Traces::off());
    log_panics();
    let literal =
        std::thread::Builder::new().name("first".to_owned()).spawn(|| TITLE.find("nothing").unwrap());
    assert!(literal.unwrap().join().is_err());
    let title = std::thread::Builder::new().name("second".to_owned()).spawn(|| TITLE[..8].len());
    assert!(title.unwrap().join().is_err());
}

#[test]
#[ignore = "panics; the test below starts it"]
fn panics_without_a_log() {
    print_panics();
    assert!(std::thread::spawn(|| TITLE.find("nothing").unwrap()).join().is_err());
    assert!(std::thread::spawn(|| TITLE[..8].len()).join().is_err());
}

#[test]
fn a_panic_of_a_command_tells_where_and_repeats_no_text() {
    let started = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "panics::panics_without_a_log", "--ignored", "--nocapture"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8(started.stderr).unwrap();
    assert!(started.status.success() && !told.contains("canary"), "{told}");
    let told: Vec<&str> = told.lines().collect();
    assert_eq!(told.len(), 2, "{told:?}");
    for (line, reason) in told.iter().zip(["called `Option::unwrap()` on a `None` value", "left out"]) {
        assert!(
            line.starts_with("escalator: panicked at tests/cli/panics.rs:") && line.contains(reason),
            "{line}"
        );
    }
}

#[test]
fn a_panic_is_a_line_of_json_that_tells_where_and_repeats_no_text() {
    let started = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "panics::panics_in_two_threads", "--ignored", "--nocapture"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let log = String::from_utf8(started.stderr).unwrap();
    assert!(started.status.success() && !log.contains("canary"), "{log}");
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let reasons = ["called `Option::unwrap()` on a `None` value", "left out, for it may hold data"];
    assert_eq!(lines.len(), reasons.len(), "{log}");
    for ((line, reason), thread) in lines.iter().zip(reasons).zip(["first", "second"]) {
        assert!(line["timestamp"].is_string() && line["target"].is_string(), "{line}");
        assert_eq!((&line["level"], &line["thread"]), (&"ERROR".into(), &thread.into()));
        assert!(line["message"].as_str().unwrap().starts_with("panicked"), "{line}");
        assert!(line["location"].as_str().unwrap().starts_with("tests/cli/panics.rs:"), "{line}");
        assert_eq!(line["reason"], reason);
    }
}
