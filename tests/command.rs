//! Commands in comments: whatever a person types, only words of our own come out, and only where a note begins with the
//! mention.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::sync::LazyLock;

use escalator::calculator::policy::Policy;
use escalator::command::{Command, Misread, Reply, addressee, parse, request};
use escalator::config::load;
use escalator::config::sources::Sources;
use proptest::prelude::*;

static POLICY: LazyLock<Policy> = LazyLock::new(|| load(&Sources::default()).unwrap().policy);

#[test]
fn every_command_is_read_in_any_case_and_with_a_full_stop() {
    let question = &POLICY.questions[0];
    for (text, command) in [
        ("explain", Command::Explain),
        ("Recheck, please", Command::Recheck),
        ("ANSWER Cross-Functionality Yes.", Command::Answer(question, Reply::Yes)),
        ("answer cross-functionality no", Command::Answer(question, Reply::No)),
        ("accept!", Command::Accept),
        ("decline it is contained to one team", Command::Decline),
        ("help", Command::Help),
        ("", Command::Help),
    ] {
        assert_eq!(parse(text, &POLICY), Ok(command), "{text}");
    }
}

#[test]
fn what_is_nearly_a_command_does_nothing() {
    let question = &POLICY.questions[0];
    for (text, misread) in [
        ("acept", Misread::UnknownCommand(Some("accept"))),
        ("please", Misread::UnknownCommand(None)),
        ("accept this is not", Misread::TooManyWords("accept")),
        ("decline", Misread::NoReason),
        ("answer", Misread::NoQuestion),
        ("answer cross-functionalty yes", Misread::UnknownQuestion(Some(question))),
        ("answer x yes", Misread::UnknownQuestion(None)),
        ("answer cross-functionality", Misread::NotYesOrNo(question)),
        ("answer cross-functionality yes and no", Misread::TooManyWords("answer")),
    ] {
        assert_eq!(parse(text, &POLICY), Err(misread), "{text}");
    }
}

#[test]
fn only_a_note_that_begins_with_the_mention_is_addressed() {
    assert_eq!(request("@bot.a: help\nmore", "Bot.a"), Some("help"));
    assert_eq!(request("@bot", "bot"), Some(""));
    for note in
        ["", "@", " @bot help", "> @bot help", "`@bot help`", "hello @bot help", "\n@bot help", "@bots help"]
    {
        assert_eq!(request(note, "bot"), None, "{note}");
    }
    assert_eq!(addressee("@bot/team help"), None);
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(note in ".*", text in "\\PC*") {
        let _ = (request(&note, "bot"), parse(&note, &POLICY), parse(&text, &POLICY));
    }

    #[test]
    fn a_request_is_a_part_of_the_first_line(words in "[^\\r\\n]*", more in ".*") {
        let note = format!("@bot {words}\n{more}");
        let alone = format!("@bot {words}");
        prop_assert!(request(&note, "bot").is_some());
        prop_assert_eq!(request(&note, "bot"), request(&alone, "bot"));
    }

    #[test]
    fn one_wrong_letter_still_finds_the_question(at in 0..5_usize, position in 1..8_usize) {
        let key = &POLICY.questions[at].key;
        let mut typo = key.clone();
        typo.remove(position);
        let found = parse(&format!("answer {typo} yes"), &POLICY);
        prop_assert_eq!(found, Err(Misread::UnknownQuestion(Some(&POLICY.questions[at]))));
    }
}
