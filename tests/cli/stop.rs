//! How `serve` stops: what is in hand is finished, the rest is kept, and nobody waits for ever.

use std::net::TcpStream;

use escalator::sandbox::{Fault, IssueId, Kind, Trouble};

use crate::desk::Desk;
use crate::program::{Place, until};

/// A desk whose one worker is busy: its call waits until the test lets it go.
async fn busy_desk(shutdown_timeout: &str) -> (Desk, u64) {
    let place = Place::ready_to_serve()
        .variable("ESCALATOR__QUEUE__WORKERS", "1")
        .variable("ESCALATOR__GITLAB__TIMEOUT", "1h")
        .variable("ESCALATOR__SERVER__SHUTDOWN_TIMEOUT", shutdown_timeout);
    let desk = Desk::open_in(place, Place::serve, "A title", "A description").await;
    desk.assessed();
    desk.gitlab.fault(Fault::new(Trouble::Hold).on("PUT", "/issues/").times(1));
    let riley = desk.gitlab.by(desk.gitlab.user("root"));
    riley.remove_labels(desk.issue, ["complexity::yes"]).unwrap();
    let held = desk.gitlab.until_held(|request| request.method == "PUT").await;
    (desk, held)
}

/// Another incident, which waits behind the busy worker.
async fn waiting(desk: &Desk) -> IssueId {
    let issue = desk.gitlab.issue(desk.issue.project_id).kind(Kind::Incident).create();
    desk.gitlab.settled().await;
    issue
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_hand_is_finished_and_the_rest_is_done_after_the_next_start() {
    let (desk, held) = busy_desk("1h").await;
    let behind = waiting(&desk).await;
    desk.serving.ask_to_stop();
    desk.serving.log.until("finishing what is in hand");
    until("nothing is accepted", async || TcpStream::connect(desk.serving.webhooks).is_err()).await;
    desk.gitlab.let_go(held, None);
    let (code, log) = desk.serving.ended();
    assert_eq!(code, 0);
    assert!(log.contains("\"stopped\""), "{log}");
    assert!(desk.gitlab.labels(desk.issue).contains(&"platform-escalation-possible".to_owned()));
    assert_eq!(desk.gitlab.reads(behind), 0, "nothing new was begun");

    let serving = desk.place.serve();
    serving.log.until("\"assessed\"");
    assert_eq!(serving.stop().0, 0);
    assert_eq!(desk.gitlab.notes(behind).len(), 1);
    assert_eq!(desk.gitlab.notes(desk.issue).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_in_hand_is_answered_to_its_end() {
    let place = Place::ready_to_serve().variable("ESCALATOR__GITLAB__TIMEOUT", "1h");
    let desk = Desk::open_in(place, Place::serve, "A title", "A description").await;
    desk.assessed();
    desk.gitlab.fault(Fault::new(Trouble::Hold).on("POST", "/notes").times(1));
    desk.gitlab.by(desk.author).note(desk.issue, "@escalator-bot help").unwrap();
    let held = desk.gitlab.until_held(|request| request.method == "POST").await;
    desk.serving.ask_to_stop();
    desk.serving.log.until("finishing what is in hand");
    until("nothing is accepted", async || TcpStream::connect(desk.serving.webhooks).is_err()).await;
    assert!(desk.gitlab.let_go(held, None), "it still waits for GitLab's answer");
    let (code, log) = desk.serving.ended();
    assert_eq!(code, 0);
    assert!(log.contains("\"answered a command\""), "{log}");
    assert_eq!(desk.gitlab.notes(desk.issue).len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_shutdown_timeout_and_at_a_second_signal_it_stops_in_the_middle_and_loses_nothing() {
    for (shutdown_timeout, said) in
        [("100ms", "not everything in hand could be finished"), ("1h", "stopped at once")]
    {
        let (desk, _held) = busy_desk(shutdown_timeout).await;
        let behind = waiting(&desk).await;
        desk.serving.ask_to_stop();
        desk.serving.log.until("finishing what is in hand");
        if shutdown_timeout == "1h" {
            desk.serving.ask_to_stop();
        }
        let (code, log) = desk.serving.ended();
        assert_eq!(code, 0, "{log}");
        assert!(log.contains(said), "{log}");

        let serving = desk.place.serve();
        serving.log.until(&format!("\"assessed\",\"issue\":\"{}#{}\"", behind.project_id, behind.iid));
        serving
            .log
            .until(&format!("\"assessed\",\"issue\":\"{}#{}\"", desk.issue.project_id, desk.issue.iid));
        assert_eq!(serving.stop().0, 0);
        for issue in [desk.issue, behind] {
            assert_eq!(desk.gitlab.notes(issue).len(), 1);
        }
        assert!(desk.gitlab.labels(desk.issue).contains(&"platform-escalation-possible".to_owned()));
    }
}
