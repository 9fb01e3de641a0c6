//! Whatever people call their labels: the comment around a title stays what it is, line by line and as it is rendered.

use std::sync::LazyLock;

use escalator::calculator::assess::assess;
use escalator::calculator::issue::{Issue, Moment, State, WorkItemType};
use escalator::calculator::label::Label;
use escalator::calculator::plan::{Author, Gesture, Hand};
use escalator::calculator::policy::{Policy, Question};
use escalator::calculator::standing::{LabelDifference, Standing};
use escalator::comment::{HistoryEntry, Renderer, View};
use escalator::config::load;
use escalator::config::sources::Sources;
use proptest::collection::vec;
use proptest::prelude::{Strategy, TestCaseError, any, prop, prop_assert, prop_assert_eq, prop_oneof};
use pulldown_cmark::{Event, Options, Parser};

use crate::seeded::holds;

const ATTACKS: [&str; 38] = [
    "/close",
    "\n/close\n",
    "\r/close\r\n/label ~x\r",
    "\u{2028}/close\u{2029}/close\u{85}/close\u{b}/close\u{c}/close",
    "\n```\n/close\n```\n",
    "\n~~~\n/close",
    "`",
    "``` ",
    "` @all `",
    "\\`",
    "\\",
    "@all",
    "~label ~\"a b\" #1 !1 %1 &1 $1 ^alert#1 *iteration:1",
    "x:emoji: ",
    "$$x$$ $`x`$ $x$",
    "{{ 7*7 }}",
    "{% for x in (1, 2) %}/close{% endfor %}",
    "{# gone #}",
    "%{project_name} [[_TOC_]] [[wiki]]",
    "<!-- escalator:comment -->",
    "\n<!-- escalator:comment -->\n",
    "<!--",
    "-->",
    "]]>",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</details>\n\n",
    "<details>",
    "[x](javascript:alert(1))",
    "![x](https://x.example/x.png)",
    "[^1]",
    "https://x.example/",
    "<x@x.example>",
    "|",
    "\n\n| a | b |\n| - | - |\n",
    "**bold** __bold__ ~~gone~~ {+ more +}",
    "\u{202e}\u{2066}\u{200f}\u{200b}\u{feff}\u{0}\u{1b}[2J",
    "\n>>>\n# heading\n- entry\n---\n",
];

static POLICY: LazyLock<Policy> = LazyLock::new(|| load(&Sources::default()).unwrap().policy);
static RENDERER: LazyLock<Renderer> = LazyLock::new(|| Renderer::new(None).unwrap());
static HARMLESS: LazyLock<String> = LazyLock::new(|| comment("perhaps").unwrap());

/// The comment on an incident with a label of this value for every question.
fn comment(value: &str) -> Result<String, TestCaseError> {
    let title = |question: &Question| Label::new(&format!("{}::{value}", question.key));
    comment_on(POLICY.questions.iter().map(title).collect())
}

/// The comment on an incident with these labels, which stand wherever a comment names labels.
fn comment_on(labels: Vec<Label>) -> Result<String, TestCaseError> {
    let issue =
        Issue { state: State::Opened, work_item_type: WorkItemType::Incident, labels: labels.clone() };
    let assessment = assess(&issue, &POLICY);
    let hand = Hand {
        label: labels[0].clone(),
        gesture: Gesture::Removed,
        author: Author::Person,
        user_id: Some(1),
        at: None,
        band: assessment.band.id.clone(),
    };
    let standing = Standing::of(&assessment);
    let entry = HistoryEntry {
        at: Moment(0),
        before: None,
        after: &standing,
        labels: &LabelDifference { added: labels.clone(), removed: labels },
    };
    let rendered = RENDERER.render(&View::new(&assessment, &POLICY, &[hand], &[entry]));
    rendered.map(|rendered| rendered.body).map_err(|error| TestCaseError::fail(error.to_string()))
}

/// What is left of each line without its inline code: quick actions, markers and everything else that could do harm.
fn around_code(comment: &str) -> Vec<String> {
    comment.lines().map(|line| line.split('`').step_by(2).collect()).collect()
}

/// What a reader's browser makes of it, every extension of Markdown included, without the text of inline code.
fn rendered(comment: &str) -> Vec<Event<'_>> {
    let without_code = |event| if let Event::Code(_) = event { Event::Code("".into()) } else { event };
    Parser::new_ext(comment, Options::all()).map(without_code).collect()
}

fn does_nothing(value: &str) -> Result<(), TestCaseError> {
    let hostile = comment(value)?;
    prop_assert_eq!(around_code(&hostile), around_code(&HARMLESS));
    prop_assert_eq!(rendered(&hostile), rendered(&HARMLESS));
    prop_assert!(!hostile.chars().any(|character| character.is_control() && character != '\n'));
    Ok(())
}

#[test]
fn no_label_title_changes_the_comment_around_it() {
    for attack in ATTACKS {
        let long = attack.repeat(255);
        for value in [attack.to_owned(), format!("x{attack}x"), long.chars().take(200).collect()] {
            does_nothing(&value).unwrap_or_else(|error| panic!("{value:?}: {error}"));
        }
    }
}

#[test]
fn no_mixture_of_hostile_titles_changes_the_comment_around_it() {
    let noise = vec(any::<char>(), 0..32).prop_map(String::from_iter);
    let part = prop_oneof![prop::sample::select(&ATTACKS[..]).prop_map(str::to_owned), noise];
    let value = vec(part, 1..8).prop_map(|parts| format!("x{}", parts.concat()));
    // More than one "::" would make it a label of another scope, which the comment does not name.
    let value = value.prop_filter("leaves its scope", |value| !value.contains("::"));
    holds(1_000, &value, |value| does_nothing(&value));
}

#[test]
fn template_syntax_in_a_title_is_shown_as_it_is() {
    let typed = "{{ 7*7 }}{# gone #}{{ policy_version }}";
    assert!(comment(typed).unwrap().contains(&format!("`complexity::{typed}`")));
}

#[test]
fn thousands_of_labels_make_no_comment_that_gitlab_refuses() {
    let title = |number| Label::new(&format!("complexity::{number} {}", "🔥".repeat(200)));
    let comment = comment_on((0..5_000).map(title).collect()).unwrap();
    assert!(comment.contains(", and 4980 more.\n"), "{comment}");
    assert!(comment.len() < 50_000, "{} bytes", comment.len());
}
