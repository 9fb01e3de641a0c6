//! Comments as commands, from a person's note to what GitLab shows in the end.

use escalator::calculator::issue::IssueRef;
use escalator::sandbox::{Edited, Fault, IssueId, Loss, Note, Options, Trouble, UserId, Visibility};

use super::app::{TestApp, score};

const ROSTER: [(&str, &str); 1] = [("ROSTER__TPMS", "tara")];

/// A service that knows one Escalation Specialist, and a Guest who may not label.
async fn start() -> (TestApp, UserId) {
    let app = TestApp::start_with(Options::default(), &ROSTER).await;
    let guest = app.gitlab.user("gina");
    app.gitlab.member(guest, "acme", 10);
    (app, guest)
}

fn replies(app: &TestApp, issue: IssueId) -> Vec<Note> {
    let notes = app.gitlab.notes(issue).into_iter();
    notes.filter(|note| note.body.starts_with("<!-- escalator:reply ")).collect()
}

fn is_done(app: &TestApp, note_id: u64) -> bool {
    let awards = app.gitlab.awards(note_id);
    awards.len() == 1 && awards[0].name == "white_check_mark" && awards[0].user == app.bot
}

#[actix_web::test]
async fn who_may_not_label_answers_a_question_by_a_comment() {
    let (app, guest) = start().await;
    let issue = app.incident(&["complexity::no"]);
    app.until_read().await;
    let by = app.gitlab.by(guest);
    let note =
        by.note(issue, "@escalator-bot answer complexity yes\nBecause we do not know.").unwrap().unwrap();
    app.until_read().await;
    let labels = app.gitlab.labels(issue);
    assert!(labels.contains(&"complexity::yes".to_owned()) && !labels.contains(&"complexity::no".to_owned()));
    assert!(is_done(&app, note));
    assert!(replies(&app, issue).is_empty());
    assert!(app.comment(issue).contains("2 of 7 points"));
    app.end().await;
}

#[actix_web::test]
async fn where_gitlab_leaves_both_answers_on_an_issue_the_opposite_one_is_taken_off() {
    let app = TestApp::start_with(Options { scoped_labels: false, ..Options::default() }, &[]).await;
    let issue = app.incident(&["complexity::no"]);
    app.until_read().await;
    app.reporter().note(issue, "@escalator-bot answer complexity yes").unwrap();
    app.until_read().await;
    let labels = app.gitlab.labels(issue);
    assert!(labels.contains(&"complexity::yes".to_owned()) && !labels.contains(&"complexity::no".to_owned()));
    app.end().await;
}

#[actix_web::test]
async fn only_the_roster_accepts_and_declines() {
    let (app, guest) = start().await;
    let tara = app.gitlab.user("tara");
    app.gitlab.member(tara, "acme", 10);
    let issue = app.incident(&score(5, &[]));
    app.until_read().await;

    let refused = app.reporter().note(issue, "@escalator-bot accept").unwrap().unwrap();
    app.gitlab.by(guest).note(issue, "@escalator-bot decline too small").unwrap();
    app.until_read().await;
    assert_eq!(replies(&app, issue).len(), 2);
    assert!(replies(&app, issue).iter().all(|reply| reply.body.contains("only the Escalation Specialists")));
    assert!(app.gitlab.awards(refused).is_empty());
    assert!(!app.gitlab.labels(issue).iter().any(|label| label.starts_with("escalation-decision")));

    let by = app.gitlab.by(tara);
    let accepted = by.note(issue, "@escalator-bot accept").unwrap().unwrap();
    app.until_read().await;
    assert!(is_done(&app, accepted));
    assert!(app.gitlab.labels(issue).contains(&"escalation-decision::accepted".to_owned()));

    by.note(issue, "@escalator-bot decline").unwrap();
    app.until_read().await;
    assert!(replies(&app, issue)[2].body.contains("please say why"));
    let declined = by.note(issue, "@escalator-bot decline /close it @all").unwrap().unwrap();
    app.until_read().await;
    assert!(is_done(&app, declined));
    let labels = app.gitlab.labels(issue);
    assert!(labels.contains(&"escalation-decision::declined".to_owned()));
    assert!(!labels.contains(&"escalation-decision::accepted".to_owned()));
    assert!(app.escalation_labels(issue).is_empty());
    let ours = app.gitlab.notes(issue).into_iter().filter(|note| note.author_id == app.bot);
    assert!(ours.into_iter().all(|note| !note.body.contains("close it") && !note.body.contains("@all")));
    app.end().await;
}

#[actix_web::test]
async fn strangers_to_a_public_project_are_refused_and_other_notes_are_no_commands() {
    let (app, guest) = start().await;
    app.gitlab.visibility(app.shop, Visibility::Public);
    let issue = app.incident(&[]);
    app.until_read().await;
    let stranger = app.gitlab.user("sam");
    app.gitlab.by(stranger).note(issue, "@escalator-bot answer complexity yes").unwrap();
    app.until_read().await;
    assert_eq!(replies(&app, issue).len(), 1);
    assert!(replies(&app, issue)[0].body.contains("only members"));

    let by = app.gitlab.by(guest);
    for text in [
        "> @escalator-bot answer complexity yes",
        "```\n@escalator-bot answer complexity yes\n```",
        "As I said, @escalator-bot answer complexity yes",
        "@escalator-bots answer complexity yes",
        "Look:\n@escalator-bot answer complexity yes",
    ] {
        by.note(issue, text).unwrap();
    }
    let robot = app.gitlab.bot("robot");
    app.gitlab.member(robot, "acme", 30);
    app.gitlab.by(robot).note(issue, "@escalator-bot answer complexity yes").unwrap();
    app.until_read().await;
    assert_eq!(replies(&app, issue).len(), 1);
    assert!(!app.gitlab.labels(issue).contains(&"complexity::yes".to_owned()));
    app.end().await;
}

#[actix_web::test]
async fn a_stranger_is_refused_once_an_hour_on_an_issue_however_often_he_writes() {
    let (app, guest) = start().await;
    app.gitlab.visibility(app.shop, Visibility::Public);
    let (issue, other) = (app.incident(&[]), app.incident(&[]));
    app.until_read().await;
    let (sam, sue) = (app.gitlab.user("sam"), app.gitlab.user("sue"));
    let ask = async |who, issue| {
        app.gitlab.by(who).note(issue, "@escalator-bot answer complexity yes").unwrap();
        app.until_read().await;
    };
    for _ in 0..3 {
        ask(sam, issue).await;
    }
    assert_eq!(replies(&app, issue).len(), 1);
    ask(sue, issue).await;
    ask(sam, other).await;
    assert_eq!(
        (replies(&app, issue).len(), replies(&app, other).len()),
        (2, 1),
        "somebody else, and elsewhere"
    );
    app.gitlab.by(guest).note(issue, "@escalator-bot help").unwrap();
    app.gitlab.by(guest).note(issue, "@escalator-bot help").unwrap();
    app.until_read().await;
    assert_eq!(replies(&app, issue).len(), 4, "members are answered each time");

    let store = rusqlite::Connection::open(app.store_path()).unwrap();
    store.execute("UPDATE command SET at = at - 3600000", []).unwrap();
    ask(sam, issue).await;
    ask(sam, issue).await;
    assert_eq!(replies(&app, issue).len(), 5, "an hour later he may have forgotten");
    assert!(!app.gitlab.labels(issue).contains(&"complexity::yes".to_owned()));
    app.end().await;
}

#[actix_web::test]
async fn typos_get_the_nearest_word_and_help_lists_the_commands_without_echoing_anybody() {
    let (app, guest) = start().await;
    let issue = app.incident(&[]);
    app.until_read().await;
    let by = app.gitlab.by(guest);
    for (text, told) in [
        ("@escalator-bot recheek", "Did you mean `@escalator-bot` `recheck`?"),
        ("@escalator-bot answer complexty yes", "Did you mean `complexity`?"),
        ("@escalator-bot answer complexity perhaps", "`complexity` is answered with `yes` or `no`."),
        ("@escalator-bot answer complexity yes no", "so nothing was done"),
        ("@escalator-bot <b>@gina</b> `x", "there is no such command."),
        ("@escalator-bot", "these are the commands."),
        ("@escalator-bot explain", "**Not a Platform Escalation: 0 of 7 points.**"),
    ] {
        by.note(issue, text).unwrap();
        app.until_read().await;
        let reply = replies(&app, issue).pop().unwrap().body;
        assert!(reply.contains(told), "{text}: {reply}");
        assert!(!reply.contains("perhaps") && !reply.contains("gina") && !reply.contains("<b>"), "{reply}");
    }
    app.end().await;
}

#[actix_web::test]
async fn an_issue_from_no_source_is_explained_and_a_closed_one_is_left_alone() {
    let (app, guest) = start().await;
    let (plain, closed) = (app.issue(&[]), app.incident(&[]));
    app.until_read().await;
    app.reporter().close(closed).unwrap();
    app.gitlab.by(guest).note(plain, "@escalator-bot explain").unwrap();
    app.gitlab.by(guest).note(closed, "@escalator-bot answer complexity yes").unwrap();
    app.until_read().await;
    assert!(replies(&app, plain)[0].body.contains("comes from no source"));
    assert!(replies(&app, closed)[0].body.contains("this issue is closed"));
    app.gitlab.by(guest).note(plain, "@escalator-bot answer complexity yes").unwrap();
    app.until_read().await;
    assert!(replies(&app, plain)[1].body.contains("comes from no source"));
    assert!(app.gitlab.labels(plain).is_empty());
    assert!(!app.gitlab.labels(closed).contains(&"complexity::yes".to_owned()));
    app.end().await;
}

#[actix_web::test]
async fn an_edit_is_another_command_and_a_deleted_note_is_none() {
    let (app, guest) = start().await;
    let issue = app.incident(&[]);
    app.until_read().await;
    let by = app.gitlab.by(guest);
    let note = by.note(issue, "@escalator-bot answer complexity yes").unwrap().unwrap();
    app.until_read().await;
    assert_eq!(by.edit_note(issue, note, "@escalator-bot answer complexity no").unwrap(), Edited::Changed);
    app.until_read().await;
    assert!(app.gitlab.labels(issue).contains(&"complexity::no".to_owned()));

    // Answered once: who has changed the label since is not overruled by another reading.
    app.reporter().change_labels(issue, ["complexity::yes"], ["complexity::no"]).unwrap();
    by.note(issue, "@escalator-bot help").unwrap();
    app.until_read().await;
    assert!(app.gitlab.labels(issue).contains(&"complexity::yes".to_owned()));

    app.gitlab.hold_deliveries();
    let gone = by.note(issue, "@escalator-bot answer complexity no").unwrap().unwrap();
    by.delete_note(issue, gone).unwrap();
    app.gitlab.release_deliveries(None);
    app.until_read().await;
    assert!(app.gitlab.labels(issue).contains(&"complexity::yes".to_owned()));
    app.end().await;
}

#[actix_web::test]
async fn a_recheck_writes_the_comment_anew() {
    let (app, guest) = start().await;
    let issue = app.incident(&score(3, &[]));
    app.until_read().await;
    let maintainer = app.gitlab.user("morgan");
    app.gitlab.member(maintainer, "acme", 40);
    let (comment, before) = (app.gitlab.notes(issue)[0].id, app.comment(issue));
    app.gitlab.by(maintainer).edit_note(issue, comment, "All is well.").unwrap();
    app.until_read().await;
    assert_eq!(app.comment(issue), "All is well.", "people's edits are not fought");
    let asked = app.gitlab.by(guest).note(issue, "@escalator-bot recheck").unwrap().unwrap();
    app.until_read().await;
    assert_eq!(app.comment(issue), before);
    assert!(is_done(&app, asked));
    app.end().await;
}

#[actix_web::test]
async fn what_was_written_before_the_first_start_is_no_command() {
    let (mut app, guest) = start().await;
    let issue = app.incident(&[]);
    app.until_read().await;
    app.stop_service().await;
    app.gitlab.by(guest).note(issue, "@escalator-bot answer complexity yes").unwrap();
    app.gitlab.settled().await;
    app.restart_service_without_its_store().await;
    app.gitlab.by(guest).note(issue, "@escalator-bot help").unwrap();
    app.until_read().await;
    assert_eq!(replies(&app, issue).len(), 1);
    assert!(!app.gitlab.labels(issue).contains(&"complexity::yes".to_owned()));
    app.end().await;
}

#[actix_web::test]
async fn a_reply_that_gitlab_posted_without_telling_is_not_posted_again() {
    let (app, guest) = start().await;
    let issue = app.incident(&[]);
    app.until_read().await;
    app.gitlab.fault(Fault::new(Trouble::ApplyThenLose(Loss::Reset)).on("POST", "/notes").times(1));
    app.gitlab.by(guest).note(issue, "@escalator-bot help").unwrap();
    app.until_read().await;
    assert_eq!(replies(&app, issue).len(), 1);

    // What the sweep compares with: our own replies are nothing new to read.
    app.gitlab.by(guest).note(issue, "@escalator-bot explain").unwrap();
    app.until_read().await;
    let reference = IssueRef { project_id: issue.project_id, iid: issue.iid };
    let comments = u64::try_from(app.gitlab.notes(issue).len()).unwrap();
    assert_eq!(app.service().store.comments_read(reference).await, Ok(Some(comments)));
    app.end().await;
}

#[actix_web::test]
async fn an_internal_note_is_answered_internally() {
    let (app, _) = start().await;
    let issue = app.incident(&[]);
    app.until_read().await;
    app.reporter().internal_note(issue, "@escalator-bot explain").unwrap();
    app.until_read().await;
    assert!(replies(&app, issue)[0].internal);
    app.end().await;
}

#[actix_web::test]
async fn a_dry_run_answers_nothing_and_neither_does_a_live_run_afterwards() {
    let settings = [("MODE", "dry-run")];
    let mut app = TestApp::start_with(Options::default(), &settings).await;
    let issue = app.incident(&[]);
    app.until_read().await;
    app.reporter().note(issue, "@escalator-bot answer complexity yes").unwrap();
    app.until_read().await;
    assert_eq!(app.gitlab.writes(issue), 0);
    app.stop_service().await;
    app.restart_service_with("MODE", "live").await;
    app.reporter().note(issue, "@escalator-bot help").unwrap();
    app.until_read().await;
    assert_eq!(replies(&app, issue).len(), 1);
    assert!(!app.gitlab.labels(issue).contains(&"complexity::yes".to_owned()));
    app.end().await;
}

#[actix_web::test]
async fn a_command_costs_two_reads_of_its_issue_and_a_note_to_somebody_else_none() {
    let (app, guest) = start().await;
    let issue = app.incident(&[]);
    app.until_read().await;
    app.gitlab.clear_requests();
    app.gitlab.by(guest).note(issue, "@gina what do you think?").unwrap();
    app.until_read().await;
    assert!(app.calls().is_empty());
    app.gitlab.by(guest).note(issue, "@escalator-bot answer complexity yes").unwrap();
    app.until_read().await;
    // The label and the reaction, and the comment of the look that follows.
    assert_eq!(app.gitlab.writes(issue), 3);
    assert_eq!(app.reads(issue), 3, "the issue and its notes, and the issue again by the look");
    app.end().await;
}
