//! `escalator config check`: what is complete, and what is missing and what to write.

use insta::assert_snapshot;

use crate::program::Place;

#[test]
fn a_complete_configuration_is_said_to_be_so() {
    assert_snapshot!(Place::ready_to_serve().run(&["config", "check"]).success());
}

#[test]
fn what_is_missing_is_said_at_once_with_what_to_write() {
    assert_snapshot!(Place::new().complaint());
}

#[test]
fn the_file_of_the_documentation_is_enough() {
    let place = Place::with_file(
        r#"
        [gitlab]
        url = "https://gitlab.example.com"
        token_file = "token"
        groups = ["acme"]

        [webhook]
        signing_tokens_file = "signing-tokens"
        "#,
    )
    .file("token", "glpat-canary\n")
    .file("signing-tokens", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\nwhsec_BAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n");
    assert!(place.run(&["config", "check"]).success().contains("https://gitlab.example.com"));
}

#[test]
fn variables_win_over_the_file() {
    let place = Place::with_file("[queue]\nworkers = 7\n[gitlab]\ngroups = [\"of the file\"]")
        .variable("ESCALATOR__QUEUE__WORKERS", "9")
        .variable("ESCALATOR__GITLAB__GROUPS", "acme, acme/web ,");
    let shown = place.run(&["config", "show"]).success();
    assert!(shown.contains("\nworkers = 9\n"), "{shown}");
    let shown: String = shown.split_whitespace().collect();
    assert!(shown.contains(r#"groups=["acme","acme/web"#), "{shown}");
}

#[test]
fn other_programs_variables_are_none_of_our_business() {
    let place = Place::ready_to_serve()
        .variable("ESCALATOR_HOME", "x")
        .variable("ESCALATORS__A", "x")
        .variable("GITLAB__URL", "x");
    place.run(&["config", "check"]).success();
}

#[test]
fn a_template_that_cannot_be_used_is_found_by_the_check() {
    let place = Place::ready_to_serve().variable("ESCALATOR__COMMENT__TEMPLATES", "no-such-folder");
    assert!(place.complaint().contains("comment.templates"));
}

#[test]
fn postgresqls_own_words_for_a_checked_certificate_are_understood() {
    for mode in ["verify-full", "verify-ca", "require", "prefer", "disable"] {
        let url = format!("postgres://u@db/x?sslmode={mode}&application_name=x");
        let run = Place::ready_to_serve().variable("ESCALATOR__STORE__URL", url).run(&["config", "check"]);
        assert_eq!(run.code, 0, "{mode}: {}", run.err);
    }
}
