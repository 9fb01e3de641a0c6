//! `kill -9` in the middle of a command, at each of its writes: it is neither lost nor done twice.

use escalator::sandbox::{Fault, IssueId, Sandbox, Trouble, UserId};

use super::scene::{Scene, until};

#[actix_web::test]
async fn a_command_that_kill_9_breaks_off_is_answered_once() {
    let mut scene = Scene::prepare().await;
    let (help, answer) = (("help", "help"), ("answer complexity yes", "done"));
    for ((request, outcome), method, path) in
        [(help, "POST", "/notes"), (answer, "PUT", "/issues/"), (answer, "POST", "/award_emoji")]
    {
        for fate in [None, Some(Fault::status(500).trouble)] {
            scene.program.start().await;
            let (issue, gitlab) = (scene.incident(&[]), scene.gitlab.clone());
            until("the issue is assessed", async || gitlab.notes(issue).len() == 1).await;
            gitlab.fault(Fault::new(Trouble::Hold).on(method, path).times(1));
            let note =
                gitlab.by(scene.reporter).note(issue, &format!("@escalator-bot {request}")).unwrap().unwrap();
            let write = gitlab.until_held(|held| held.method == method).await;
            scene.program.kill();
            let case = format!("{request}: {method} {path}, done by GitLab: {}", fate.is_none());
            gitlab.let_go(write, fate);
            gitlab.idle().await;

            scene.program.start().await;
            let verb = request.split(' ').next().unwrap();
            let answered = format!("escalator_commands_total{{verb=\"{verb}\",outcome=\"{outcome}\"}}");
            until(&case, async || scene.program.metric(&answered).await == Some(1.0)).await;
            gitlab.settled().await;
            let done = Done::on(&gitlab, issue, note, scene.bot);
            let wanted = if verb == "help" { (1, 0, 0) } else { (0, 1, 1) };
            assert_eq!((done.replies, done.labels, done.reactions), wanted, "{case}");
            scene.program.kill();
        }
    }
    scene.gitlab.stop().await;
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
