//! Wrong usage, help, and readers that stop reading.

use std::process::Stdio;

use crate::program::{Place, Run};

const COMMANDS: [&[&str]; 7] = [
    &["demo"],
    &["serve"],
    &["score"],
    &["config"],
    &["config", "check"],
    &["config", "show"],
    &["config", "schema"],
];

#[test]
fn every_command_explains_itself() {
    for command in COMMANDS {
        let help = Place::new().run(&[command, &["--help"]].concat()).success();
        assert!(help.contains("Usage: escalator"), "{help}");
        assert!(help.contains("--config <FILE>"), "{help}");
    }
    let help = Place::new().run(&["--help"]).success();
    for command in ["demo", "serve", "score", "config"] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let version = Place::new().run(&["--version"]).success();
    assert_eq!(version, concat!("escalator ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn wrong_usage_ends_with_2_and_says_what_is_right() {
    for (arguments, hint) in [
        (&[][..], "Usage: escalator"),
        (&["serf"], "similar"),
        (&["serve", "--port", "1"], "unexpected argument '--port'"),
        (&["serve", "extra"], "unexpected argument 'extra'"),
        (&["score"], "escalator score URL"),
        (&["score", "--lable", "incident"], "--label"),
        (&["score", "--label"], "a value is required"),
        (&["score", "--type", "epic"], "issue, incident"),
        (&["score", "--label", "a", "--format", "xml"], "text, json"),
        (&["score", "http://a/b/c/-/issues/1", "--label", "a"], "cannot be used with"),
        (&["config"], "check"),
        (&["config", "chek"], "similar"),
        (&["config", "check", "--config"], "a value is required"),
    ] {
        let run = Place::new().run(arguments);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments:?}");
        assert!(run.err.contains(hint), "{arguments:?}: {}", run.err);
    }
}

#[test]
fn a_reader_that_stops_reading_is_no_error() {
    let place = Place::new();
    for arguments in [
        &["score", "--label", "incident"][..],
        &["score", "--label", "incident", "--format", "json"],
        &["config", "show"],
        &["config", "schema"],
        &["--help"],
    ] {
        // The reading end is closed before the program can have written anything.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = place.command(arguments);
        command.stdout(writer).stderr(Stdio::piped());
        let ended = command.spawn().unwrap().wait_with_output().unwrap();
        let complaint = String::from_utf8(ended.stderr).unwrap();
        assert_eq!((ended.status.code(), complaint.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn an_output_that_cannot_be_written_is_an_error() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let place = Place::new();
    let mut command = place.command(&["config", "show"]);
    command.stdout(full);
    let ended = command.stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(String::from_utf8(ended.stderr).unwrap().starts_with("escalator: "));
}

#[test]
fn a_variable_names_the_file_and_the_command_line_wins() {
    let place = Place::with_file("mode = \"dry-run\"").file("other.toml", "mode = \"live\"");
    let mode = |run: Run| run.success().lines().next().unwrap().to_owned();
    assert_eq!(mode(place.run(&["config", "show"])), "mode = \"dry-run\"");
    assert_eq!(mode(place.run(&["config", "show", "--config", "other.toml"])), "mode = \"live\"");
    assert_eq!(mode(place.run(&["--config", "other.toml", "config", "show"])), "mode = \"live\"");
}
