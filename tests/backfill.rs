//! `escalator backfill` as people run it: the real binary against a GitLab with issues that nobody has looked at yet.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use escalator::clock::{self, Millis};
use escalator::comment::Renderer;
use escalator::config::load;
use escalator::config::settings::Mode;
use escalator::config::sources::Sources;
use escalator::sandbox::{Actor, Fault, IssueId, Kind, Options, Sandbox, Trouble, UserId};
use escalator::store::{PolicyDigest, StopReason, Store};
use tempfile::TempDir;

/// `queue.workers` by default: how many issues a backfill looks at at the same time.
const AT_ONCE: usize = 4;
/// Far more than any command of these tests takes.
const PATIENCE: Duration = Duration::from_secs(60);
const FIVE: [&str; 3] = ["cross-functionality::yes", "complexity::yes", "financial-impact::yes"];

/// A GitLab before Escalator came, and what a backfill of it needs.
struct Before {
    gitlab: Sandbox,
    riley: UserId,
    bot: UserId,
    shop: u64,
    token: String,
    folder: TempDir,
}

/// What a backfill said and how it ended.
struct Said {
    code: Option<i32>,
    out: String,
    error: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            error: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Said {
    /// The figure of a row of the table.
    fn count(&self, row: &str) -> usize {
        let line = self.out.lines().find(|line| line.trim().starts_with(row));
        line.unwrap_or_else(|| panic!("no {row} in {}", self.out))
            .split_whitespace()
            .last()
            .unwrap()
            .parse()
            .unwrap()
    }
}

impl Before {
    async fn start() -> Self {
        let gitlab = Sandbox::start(Options::default()).await.unwrap();
        let shop = gitlab.project("acme/shop");
        let (riley, bot) = (gitlab.user("riley"), gitlab.bot("escalator-bot"));
        gitlab.member(riley, "acme", 20);
        gitlab.member(bot, "acme", 20);
        let token = gitlab.token(bot, &["api"]);
        Self { gitlab, riley, bot, shop, token, folder: tempfile::tempdir().unwrap() }
    }

    fn riley(&self) -> Actor {
        self.gitlab.by(self.riley)
    }

    fn incident(&self, labels: &[&str]) -> IssueId {
        self.gitlab.issue(self.shop).by(self.riley).kind(Kind::Incident).labels(labels.to_vec()).create()
    }

    fn incidents(&self, count: usize) -> Vec<IssueId> {
        (0..count).map(|_| self.incident(&FIVE)).collect()
    }

    /// Each made in a millisecond of its own: a position is as exact as GitLab's times. The clock is read after an issue
    /// was made, for its millisecond may be a later one than that in which its making began.
    fn incidents_one_after_the_other(&self, count: usize) -> Vec<IssueId> {
        let one = |_| {
            let issue = self.incident(&FIVE);
            let made_by = clock::now();
            while clock::now() <= made_by {
                std::hint::spin_loop();
            }
            issue
        };
        (0..count).map(one).collect()
    }

    fn store_path(&self) -> PathBuf {
        self.folder.path().join("escalator.db")
    }

    fn spawn(&self, arguments: &[&str]) -> Child {
        self.spawn_with(arguments, &[])
    }

    /// With settings such as `("POLICY__VERSION", "2")`.
    fn spawn_with(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Child {
        self.spawn_command(&[&["backfill"], arguments].concat(), settings)
    }

    /// Any command of the program.
    fn spawn_command(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Child {
        let settings = settings.iter().map(|(name, value)| (format!("ESCALATOR__{name}"), value));
        Command::new(env!("CARGO_BIN_EXE_escalator"))
            .args(arguments)
            .env("ESCALATOR__GITLAB__URL", self.gitlab.url())
            .env("ESCALATOR__GITLAB__TOKEN", &self.token)
            .env("ESCALATOR__GITLAB__REQUESTS_PER_SECOND", "10000")
            .env("ESCALATOR__GITLAB__NOTES_PER_MINUTE", "100000")
            .env("ESCALATOR__QUEUE__RETRY_BASE", "50ms")
            .env("ESCALATOR__QUEUE__MAX_ATTEMPTS", "3")
            .env("ESCALATOR__STORE__URL", format!("sqlite://{}", self.store_path().display()))
            .envs(settings)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    async fn run(&self, arguments: &[&str]) -> Said {
        ended(self.spawn(arguments)).await
    }

    fn right(&self, issues: &[IssueId]) -> usize {
        issues.iter().filter(|issue| self.is_right(**issue)).count()
    }

    async fn until_right(&self, issues: &[IssueId], count: usize) {
        let started = Instant::now();
        while self.right(issues) < count {
            assert!(started.elapsed() < PATIENCE, "only {} of {count} are right", self.right(issues));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn is_right(&self, issue: IssueId) -> bool {
        let labelled = self.gitlab.labels(issue).contains(&"platform-escalation".to_owned());
        let notes = self.gitlab.notes(issue);
        labelled && notes.len() == 1 && notes[0].author_id == self.bot
    }

    fn writes(&self) -> usize {
        self.gitlab.requests().iter().filter(|request| !request.reads()).count()
    }

    async fn parked(&self) -> u64 {
        let store = Store::open(&self.store_path(), Millis(0)).unwrap();
        store.depth().await.unwrap().parked
    }
}

async fn ended(child: Child) -> Said {
    let waiting = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap());
    waiting.await.unwrap().into()
}

/// One that goes on and on is killed, and has no code.
async fn ended_or_killed(child: Child) -> Said {
    let id = child.id();
    let mut ending = std::pin::pin!(ended(child));
    if let Ok(said) = tokio::time::timeout(PATIENCE, &mut ending).await {
        return said;
    }
    send_signal(id, "-KILL");
    ending.await
}

/// Waits for a line with these words among those that it says meanwhile.
async fn until_said(child: &mut Child, words: String) {
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let said = tokio::task::spawn_blocking(move || lines.any(|line| line.contains(&words)));
    assert!(said.await.unwrap(), "it ended without saying so");
}

fn signal(child: &Child, name: &str) {
    send_signal(child.id(), name);
}

fn send_signal(id: u32, name: &str) {
    assert!(Command::new("kill").args([name, &id.to_string()]).status().unwrap().success());
}

#[actix_web::test]
async fn what_exists_already_is_assessed_and_counted() {
    let before = Before::start().await;
    let incidents = before.incidents(3);
    before.gitlab.issue(before.shop).by(before.riley).labels(["bug"]).create();
    let closed = before.incident(&FIVE);
    before.riley().close(closed).unwrap();

    let said = before.run(&["--group", "acme"]).await;
    assert_eq!(said.code, Some(0), "{}", said.error);
    assert_eq!(before.right(&incidents), 3);
    assert!(before.gitlab.notes(closed).is_empty());
    let rows = ["assessed", "changed", "unchanged", "skipped: closed", "skipped: no source", "failed"];
    assert_eq!(rows.map(|row| said.count(row)), [3, 3, 0, 1, 1, 0]);
    assert!(said.error.contains("5 issues to go through"), "{}", said.error);
    assert!(said.error.contains("5 of 5 issues, "), "{}", said.error);

    let writes = before.writes();
    let again = before.run(&["--project", "acme/shop"]).await;
    assert_eq!(rows.map(|row| again.count(row)), [3, 0, 3, 1, 1, 0]);
    assert_eq!((again.code, before.writes()), (Some(0), writes));
}

#[actix_web::test]
async fn a_dry_run_prints_what_would_change_and_writes_nothing() {
    let before = Before::start().await;
    let issue = before.incident(&FIVE);
    let said = before.run(&["--group", "acme", "--dry-run"]).await;
    let line = format!(
        "{}#{}  score 5  escalation  labels +\"platform-escalation\"  comment created\n",
        issue.project_id, issue.iid
    );
    assert!(said.out.starts_with(&line), "{}", said.out);
    assert_eq!((said.code, said.count("would change"), before.writes()), (Some(0), 1, 0));
    let store = rusqlite::Connection::open(before.store_path()).unwrap();
    for table in ["queue", "followed", "ledger", "watermark"] {
        let rows: u64 =
            store.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 0, "{table}");
    }
    drop(store);

    before.run(&["--group", "acme"]).await;
    before.riley().remove_labels(issue, FIVE).unwrap();
    let said = before.run(&["--group", "acme", "--dry-run"]).await;
    assert!(
        said.out.contains("score 0  none  labels -\"platform-escalation\"  comment edited"),
        "{}",
        said.out
    );
    assert!(before.is_right(issue));
}

#[actix_web::test]
async fn more_issues_than_fit_a_page_are_all_assessed_once() {
    let before = Before::start().await;
    let incidents = before.incidents(230);
    let said = before.run(&["--group", "acme", "--project", "acme/shop"]).await;
    assert_eq!((said.code, said.count("assessed")), (Some(0), 230), "{}", said.error);
    assert_eq!(before.right(&incidents), 230);
    let most = incidents.iter().map(|issue| before.gitlab.reads(*issue)).max();
    assert_eq!(most, Some(1), "a place within another one is not looked at twice");
}

#[actix_web::test]
async fn after_ctrl_c_a_second_run_goes_on_where_the_first_one_stopped() {
    // The last one whose place was kept is listed again; after a kill, those in hand besides.
    for (signal_name, most_repeated) in [("-INT", 1), ("-KILL", 1 + AT_ONCE)] {
        let before = Before::start().await;
        let incidents = before.incidents_one_after_the_other(130);
        // After 110 issues GitLab becomes so slow that the signal surely comes before the end.
        let slow = Fault::new(Trouble::Delay(Duration::from_secs(1)));
        before.gitlab.fault(slow.on("PUT", "/issues/").after(110));
        let child = before.spawn(&["--group", "acme"]);
        before.until_right(&incidents, 110).await;
        signal(&child, signal_name);
        let first = ended(child).await;
        before.gitlab.clear_faults();
        assert!(before.right(&incidents) < 130, "it did not stop");
        if signal_name == "-INT" {
            assert_eq!(first.code, Some(1));
            assert!(first.error.contains("the next backfill goes on from here"), "{}", first.error);
            assert_eq!(first.count("assessed"), before.right(&incidents));
        }

        let second = before.run(&["--group", "acme"]).await;
        assert_eq!((second.code, before.right(&incidents)), (Some(0), 130), "{}", second.error);
        let said = "group acme: going on where an earlier backfill stopped, with the issues made since";
        assert!(second.error.contains(said), "{}", second.error);
        let repeated = incidents.iter().filter(|issue| before.gitlab.reads(**issue) > 1).count();
        assert!(repeated <= most_repeated, "{signal_name}: {repeated} issues were looked at twice");

        let third = before.run(&["--group", "acme"]).await;
        assert_eq!(third.count("unchanged"), 130, "a backfill that came to its end begins at the beginning");
    }
}

#[actix_web::test]
async fn an_issue_that_fails_is_named_with_the_reason_parked_and_does_not_stop_the_others() {
    let before = Before::start().await;
    let incidents = before.incidents(5);
    let path = format!("/issues/{}", incidents[2].iid);
    before.gitlab.fault(Fault::status(403).on("PUT", &path));
    let said = before.run(&["--group", "acme"]).await;
    assert_eq!((said.code, said.count("failed"), said.count("assessed")), (Some(1), 1, 4));
    let reason = format!("  1 of these ({}#{}): GitLab refuses: ", before.shop, incidents[2].iid);
    assert!(said.out.contains(&reason), "{}", said.out);
    assert_eq!((before.right(&incidents), before.parked().await), (4, 1));

    before.gitlab.clear_faults();
    let said = before.run(&["--group", "acme"]).await;
    assert_eq!((said.code, said.count("changed"), said.count("unchanged")), (Some(0), 1, 4));
    assert_eq!((before.right(&incidents), before.parked().await), (5, 0));
}

#[actix_web::test]
async fn a_backfill_counts_for_no_fuse_and_refuses_while_writing_is_stopped() {
    let before = Before::start().await;
    let incidents = before.incidents(10);
    Store::migrate_file(&before.store_path()).unwrap();
    let store = Store::open_beside(&before.store_path()).unwrap();
    store.stop_writing(None, StopReason::Undo, Millis(0)).await.unwrap();
    let refused = before.run(&["--group", "acme"]).await;
    assert_eq!((refused.code, before.writes()), (Some(1), 0));
    assert!(refused.error.contains("because what was written was taken back"), "{}", refused.error);
    assert!(refused.error.contains("find out why, then: escalator resume"), "{}", refused.error);
    assert_eq!(before.run(&["--group", "acme", "--dry-run"]).await.code, Some(0), "which writes nothing");

    store.resume(None, Millis(1)).await.unwrap();
    let said = ended(before.spawn_with(&["--group", "acme"], &[("WRITES__FUSE", "10")])).await;
    assert_eq!((said.code, before.right(&incidents)), (Some(0), 10), "{}", said.error);
}

#[actix_web::test]
async fn undo_beside_a_backfill_ends_it_and_after_resume_the_next_one_goes_on() {
    let before = Before::start().await;
    let incidents = before.incidents_one_after_the_other(12);
    let held = incidents[5];
    let path = format!("/issues/{}", held.iid);
    before.gitlab.fault(Fault::new(Trouble::Hold).on("PUT", &path).times(1));
    let backfill = before.spawn_with(&["--group", "acme"], &[("GITLAB__TIMEOUT", "1h")]);
    let request = before.gitlab.until_held(|request| request.method == "PUT").await;
    let most = 5 + AT_ONCE - 1;
    before.until_right(&incidents, most).await;

    let mut undo = before.spawn_command(&["undo", "--since", "1h"], &[]);
    let waiting =
        format!("waiting for {}#{}, which another escalator is working on", held.project_id, held.iid);
    until_said(&mut undo, waiting).await;
    assert!(before.gitlab.let_go(request, None));
    let (first, undone) = tokio::join!(ended_or_killed(backfill), ended_or_killed(undo));
    assert_eq!((first.code, undone.code), (Some(1), Some(0)), "{}", first.error);
    assert_eq!(first.count("assessed"), most);
    let why = "because what was written was taken back; find out why, then: escalator resume, and the same backfill, \
               which goes on from here";
    assert!(first.error.contains(why), "{}", first.error);
    assert_eq!(undone.count("labels taken off"), most + 1, "{}", undone.out);
    let written = |issue: &&IssueId| {
        before.gitlab.labels(**issue).contains(&"platform-escalation".to_owned())
            || !before.gitlab.notes(**issue).is_empty()
    };
    assert_eq!(incidents.iter().filter(written).count(), 0);
    assert_eq!(before.parked().await, 0);

    assert_eq!(ended(before.spawn_command(&["resume"], &[])).await.code, Some(0));
    let second = before.run(&["--group", "acme"]).await;
    assert!(second.error.contains(GOING_ON), "{}", second.error);
    assert_eq!((second.code, before.right(&incidents[5..])), (Some(0), 7), "{}", second.error);
    let third = before.run(&["--group", "acme"]).await;
    assert_eq!((third.code, before.right(&incidents)), (Some(0), 12), "{}", third.error);
}

#[actix_web::test]
async fn a_label_of_ours_that_a_lost_store_forgot_is_taken_off_without_a_source_too() {
    let before = Before::start().await;
    let labels = [FIVE.as_slice(), &["outage"]].concat();
    let issue = before.gitlab.issue(before.shop).by(before.riley).labels(labels).create();
    before.run(&["--group", "acme"]).await;
    assert!(before.is_right(issue));
    before.riley().remove_labels(issue, ["outage"]).unwrap();
    std::fs::remove_file(before.store_path()).unwrap();

    let said = before.run(&["--group", "acme"]).await;
    assert_eq!((said.code, said.count("changed")), (Some(0), 1), "{}", said.error);
    assert!(!before.gitlab.labels(issue).contains(&"platform-escalation".to_owned()));
}

#[actix_web::test]
async fn throttling_and_short_trouble_are_waited_out() {
    let before = Before::start().await;
    let incidents = before.incidents(10);
    before.gitlab.fault(Fault::throttled(1).on("PUT", "/issues/").after(3).times(1));
    before.gitlab.fault(Fault::status(502).on("GET", "/groups/acme/issues").times(2));
    before.gitlab.fault(Fault::new(Trouble::Reset).on("POST", "/notes").times(1));
    let said = before.run(&["--group", "acme"]).await;
    assert_eq!((said.code, before.right(&incidents)), (Some(0), 10), "{}", said.error);
    assert!(said.error.contains("pausing for 1 s"), "{}", said.error);
    assert!(said.error.contains("502 Bad Gateway; trying again"), "{}", said.error);
}

#[actix_web::test]
async fn beside_a_running_service_it_says_what_to_do() {
    let before = Before::start().await;
    let store = Store::open(&before.store_path(), Millis(0)).unwrap();
    let said = before.run(&["--group", "acme"]).await;
    assert_eq!(said.code, Some(1));
    assert!(said.error.contains("stop `escalator serve`, run the backfill"), "{}", said.error);
    assert!(before.gitlab.requests().is_empty());
    drop(store);
}

#[actix_web::test]
async fn a_place_that_the_token_does_not_see_fails_and_the_others_are_done() {
    let before = Before::start().await;
    let incidents = before.incidents(2);
    let said = before.run(&["--group", "nowhere", "--group", "acme"]).await;
    assert_eq!((said.code, before.right(&incidents)), (Some(1), 2));
    assert!(
        said.out.contains("not listed to the end: group nowhere: GitLab does not show it"),
        "{}",
        said.out
    );
}

const GOING_ON: &str = "going on where an earlier backfill stopped";

#[actix_web::test]
async fn another_policy_begins_at_the_beginning() {
    let before = Before::start().await;
    let incidents = before.incidents_one_after_the_other(130);
    // Asked for its length, and for its first page.
    let second_page = Fault::status(403).on("GET", "/groups/acme/issues").after(2);
    before.gitlab.fault(second_page.clone());
    before.run(&["--group", "acme"]).await;
    assert_eq!(before.right(&incidents), 100);

    before.gitlab.clear_faults();
    before.gitlab.fault(second_page);
    let said = ended(before.spawn_with(&["--group", "acme"], &[("POLICY__VERSION", "another")])).await;
    assert!(!said.error.contains(GOING_ON), "{}", said.error);
    assert_eq!(said.count("assessed"), 100);

    before.gitlab.clear_faults();
    let said = before.run(&["--group", "acme"]).await;
    assert!(!said.error.contains(GOING_ON), "the first policy's position is outdated too: {}", said.error);
    assert_eq!((said.code, before.right(&incidents)), (Some(0), 130), "{}", said.error);
}

#[actix_web::test]
async fn in_shadow_it_writes_nothing_and_live_begins_at_the_beginning_all_the_same() {
    let before = Before::start().await;
    let incidents = before.incidents_one_after_the_other(130);
    // Asked for its length, and for its first page.
    before.gitlab.fault(Fault::status(403).on("GET", "/groups/acme/issues").after(2));
    let said = ended(before.spawn_with(&["--group", "acme"], &[("MODE", "shadow")])).await;
    assert_eq!((said.count("would change"), before.writes()), (100, 0), "{}", said.error);
    assert!(
        said.out.contains("nothing was written to GitLab, and what was found is in the store"),
        "{}",
        said.out
    );
    let store = rusqlite::Connection::open(before.store_path()).unwrap();
    let watched =
        "SELECT count(*) FROM followed JOIN ledger USING (project_id, iid) WHERE involvement = 'watched'";
    assert_eq!(store.query_row(watched, [], |row| row.get(0)), Ok(100));
    let applied =
        "INSERT INTO watermark (walk, place, at) VALUES ('policy', 'followed under that of live', 0)";
    store.execute(applied, []).unwrap();

    before.gitlab.clear_faults();
    let said = ended(before.spawn_with(&["--group", "acme"], &[("MODE", "shadow")])).await;
    assert!(said.error.contains(GOING_ON), "{}", said.error);
    let applied = "SELECT count(*) FROM watermark WHERE walk = 'policy'";
    assert_eq!(store.query_row(applied, [], |row| row.get(0)), Ok(0), "who writes has to look at all again");
    drop(store);

    before.gitlab.fault(Fault::status(403).on("GET", "/groups/acme/issues").after(2));
    ended(before.spawn_with(&["--group", "acme"], &[("MODE", "shadow")])).await;
    before.gitlab.clear_faults();
    let said = before.run(&["--group", "acme"]).await;
    assert!(!said.error.contains(GOING_ON), "{}", said.error);
    assert_eq!((said.code, before.right(&incidents)), (Some(0), 130), "{}", said.error);
}

#[actix_web::test]
async fn with_another_policy_than_the_applied_one_a_backfill_takes_that_back() {
    let before = Before::start().await;
    let incidents = before.incidents(AT_ONCE + 1);
    Store::migrate_file(&before.store_path()).unwrap();
    let store = Store::open_beside(&before.store_path()).unwrap();
    let policy = load(&Sources::default()).unwrap().policy;
    let template = Renderer::new(None).unwrap().template_digest;
    let (live, other) = (PolicyDigest::of(&(&policy, &template, Mode::Live)), PolicyDigest::of(&"another"));
    store.keep_applied(live, Millis(0)).await.unwrap();
    assert_eq!(before.run(&["--group", "acme"]).await.code, Some(0));
    assert!(store.is_applied(live).await.unwrap(), "it is the same");

    let another = [("POLICY__VERSION", "another")];
    let once = Fault::new(Trouble::Hold).on("GET", &format!("/issues/{}", incidents[0].iid)).times(1);
    for settings in [another.as_slice(), &[("MODE", "shadow")]] {
        store.keep_applied(live, Millis(0)).await.unwrap();
        before.gitlab.fault(once.clone());
        let child = before.spawn_with(&["--group", "acme"], settings);
        let held = before.gitlab.until_held(|_| true).await;
        assert!(!store.is_applied(live).await.unwrap(), "at once: {settings:?}");
        store.keep_applied(other, Millis(0)).await.unwrap();
        signal(&child, "-INT");
        before.gitlab.let_go(held, None);
        ended(child).await;
        assert!(!store.is_applied(other).await.unwrap(), "what was applied meanwhile: {settings:?}");
    }
}

#[actix_web::test]
async fn a_place_that_came_to_its_end_begins_at_the_beginning_although_another_one_failed() {
    let before = Before::start().await;
    let incidents = before.incidents(3);
    before.run(&["--group", "nowhere", "--group", "acme"]).await;
    let labels = incidents.iter().map(|issue| before.gitlab.by(before.riley).remove_labels(*issue, FIVE));
    assert!(labels.into_iter().all(|removed| removed.is_ok()));
    let said = before.run(&["--group", "acme"]).await;
    assert!(!said.error.contains(GOING_ON), "{}", said.error);
    assert_eq!((said.code, said.count("changed")), (Some(0), 3));
}

#[actix_web::test]
async fn without_a_place_or_with_a_wrong_token_it_ends_at_once() {
    let before = Before::start().await;
    let said = before.run(&[]).await;
    assert_eq!(said.code, Some(2));
    assert!(said.error.contains("name places with --group or --project"), "{}", said.error);

    before.gitlab.revoke(&before.token);
    let said = before.run(&["--group", "acme"]).await;
    assert_eq!((said.code, before.gitlab.requests().len()), (Some(1), 1));
    assert!(said.error.contains("does not accept the access token"), "{}", said.error);
}
