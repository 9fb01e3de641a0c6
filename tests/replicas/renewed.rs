//! One replica has a renewed access token, and with it another bot than the others.

use escalator::sandbox::{Fault, Hook, Trouble};

use super::binary::SIGNING_TOKEN;
use super::fleet::{FULL_SCORE, Fleet, until};

const MAINTAINER: u8 = 40;

#[tokio::test(flavor = "multi_thread")]
async fn what_another_replicas_new_bot_has_written_is_ours_for_a_replica_with_the_old_one() {
    let mut fleet = Fleet::start(2, &[]).await;
    let (renewed, old) = (0, 1);
    fleet.gitlab.member(fleet.bot, "acme", MAINTAINER);
    // The replica with the old token knows who it is, and which bots there were.
    fleet.replicas[renewed].kill();
    fleet.incident(&FULL_SCORE);
    fleet.until_all_is_done().await;

    let bot = fleet.gitlab.bot("renewed-bot");
    fleet.gitlab.member(bot, "acme", MAINTAINER);
    fleet.replicas[renewed].set("GITLAB__TOKEN", &fleet.gitlab.token(bot, &["api"]));
    fleet.replicas[renewed].start().await;
    let url = format!("http://{}/webhooks/gitlab", fleet.replicas[renewed].address);
    fleet.gitlab.hook("acme/shop", Hook { signing_token: Some(SIGNING_TOKEN.to_owned()), ..Hook::to(url) });

    // The new bot labels an issue and comments on it, and its replica dies before it has recorded that.
    fleet.replicas[old].signal("STOP");
    fleet.gitlab.fault(Fault::new(Trouble::Hold).on("POST", "/notes").times(1));
    let issue = fleet.incident(&FULL_SCORE);
    let comment = fleet.gitlab.until_held(|held| held.method == "POST").await;
    fleet.replicas[renewed].kill();
    fleet.gitlab.let_go(comment, None);
    until("the comment is there", async || fleet.gitlab.notes(issue).len() == 1).await;

    // When the dead one's lease has ended, the other one takes over.
    fleet.replicas[old].signal("CONT");
    fleet.until_all_is_done().await;
    let authors: Vec<_> = fleet.gitlab.notes(issue).into_iter().map(|note| note.author_id).collect();
    assert_eq!(authors, [bot], "the comment of the new bot is the one comment");
    let log = std::fs::read_to_string(fleet.replicas[old].log_path()).unwrap();
    assert!(!log.contains("another bot works against this one"), "{log}");
    fleet.gitlab.stop().await;
}
