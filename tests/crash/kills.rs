//! `kill -9` at random moments, while people label issues.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use escalator::calculator::assess::assess;
use escalator::calculator::issue::{Issue, State, WorkItemType};
use escalator::calculator::label::Label;
use escalator::calculator::policy::Policy;
use escalator::config::load;
use escalator::config::sources::Sources;
use escalator::sandbox::{Fault, IssueId, Loss, Sandbox, Trouble, UserId};
use fastrand::Rng;

use super::binary::{PATIENCE, Program};
use super::scene::Scene;

const ISSUES: usize = 200;
const KILLS: usize = 25;
/// Acts of people between two kills.
const ACTS: std::ops::Range<usize> = 20..60;
const LABELS: [&str; 7] = [
    "cross-functionality::yes",
    "complexity::yes",
    "financial-impact::yes",
    "operational-impact::yes",
    "customer-impact::yes",
    "complexity::no",
    "escalation-decision::declined",
];

#[actix_web::test]
async fn what_was_answered_202_survives_kill_9() {
    survive(Weather::Fair).await;
}

#[actix_web::test]
async fn what_was_answered_202_survives_kill_9_and_answers_of_gitlab_that_get_lost() {
    survive(Weather::AnswersGetLost).await;
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Weather {
    Fair,
    /// GitLab does what it is asked, at once or late, and does not say so.
    AnswersGetLost,
}

struct Town {
    gitlab: Sandbox,
    reporter: UserId,
    bot: UserId,
    issues: Vec<IssueId>,
    policy: Policy,
    rng: Rng,
    /// The last delivery that was looked at; the sandbox numbers them.
    seen: u64,
    /// Issues with a delivery that nobody answered, or that was not kept.
    missed: BTreeSet<IssueId>,
}

async fn survive(weather: Weather) {
    let seed = fastrand::u64(..);
    // Shown when the test fails. Kills hit other moments in another run, so it makes a similar run and not the same.
    eprintln!("seed {seed}");
    let started = Instant::now();
    let mut scene = Scene::prepare().await;
    scene.program.set("GITLAB__TIMEOUT", "400ms");
    scene.program.start().await;
    let issues = (0..ISSUES).map(|_| scene.incident(&[])).collect();
    let Scene { gitlab, reporter, bot, mut program, .. } = scene;
    let mut town = Town {
        gitlab,
        reporter,
        bot,
        issues,
        policy: load(&Sources { file: None, variables: BTreeMap::new() }).unwrap().policy,
        rng: Rng::with_seed(seed),
        seen: 0,
        missed: BTreeSet::new(),
    };
    town.until_all_is_done(&program).await;
    program.kill();

    for _ in 0..KILLS {
        program.start().await;
        let acts = town.rng.usize(ACTS);
        for _ in 0..acts {
            town.act(weather);
            // So that the kill hits another moment of the work each time.
            tokio::time::sleep(Duration::from_micros(town.rng.u64(..4000))).await;
        }
        program.kill();
        for _ in 0..town.rng.usize(..3) {
            town.act(weather);
        }
        town.note_what_was_missed().await;
    }
    town.gitlab.clear_faults();
    program.start().await;
    town.until_all_is_done(&program).await;
    // What GitLab did late while the program was still starting was told to nobody, too.
    town.note_what_was_missed().await;
    town.change_what_was_missed();
    town.until_all_is_done(&program).await;
    program.kill();

    town.check_all(&town.issues);
    eprintln!(
        "{KILLS} kills, {ISSUES} issues, {} of them right only after one more change; {:.1} s",
        town.missed.len(),
        started.elapsed().as_secs_f64()
    );
    town.gitlab.stop().await;
}

impl Town {
    /// Somebody answers a question, or takes an answer back.
    fn act(&mut self, weather: Weather) {
        if weather == Weather::AnswersGetLost && self.rng.u8(..4) == 0 {
            let (method, path) =
                [("POST", "/notes"), ("PUT", "/notes/"), ("PUT", "/issues/")][self.rng.usize(..3)];
            let trouble = self.loss();
            self.gitlab.fault(Fault::new(trouble).on(method, path).times(1));
        }
        let issue = self.issues[self.rng.usize(..ISSUES)];
        let label = LABELS[self.rng.usize(..LABELS.len())];
        let person = self.gitlab.by(self.reporter);
        if self.gitlab.labels(issue).iter().any(|own| own == label) {
            person.remove_labels(issue, [label]).unwrap();
        } else {
            person.add_labels(issue, [label]).unwrap();
        }
    }

    fn loss(&mut self) -> Trouble {
        match self.rng.u8(..5) {
            0 => Trouble::ApplyThenLose(Loss::BadGateway),
            1 => Trouble::ApplyThenLose(Loss::Reset),
            // Longer than gitlab.timeout.
            2 => Trouble::ApplyThenLose(Loss::Silence(Duration::from_millis(600))),
            // Done when the caller has long given up, looked, and asked again.
            3 => Trouble::Delay(Duration::from_millis(900)),
            _ => Trouble::Later(Box::new(Trouble::Delay(Duration::from_millis(300)))),
        }
    }

    /// GitLab's deliveries found nobody while the process was down, and GitLab does not repeat them. What they told is
    /// lost to Escalator until something else is told of the same issue (or the sweep comes, which is not tested here),
    /// so those issues are set apart. Every other issue has to be right without any help.
    async fn note_what_was_missed(&mut self) {
        self.gitlab.settled().await;
        let deliveries = self.gitlab.deliveries();
        let first = deliveries.first().map_or(0, |delivery| delivery.serial);
        assert!(first <= self.seen + 1, "the sandbox has forgotten deliveries that were not looked at");
        let seen = self.seen;
        for delivery in deliveries.iter().filter(|delivery| delivery.serial > seen) {
            self.seen = delivery.serial;
            match delivery.status {
                Some(200 | 202) => {}
                // A disk that takes too long for one row: GitLab was told that it was not kept.
                None | Some(503) => {
                    self.missed.insert(delivery.issue);
                }
                Some(status) => panic!("a delivery was answered {status}"),
            }
        }
    }

    /// One more change on the issues of which Escalator could not hear.
    fn change_what_was_missed(&self) {
        self.check_all(&self.untouched());
        let person = self.gitlab.by(self.reporter);
        for issue in &self.missed {
            let title = "operational-impact::yes";
            if self.gitlab.labels(*issue).iter().any(|own| own == title) {
                person.remove_labels(*issue, [title]).unwrap();
            } else {
                person.add_labels(*issue, [title]).unwrap();
            }
        }
    }

    fn untouched(&self) -> Vec<IssueId> {
        self.issues.iter().copied().filter(|issue| !self.missed.contains(issue)).collect()
    }

    /// Until GitLab has nothing more to tell or to do, and the program has nothing in its queue; three times in a row,
    /// because each can bring the others something.
    async fn until_all_is_done(&self, program: &Program) {
        let started = Instant::now();
        let mut calm = 0;
        while calm < 3 {
            self.gitlab.settled().await;
            self.gitlab.idle().await;
            let (waiting, parked) = queue_depth(program.admin).await;
            if parked > 0 {
                // People who answer at random turn a label over and over, now and then often enough to stop its issue.
                let resumed = program.command("resume").output().unwrap();
                assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));
            }
            let quiet = waiting + parked == 0 && self.gitlab.undelivered() == 0;
            calm = if quiet { calm + 1 } else { 0 };
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert!(
                started.elapsed() < PATIENCE,
                "{waiting} issues are still waiting, and {parked} need a person: {:#?}",
                program.logged("parked")
            );
        }
    }

    fn check_all(&self, issues: &[IssueId]) {
        let wrong: Vec<String> = issues.iter().filter_map(|issue| self.wrong(*issue)).collect();
        assert!(wrong.is_empty(), "{} issues are wrong:\n{}", wrong.len(), wrong.join("\n"));
    }

    /// What is wrong with an issue, by nothing but its labels and the rule.
    fn wrong(&self, id: IssueId) -> Option<String> {
        let titles = self.gitlab.labels(id);
        let issue = Issue {
            state: State::Opened,
            work_item_type: WorkItemType::Incident,
            labels: titles.iter().map(|title| Label::new(title)).collect(),
        };
        let assessment = assess(&issue, &self.policy);
        let ours: Vec<_> =
            self.gitlab.notes(id).into_iter().filter(|note| note.author_id == self.bot).collect();
        let score = format!("**Score so far: {}.", assessment.score);
        let is_wrong = |label: &&Label| {
            assessment.wanted.is_some_and(|wanted| wanted.is(label)) != issue.bears(label).is_some()
        };
        if let Some(label) = self.policy.owned_labels().find(is_wrong) {
            Some(format!("#{}: {} is wrong with {titles:?}", id.iid, label.title()))
        } else if ours.len() != 1 {
            Some(format!("#{}: {} comments of ours", id.iid, ours.len()))
        } else if !ours[0].body.contains(&score) {
            Some(format!("#{}: the score is {}, and not as the comment says", id.iid, assessment.score))
        } else {
            None
        }
    }
}

/// What the program itself says about its queue: issues waiting, and parked.
async fn queue_depth(admin: SocketAddr) -> (u64, u64) {
    let page = reqwest::get(format!("http://{admin}/metrics")).await.unwrap().text().await.unwrap();
    let figure = |state: &str| {
        let name = format!("escalator_queue_depth{{state=\"{state}\"}} ");
        let line = page.lines().find_map(|line| line.strip_prefix(&name));
        line.unwrap().parse().unwrap()
    };
    (figure("waiting"), figure("parked"))
}
