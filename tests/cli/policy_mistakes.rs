//! Policies that contradict themselves or GitLab, each with the place of the contradiction.

use crate::program::Place;

/// What `config check` says about a `[policy]`, which must be one line.
fn complaint(policy: &str) -> String {
    let complaint = Place::with_file(policy).complaint();
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    complaint.trim_end().strip_prefix("escalator: escalator.toml:").unwrap().to_owned()
}

const BANDS: &str = r#"
[[policy.bands]]
id = "none"
from = 0
verdict = "Nothing"
meaning = "Nothing happens."
"#;

/// Bands without a gap, with a further one that has this label.
fn band(from: u32, label: &str) -> String {
    format!(
        "[[policy.bands]]\nid = \"from {from}\"\nfrom = {from}\nlabel = {label:?}\nverdict = \"V\"\nmeaning = \"M\"\n"
    )
}

fn question(key: &str) -> String {
    format!("[[policy.questions]]\nkey = {key:?}\nname = \"N\"\ntext = \"T\"\npoints = 1\n")
}

fn source(id: &str, labels: &str) -> String {
    format!("[[policy.sources]]\nid = {id:?}\nname = \"N\"\nlabels = {labels}\n")
}

#[test]
fn what_tells_things_apart_is_used_once() {
    assert_eq!(
        complaint(&[question("weather"), question("Weather")].concat()),
        "7: policy.questions[1].key is used twice; each must be its own"
    );
    assert_eq!(
        complaint(&[source("a", "[\"x\"]"), source("a", "[\"y\"]")].concat()),
        "6: policy.sources[1].id is used twice; each must be its own"
    );
    let other =
        "[[policy.disambiguations]]\nid = \"d\"\nname = \"N\"\nlabels = [\"x\"]\ndestination = \"D\"\n";
    assert_eq!(
        complaint(&other.repeat(2)),
        "7: policy.disambiguations[1].id is used twice; each must be its own"
    );
    assert_eq!(
        complaint(&format!("{BANDS}{}{}", band(3, "x"), band(3, "y").replace("from 3", "other"))),
        "15: policy.bands[2].from is used twice; each must be its own"
    );
}

#[test]
fn two_bands_cannot_share_a_label_whatever_its_case() {
    assert_eq!(
        complaint(&format!("{BANDS}{}{}", band(3, "hot"), band(5, " HOT "))),
        "16: policy.bands[2].label is used twice; each must be its own"
    );
}

#[test]
fn every_score_needs_a_band() {
    assert_eq!(
        complaint(&band(1, "hot")),
        "1: policy.bands needs one band with from = 0, so that every score has a band"
    );
    assert!(complaint("[policy]\nbands = []").starts_with("2: policy.bands needs one band with from = 0"));
}

#[test]
fn a_policy_needs_sources_and_questions() {
    assert_eq!(complaint("[policy]\nsources = []"), "2: policy.sources needs at least one source");
    assert_eq!(complaint("[policy]\nquestions = []"), "2: policy.questions needs at least one question");
}

#[test]
fn a_source_that_nothing_can_come_from_is_a_mistake() {
    assert_eq!(
        complaint(&source("a", "[]")),
        "1: policy.sources[0] has neither labels nor types, so no issue comes from it"
    );
    let other = "[[policy.disambiguations]]\nid = \"d\"\nname = \"N\"\nlabels = []\ndestination = \"D\"\n";
    assert!(complaint(other).starts_with("4: policy.disambiguations[0].labels needs at least one label"));
}

#[test]
fn a_label_that_escalator_keeps_is_none_that_it_reads() {
    for read in [
        "incident",
        "STAR",
        "complexity::yes",
        "Complexity::maybe",
        "escalation-decision::accepted",
        "escalation-decision::declined",
    ] {
        assert_eq!(
            complaint(&format!("{BANDS}{}", band(3, read))),
            format!(
                "10: policy.bands[1].label \"{read}\" is kept by Escalator and also read by the policy; use two labels"
            )
        );
    }
    let reading_all = [source("a", "[\"ours::*\"]"), BANDS.to_owned(), band(3, "ours::hot")].concat();
    assert!(complaint(&reading_all).contains("policy.bands[1].label \"ours::hot\" is kept by Escalator"));
}

#[test]
fn one_label_cannot_mean_yes_and_no() {
    assert_eq!(
        complaint("[policy]\naccepted_label = \"decided\"\ndeclined_label = \"Decided\""),
        "3: policy.declined_label must not be policy.accepted_label"
    );
}

#[test]
fn a_text_that_gitlab_would_run_is_refused() {
    for text in ["/close", "  /label ~x"] {
        let policy = BANDS.replace("Nothing happens.", text);
        assert_eq!(
            complaint(&policy),
            "6: policy.bands[0].meaning must not start with \"/\": GitLab would run it as a quick action"
        );
    }
}

#[test]
fn a_text_is_one_line() {
    for text in ["a\\n/close", "a\\tb", "a\\u0000b", "a\\u0085/close"] {
        let complaint = complaint(&BANDS.replace("Nothing happens.", text));
        assert_eq!(complaint, "6: policy.bands[0].meaning must be one line without control characters");
    }
    assert_eq!(complaint("[policy]\nversion = \" \""), "2: policy.version must not be empty");
}

#[test]
fn a_label_that_the_comment_cannot_show_is_refused() {
    for title in ["a,b", "a\"b", "~a", "a`b"] {
        for policy in [
            format!("[policy]\naccepted_label = {title:?}"),
            source("a", &format!("[{title:?}]")),
            question(title),
            format!("{BANDS}{}", band(3, title)),
        ] {
            let complaint = complaint(&policy);
            assert!(complaint.ends_with("which the comment cannot show; rename it"), "{complaint}");
        }
    }
}

#[test]
fn points_are_bounded() {
    let complaint = complaint(&question("a").replace("points = 1", "points = 1001"));
    assert_eq!(complaint, "5: policy.questions[0].points must be at most 1000");
}
