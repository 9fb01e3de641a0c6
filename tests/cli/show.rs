//! `escalator config show`: everything in effect, as TOML that is a configuration again, secrets masked.

use crate::program::Place;

const SIGNING_TOKEN: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

#[test]
fn secrets_are_masked_and_everything_else_is_shown() {
    let place = Place::ready_to_serve()
        .variable("ESCALATOR__GITLAB__URL", "https://canary-user:canary-password@gitlab.example.com")
        .variable("ESCALATOR__STORE__URL", "postgres://escalator:canary-password@db/escalator")
        .variable("ESCALATOR__WEBHOOK__SIGNING_TOKENS", SIGNING_TOKEN);
    let shown = place.run(&["config", "show"]).success();
    assert!(shown.contains("token = \"********\""), "{shown}");
    assert!(shown.contains("secret_tokens = [\"********\"]"), "{shown}");
    assert!(shown.contains("signing_tokens = [\"********\"]"), "{shown}");
    assert!(shown.contains("gitlab.example.com") && shown.contains("@db/escalator"), "{shown}");
    for secret in ["canary-password", "canary-secret", "glpat", "whsec"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}

#[test]
fn the_names_of_secret_files_are_shown_and_what_is_in_them_is_not() {
    let place = Place::new().file("token", "glpat-canary").variable("ESCALATOR__GITLAB__TOKEN_FILE", "token");
    let shown = place.run(&["config", "show"]).success();
    assert!(shown.contains("token_file = \"token\""), "{shown}");
    assert!(!shown.contains("canary"), "{shown}");
}

#[test]
fn what_is_shown_is_a_configuration_again_once_the_secrets_are_put_in() {
    let place = Place::ready_to_serve()
        .variable("ESCALATOR__WEBHOOK__SIGNING_TOKENS", SIGNING_TOKEN)
        .variable("ESCALATOR__WEBHOOK__MAX_BODY", "1500")
        .variable("ESCALATOR__QUEUE__RETRY_MAX", "1h 2m 3s 4ms");
    let shown = place.run(&["config", "show"]).success();
    let restored = shown
        .replace("signing_tokens = [\"********\"]", &format!("signing_tokens = [{SIGNING_TOKEN:?}]"))
        .replace("********", "secret");
    let again = Place::with_file(&restored);
    again.run(&["config", "check"]).success();
    assert_eq!(again.run(&["config", "show"]).success(), shown);
}

#[test]
fn what_is_shown_of_nothing_is_the_defaults() {
    let shown = Place::new().run(&["config", "show"]).success();
    let shown: toml::Table = toml::from_str(&shown).unwrap();
    let defaults: toml::Table = toml::from_str(escalator::config::DEFAULTS).unwrap();
    for (table, settings) in &defaults {
        if table != "policy" {
            assert_eq!(&shown[table], settings, "{table}");
        }
    }
    assert_eq!(shown.len(), defaults.len());
}
