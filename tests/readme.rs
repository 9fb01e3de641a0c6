//! What README says works.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::fs;
use std::path::Path;

use clap::Parser;
use escalator::cli::Cli;
use escalator::config::load;
use escalator::config::sources::Sources;

const README: &str = include_str!("../README.md");
const RUNBOOKS: [&str; 2] = [include_str!("../helm/README.md"), include_str!("../helm/alerts.yaml")];

/// The fenced blocks of a language, without indentation.
fn blocks(language: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut inside = false;
    for line in README.lines().map(str::trim_start) {
        if inside && line == "```" {
            inside = false;
        } else if inside {
            found.last_mut().unwrap().push_str(&format!("{line}\n"));
        } else if line == format!("```{language}") {
            inside = true;
            found.push(String::new());
        }
    }
    found
}

#[test]
fn the_configuration_is_all_that_serving_needs() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = folder.path().display().to_string();
    fs::write(folder.path().join("gitlab-token"), "glpat-example\n").unwrap();
    let signing_token = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
    fs::write(folder.path().join("webhook-signing-tokens"), signing_token).unwrap();

    let blocks = blocks("toml");
    assert_eq!(blocks.len(), 1);
    let file = folder.path().join("escalator.toml");
    fs::write(&file, blocks[0].replace("/run/secrets", &secrets)).unwrap();
    let config = load(&Sources { file: Some(file), ..Sources::default() }).unwrap().serving().unwrap();
    assert_eq!(config.gitlab.url, "https://gitlab.example.com");
}

#[test]
fn every_command_exists_with_its_options() {
    let console = blocks("console").concat();
    let commands: Vec<&str> = console
        .lines()
        .filter_map(|line| line.strip_prefix("$ "))
        .map(|command| command.trim_start_matches("cargo run --release -- ").trim_start_matches("escalator "))
        .collect();
    assert_eq!(commands[..2], ["demo", "tests/run"]);
    for command in commands.iter().filter(|command| **command != "tests/run") {
        let words = ["escalator"].into_iter().chain(command.split(' '));
        assert!(Cli::try_parse_from(words).is_ok(), "{command}");
    }
}

#[test]
fn every_command_of_the_runbooks_exists_with_its_options() {
    for text in RUNBOOKS {
        let quoted = text.split("`escalator ").skip(1).map(|rest| rest.split('`').next().unwrap());
        let in_a_pod = text.split("-- /escalator ").skip(1).map(|rest| rest.lines().next().unwrap());
        let commands: Vec<&str> = quoted.chain(in_a_pod).collect();
        assert!(commands.len() > 4);
        for command in commands {
            let command = command.split("  #").next().unwrap().replace("ISSUE", "42#7");
            let words = ["escalator"].into_iter().chain(command.split_whitespace());
            assert!(Cli::try_parse_from(words).is_ok(), "{command}");
        }
    }
}

#[test]
fn every_link_leads_to_a_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let targets: Vec<&str> = README.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()).collect();
    assert!(targets.len() > 10);
    for target in targets.iter().filter(|target| !target.starts_with("http")) {
        assert!(root.join(target).exists(), "{target}");
    }
}
