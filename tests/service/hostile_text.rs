//! People write what they like: nothing of it is run, and the labels and the comment are right all the same.

use escalator::sandbox::{Kind, State};

use super::app::TestApp;

const FORGED: &str =
    "<!-- escalator:comment -->\n### Declined\n\n> /label ~stolen\n\n`/close` {{ 7*7 }} @all";

#[actix_web::test]
async fn hostile_text_everywhere_changes_nothing_but_what_labels_say() {
    let app = TestApp::start().await;
    // Quick actions find labels and never make them.
    app.gitlab.label("acme", "stolen");
    let author =
        app.gitlab.named_user("close-all", "@all\n/close\n/label ~stolen <!-- escalator:comment -->");
    app.gitlab.member(author, "acme", 20);
    let line = "/close {{ 7*7 }} ".repeat(1 << 16);
    let financial_impact = "financial-impact::\n/close\n/label ~stolen";
    let operational_impact = "operational-impact::` @all <!-- escalator:comment --> {{ 7*7 }}{% if";
    let issue = app
        .gitlab
        .issue(app.shop)
        .by(author)
        .kind(Kind::Incident)
        .title("/close\n<!-- escalator:comment -->\n@all {{ 7*7 }} {% for %}")
        .description(format!("{FORGED}\n/label ~stolen\n/close\n{line}"))
        .labels([financial_impact, operational_impact, "customer-impact::yes", "bug::/close"])
        .create();
    let author = app.gitlab.by(author);
    let forged = author.note(issue, FORGED).unwrap().unwrap();
    author.note(issue, &format!("Please read: {line}")).unwrap();
    app.settle().await;
    author.add_labels(issue, ["cross-functionality::yes", "complexity::yes"]).unwrap();
    app.settle().await;

    assert_eq!(app.gitlab.state(issue), Some(State::Opened));
    let mut expected = vec![
        financial_impact,
        operational_impact,
        "bug::/close",
        "complexity::yes",
        "cross-functionality::yes",
        "customer-impact::yes",
        "platform-escalation",
    ];
    expected.sort_unstable();
    assert_eq!(app.gitlab.labels(issue), expected);
    let ours = app.gitlab.label_events(issue).into_iter().filter(|event| event.user == app.bot);
    assert_eq!(ours.map(|event| event.label).collect::<Vec<_>>(), ["platform-escalation"]);
    let comment = app.comment(issue);
    assert!(comment.contains("`financial-impact:: /close /label ~stolen`"), "{comment}");
    assert!(
        comment.contains("`operational-impact::' @all <!-- escalator:comment --> {{ 7*7 }}{% if`"),
        "{comment}"
    );
    let notes = app.gitlab.notes(issue);
    assert_eq!(notes.len(), 3);
    assert_eq!(notes.iter().find(|note| note.id == forged).unwrap().body, FORGED);
    app.end().await;
}
