//! Text that cannot do anything in GitLab's Markdown.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};

/// More of a text that a person typed is not shown.
const LONGEST_CODE_CHARS: usize = 80;

/// A text that a person typed, as inline code: there, `@name` notifies nobody, `/close` does not run, and HTML and
/// links are only characters.
pub(super) fn inline_code(text: &str) -> String {
    let mut inert: String = text
        .chars()
        .map(|character| match character {
            // A backtick would end the code, a pipe a table cell.
            '`' => '\'',
            '|' => '¦',
            other if is_invisible(other) => ' ',
            other => other,
        })
        .take(LONGEST_CODE_CHARS)
        .collect();
    if text.chars().count() > LONGEST_CODE_CHARS {
        inert.push('…');
    }
    let inert = inert.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("`{}`", if inert.is_empty() { "?" } else { &inert })
}

/// Control characters, line separators, those that turn the direction of text around, and those that hide in it.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}')
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(character, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A text of the policy as part of a table row.
#[expect(clippy::needless_pass_by_value, reason = "the signature of a template filter")]
pub(super) fn table_cell(text: String) -> String {
    text.replace('|', "\\|")
}

/// Whether GitLab would find a quick action: a line that begins with `/` outside a fenced code block. Stricter than
/// GitLab, which also spares quotes and HTML: both the lines of the fences and the parser have to see the code block,
/// because older versions of GitLab look for such lines and newer ones parse.
pub(super) fn has_quick_action(body: &str) -> bool {
    let mut in_code = false;
    let mut start = 0;
    let blocks = fenced_blocks(body);
    body.split_inclusive('\n').any(|line| {
        if line.trim_end() == "```" {
            in_code = !in_code;
        }
        let parsed_as_code = blocks.iter().any(|block| block.contains(&start));
        start += line.len();
        !(in_code && parsed_as_code) && line.trim_start().starts_with('/')
    }) || in_code
}

fn fenced_blocks(body: &str) -> Vec<Range<usize>> {
    let events = Parser::new(body).into_offset_iter();
    let fenced = |event| matches!(event, Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))));
    events.filter_map(|(event, place)| fenced(event).then_some(place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_typed_becomes_one_line_of_code() {
        assert_eq!(inline_code("complexity::@all"), "`complexity::@all`");
        assert_eq!(inline_code("a`b`\n/close"), "`a'b' /close`");
        assert_eq!(inline_code("```\n/close\n```"), "`''' /close '''`");
        assert_eq!(inline_code("a|b"), "`a¦b`");
        for invisible in ['\u{202e}', '\u{61c}', '\u{ad}', '\u{e0041}', '\u{2028}', '\u{0}'] {
            assert_eq!(inline_code(&format!("{invisible}evil")), "`evil`", "{invisible:?}");
        }
        assert_eq!(inline_code(" \n "), "`?`");
        assert_eq!(inline_code(&"x".repeat(300)).chars().count(), 83);
    }

    #[test]
    fn quick_actions_are_found_outside_code_blocks_only() {
        assert!(has_quick_action("text\n/close"));
        assert!(has_quick_action("text\n  /close"));
        assert!(!has_quick_action("```\n/label ~\"a::yes\"\n```\ntext"));
        assert!(has_quick_action("```\n/label ~a\n```\n/close"));
        assert!(has_quick_action("```\nnever closed"), "an open fence is no protection");
        assert!(has_quick_action("~~~\n```\n~~~\n/close\n```"), "a fence in a code block is none");
        assert!(has_quick_action("<!--\n```\n-->\n/close\n<!--\n```\n-->"), "a fence in a comment is none");
        assert!(!has_quick_action("a / b"));
    }
}
