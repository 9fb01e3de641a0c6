//! `kill -9` in the middle of a command, at each of its writes: it is neither lost nor done twice.

use std::time::{Duration, Instant};

use escalator::sandbox::{Fault, Hook, IssueId, Kind, Options, Sandbox, Trouble, UserId};

use super::binary::{PATIENCE, Program, SIGNING_TOKEN};

#[actix_web::test]
async fn a_command_that_kill_9_breaks_off_is_answered_once() {
    let folder = tempfile::tempdir().unwrap();
    let gitlab = Sandbox::start(Options { auto_disable: false, ..Options::default() }).await.unwrap();
    let (shop, reporter, bot) =
        (gitlab.project("acme/shop"), gitlab.user("riley"), gitlab.bot("escalator-bot"));
    gitlab.member(reporter, "acme", 20);
    gitlab.member(bot, "acme", 20);
    let store = format!("sqlite://{}", folder.path().join("escalator.db").display());
    let mut program = Program::new(&gitlab, &gitlab.token(bot, &["api"]), &store);
    // A call waits until the program is dead.
    program.set("GITLAB__TIMEOUT", "60s");
    let url = format!("http://{}/webhooks/gitlab", program.address);
    gitlab.hook("acme", Hook { signing_token: Some(SIGNING_TOKEN.to_owned()), ..Hook::to(url) });

    let (help, answer) = (("help", "help"), ("answer complexity yes", "done"));
    for ((request, outcome), method, path) in
        [(help, "POST", "/notes"), (answer, "PUT", "/issues/"), (answer, "POST", "/award_emoji")]
    {
        for fate in [None, Some(Fault::status(500).trouble)] {
            program.start().await;
            let issue = gitlab.issue(shop).by(reporter).kind(Kind::Incident).create();
            until("the issue is assessed", || gitlab.notes(issue).len() == 1).await;
            gitlab.fault(Fault::new(Trouble::Hold).on(method, path).times(1));
            let note =
                gitlab.by(reporter).note(issue, &format!("@escalator-bot {request}")).unwrap().unwrap();
            let write = gitlab.until_held(|held| held.method == method).await;
            program.kill();
            let case = format!("{request}: {method} {path}, done by GitLab: {}", fate.is_none());
            gitlab.let_go(write, fate);
            gitlab.idle().await;

            program.start().await;
            let verb = request.split(' ').next().unwrap();
            let answered = format!("escalator_commands_total{{verb=\"{verb}\",outcome=\"{outcome}\"}}");
            let started = Instant::now();
            while program.metric(&answered).await != Some(1.0) {
                assert!(started.elapsed() < PATIENCE, "lost: {case}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            gitlab.settled().await;
            let done = Done::on(&gitlab, issue, note, bot);
            let wanted = if verb == "help" { (1, 0, 0) } else { (0, 1, 1) };
            assert_eq!((done.replies, done.labels, done.reactions), wanted, "{case}");
            program.kill();
        }
    }
    gitlab.stop().await;
}

/// What GitLab shows of the answer to a command.
struct Done {
    replies: usize,
    labels: usize,
    reactions: usize,
}

impl Done {
    fn on(gitlab: &Sandbox, issue: IssueId, note: u64, bot: UserId) -> Self {
        let is_reply = |body: &str| body.starts_with("<!-- escalator:reply ");
        Self {
            replies: gitlab.notes(issue).iter().filter(|note| is_reply(&note.body)).count(),
            labels: gitlab.label_events(issue).iter().filter(|event| event.user == bot).count(),
            reactions: gitlab.awards(note).len(),
        }
    }
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
