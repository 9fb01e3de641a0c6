//! Mistakes in a configuration: each is named with its place, its key and what is right; never with a secret.

use insta::assert_snapshot;

use crate::program::Place;

/// What `config check` says about a file.
fn complaint(file: &str) -> String {
    Place::with_file(file).complaint()
}

/// What it says about a variable.
fn about(name: &str, value: &str) -> String {
    Place::ready_to_serve().variable(name, value).complaint()
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest_known_one() {
    assert_snapshot!(complaint("[gitlab]\nurl = \"https://a.example\"\ntokn = \"canary\"\n"), @r#"escalator: escalator.toml:3: gitlab.tokn is not a known key; did you mean "gitlab.token"?"#);
    assert_snapshot!(complaint("[[policy.questions]]\nkey = \"a\"\n[[policy.questions]]\npints = 1"), @r#"escalator: escalator.toml:4: policy.questions[1].pints is not a known key; did you mean "policy.questions.points"?"#);
    assert_snapshot!(complaint("listen = \"127.0.0.1:1\""), @r#"escalator: escalator.toml:1: listen is not a known key; did you mean "admin.listen"?"#);
    assert_snapshot!(complaint("[server]\nlisten = \"127.0.0.1:1\"\nqqqqq = 1"), @r#"escalator: escalator.toml:3: server.qqqqq is not a known key; "server" knows: listen, shutdown_timeout"#);
}

#[test]
fn of_an_unknown_table_only_the_table_is_named() {
    assert_snapshot!(complaint("[gitlub]\nurl = \"a\"\n[gitlub.x]\ny = 1"), @r#"escalator: escalator.toml:1: gitlub is not a known key; did you mean "gitlab"?"#);
}

#[test]
fn all_unknown_keys_are_named_at_once() {
    assert_eq!(complaint("mood = 1\n[log]\nformats = 1\n").lines().count(), 2);
}

#[test]
fn a_name_that_looks_like_a_path_is_a_name() {
    for file in [
        "\"gitlab.url\" = \"a\"",
        "[policy]\n\"questions[0]\" = 1",
        "\"policy.questions[99999999999]\" = 1",
        "\"\" = 1",
        "[gitlab]\n\"\" = 1",
    ] {
        assert!(complaint(file).contains("is not a known key"), "{}", complaint(file));
    }
}

#[test]
fn an_unknown_variable_is_named_with_the_nearest_known_key() {
    assert_snapshot!(about("ESCALATOR__GITLAB__TOKN", "canary"), @r#"escalator: environment variable ESCALATOR__GITLAB__TOKN: gitlab.tokn is not a known key; did you mean "gitlab.token"?"#);
    for name in [
        "ESCALATOR__",
        "ESCALATOR__ESCALATOR__MODE",
        "ESCALATOR__GITLAB____URL",
        "ESCALATOR__POLICY__QUESTIONS[0]__KEY",
        "ESCALATOR__POLICY__QUESTIONS[9999999999]",
    ] {
        assert!(
            about(name, "live").contains(&format!("environment variable {name}: ")),
            "{}",
            about(name, "live")
        );
    }
}

#[test]
fn a_value_of_the_wrong_form_is_told_the_right_one() {
    for (file, expected) in [
        ("mode = \"off\"", "escalator.toml:1: mode must be \"live\" or \"dry-run\" or \"shadow\""),
        ("\n[log]\nformat = 1", "escalator.toml:3: log.format must be \"text\" or \"json\""),
        (
            "[server]\nlisten = \"8080\"",
            "escalator.toml:2: server.listen must be an address and port such as 127.0.0.1:8080",
        ),
        (
            "[server]\nlisten = 8080",
            "escalator.toml:2: server.listen must be an address and port such as 127.0.0.1:8080",
        ),
        (
            "[queue]\nworkers = \"many\"",
            "escalator.toml:2: queue.workers must be a whole number from 1 to 256",
        ),
        ("[queue]\nworkers = -1", "escalator.toml:2: queue.workers must be a whole number from 1 to 256"),
        ("[queue]\nworkers = 0", "escalator.toml:2: queue.workers must be from 1 to 256"),
        (
            "[queue]\nmax_attempts = 99999999999",
            "escalator.toml:2: queue.max_attempts must be a whole number of at least 1",
        ),
        (
            "[writes]\nfuse = 9",
            "escalator.toml:2: writes.fuse must be at least 10: one look may write several labels and a comment, and \
             has to fit in",
        ),
        ("[comment]\ninternal = \"perhaps\"", "escalator.toml:2: comment.internal must be true or false"),
        ("[gitlab]\ngroups = 1", "escalator.toml:2: gitlab.groups must be a list"),
        ("[gitlab]\nurl = [\"a\"]", "escalator.toml:2: gitlab.url must be a text"),
        (
            "[webhook]\nmax_body = \"25 potatoes\"",
            "escalator.toml:2: webhook.max_body must be a size such as 25MiB, 512KiB or a number of bytes",
        ),
        (
            "[webhook]\nmax_body = -1",
            "escalator.toml:2: webhook.max_body must be a size such as 25MiB, 512KiB or a number of bytes",
        ),
        ("log = \"json\"", "escalator.toml:1: log must be a table"),
        (
            "[[policy.questions]]\nkey = \"a\"\nname = \"A\"\ntext = \"T\"\npoints = \"x\"",
            "escalator.toml:5: policy.questions[0].points must be a whole number from 0 to 1000",
        ),
        ("policy.questions = [1]", "escalator.toml:1: policy.questions[0] must be a table"),
    ] {
        assert_eq!(complaint(file), format!("escalator: {expected}\n"), "{file}");
    }
}

#[test]
fn a_duration_that_is_none_is_told_what_one_is() {
    for value in ["\"soon\"", "\"10\"", "10", "\"-1s\"", "\"\"", "\"1 lightyear\"", "[]"] {
        let expected =
            "escalator: escalator.toml:2: gitlab.timeout must be a duration such as 250ms, 30s or 10m\n";
        assert_eq!(complaint(&format!("[gitlab]\ntimeout = {value}")), expected);
    }
}

#[test]
fn a_duration_that_nobody_can_mean_is_refused() {
    for key in ["server.shutdown_timeout", "gitlab.timeout", "queue.retry_max", "sweep.interval"] {
        let expected = format!("escalator: escalator.toml:1: {key} must be at most 30d\n");
        assert_eq!(complaint(&format!("{key} = \"31d\"")), expected);
        assert_eq!(complaint(&format!("{key} = \"500000000000years\"")), expected);
    }
}

#[test]
fn a_missing_value_is_named_with_its_list_entry() {
    let file = "[[policy.questions]]\nkey = \"a\"\nname = \"A\"\npoints = 1";
    assert_eq!(complaint(file), "escalator: escalator.toml:1: policy.questions[0].text is missing\n");
}

#[test]
fn a_variable_of_the_wrong_form_is_named() {
    assert_snapshot!(about("ESCALATOR__QUEUE__WORKERS", "canary"), @"escalator: environment variable ESCALATOR__QUEUE__WORKERS: queue.workers must be a whole number from 1 to 256");
    assert_snapshot!(about("ESCALATOR__POLICY__QUESTIONS", "canary,b"), @"escalator: environment variable ESCALATOR__POLICY__QUESTIONS: policy.questions[0] must be a table");
}

#[test]
fn a_variable_that_is_no_text_is_not_passed_over() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::ready_to_serve();
    let mut command = place.command(&["config", "check"]);
    command.env("ESCALATOR__GITLAB__TOKEN", std::ffi::OsStr::from_bytes(b"canary\xff"));
    let run = crate::program::Run::of(command);
    assert_eq!(run.code, 2);
    assert_snapshot!(run.err, @"escalator: environment variable ESCALATOR__GITLAB__TOKEN: gitlab.token is not valid UTF-8");
}

#[test]
fn broken_toml_is_named_with_its_line() {
    for (file, line) in [
        ("\n\n[gitlab\n", 3),
        ("a = \"canary", 1),
        ("[log]\nformat = \"text\"\nformat = \"json\"", 3),
        ("\n= canary", 2),
        ("[gitlab]\ntoken = glpat-canary", 2),
    ] {
        let complaint = complaint(file);
        assert!(
            complaint.starts_with(&format!("escalator: escalator.toml:{line}: is not valid TOML: ")),
            "{complaint}"
        );
        assert!(!complaint.contains("canary"), "{complaint}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    for file in ["missing.toml", "."] {
        let run = Place::new().run(&["config", "check", "--config", file]);
        assert_eq!(run.code, 2);
        assert!(run.err.starts_with(&format!("escalator: {file}: cannot be read (")), "{}", run.err);
    }
    let place = Place::with_file("").file("escalator.toml", b"mode = \"\xff\"");
    assert!(place.complaint().starts_with("escalator: escalator.toml: cannot be read ("));
}

#[test]
fn an_address_of_gitlab_is_an_http_address_and_nothing_else() {
    for url in [
        "gitlab.example.com",
        "ftp://a.example",
        "https://",
        "https://u:canary@a.example",
        "https://canary@a.example",
        "https://a.example?x=canary",
        "https://a.example/#canary",
        "",
        " ",
    ] {
        let complaint = about("ESCALATOR__GITLAB__URL", url);
        assert!(
            complaint.contains("ESCALATOR__GITLAB__URL: gitlab.url must be an http or https address"),
            "{complaint}"
        );
        assert!(!complaint.contains("canary"), "{complaint}");
    }
}

#[test]
fn a_store_is_a_file_of_sqlite_or_a_database_of_postgresql() {
    for (url, wrong) in [
        ("escalator.db", "must be sqlite://"),
        ("sqlite://", "must be sqlite://"),
        ("mysql://u:canary@db/x", "must be sqlite://"),
        ("", "must be sqlite://"),
        ("postgres://u:canary@db:port/x", "is no address of PostgreSQL"),
        ("postgres://u:canary@db/x?sslmode=canary", "is no address of PostgreSQL"),
        ("postgres:///x", "must name a host"),
    ] {
        let complaint = about("ESCALATOR__STORE__URL", url);
        assert!(complaint.contains(&format!("store.url {wrong}")), "{complaint}");
        assert!(!complaint.contains("canary"), "{complaint}");
    }
    let missing = about("ESCALATOR__STORE__URL_FILE", "missing");
    assert!(missing.contains("store.url_file names missing, which cannot be read"), "{missing}");
}

#[test]
fn a_token_and_its_file_are_not_both_given() {
    let place = Place::ready_to_serve()
        .file("token", "glpat-canary")
        .variable("ESCALATOR__GITLAB__TOKEN_FILE", "token");
    assert_snapshot!(place.complaint(), @"escalator: environment variable ESCALATOR__GITLAB__TOKEN: gitlab.token and gitlab.token_file are both set; keep one");
}

#[test]
fn a_secret_file_that_cannot_be_read_is_named() {
    let place = Place::ready_to_serve()
        .without("ESCALATOR__GITLAB__TOKEN")
        .variable("ESCALATOR__GITLAB__TOKEN_FILE", "no-such-file");
    assert_snapshot!(place.complaint(), @"escalator: environment variable ESCALATOR__GITLAB__TOKEN_FILE: gitlab.token_file names no-such-file, which cannot be read: No such file or directory (os error 2)");
    let place = place.file("no-such-file", "\n \n");
    assert!(place.complaint().contains("gitlab.token_file names no-such-file, which holds no token"));
    let place = place.file("no-such-file", "canary-1\ncanary-2\n");
    assert_snapshot!(place.complaint(), @"escalator: environment variable ESCALATOR__GITLAB__TOKEN_FILE: gitlab.token_file must hold one token, on one line");
}

#[test]
fn an_access_token_that_no_header_can_carry_is_refused() {
    for token in ["glpat canary", "glpat-canary\u{1}", "glpat-canär"] {
        let complaint = about("ESCALATOR__GITLAB__TOKEN", token);
        assert!(complaint.contains("gitlab.token holds a character that no access token has"), "{complaint}");
        assert!(!complaint.contains("glpat"), "{complaint}");
    }
}

#[test]
fn an_empty_token_is_no_token() {
    assert!(
        complaint("[webhook]\nsecret_tokens = [\"\"]")
            .contains("escalator.toml:2: webhook.secret_tokens holds an empty token")
    );
    assert!(about("ESCALATOR__GITLAB__TOKEN", " ").contains("gitlab.token holds an empty token"));
    assert!(about("ESCALATOR__WEBHOOK__SECRET_TOKENS", ",,").contains("webhook has no credential"));
}

#[test]
fn a_signing_token_that_is_none_is_never_repeated() {
    let too_short = "whsec_Y2FuYXJ5";
    for token in [
        "canary",
        "whsec_",
        "whsec_canary!!",
        too_short,
        "WHSEC_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    ] {
        let complaint = about("ESCALATOR__WEBHOOK__SIGNING_TOKENS", token);
        assert!(
            complaint.contains("webhook.signing_tokens holds a token that is not \"whsec_\" and base64"),
            "{complaint}"
        );
        assert!(!complaint.contains(token.trim_start_matches("whsec_")) || token == "whsec_", "{complaint}");
    }
}

#[test]
fn a_signing_token_from_a_file_is_named_by_that_file() {
    let place = Place::ready_to_serve()
        .file("tokens", "canary")
        .variable("ESCALATOR__WEBHOOK__SIGNING_TOKENS_FILE", "tokens");
    let complaint = place.complaint();
    assert!(
        complaint.contains("ESCALATOR__WEBHOOK__SIGNING_TOKENS_FILE: webhook.signing_tokens_file holds"),
        "{complaint}"
    );
}

#[test]
fn an_address_that_gitlab_cannot_call_is_refused() {
    for url in [
        "escalator.example.com/webhooks/gitlab",
        "ftp://escalator.example.com/webhooks/gitlab",
        "https://escalator.example.com",
        "https://escalator.example.com/webhooks/gitlab/",
        "https://canary-user:canary@escalator.example.com/webhooks/gitlab",
        "https://escalator.example.com/webhooks/gitlab?token=canary",
    ] {
        let complaint = about("ESCALATOR__WEBHOOK__URL", url);
        assert!(complaint.contains("webhook.url must be an http or https address"), "{url}: {complaint}");
        assert!(!complaint.contains("canary"), "{complaint}");
    }
    let behind_a_proxy = "https://example.com/desk/webhooks/gitlab";
    Place::ready_to_serve()
        .variable("ESCALATOR__WEBHOOK__URL", behind_a_proxy)
        .run(&["config", "check"])
        .success();
}
