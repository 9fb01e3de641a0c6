//! Shows a note's Markdown as HTML that cannot do harm: of raw HTML only what folds text survives.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};

/// The only raw HTML that is kept, spelled exactly so.
const KEPT: &[&str] = &["<details>", "</details>", "<summary>", "</summary>", "<br>"];

/// Renders Markdown; everything that is not plain formatting is shown as text or dropped.
pub(super) fn render(markdown: &str) -> String {
    let parser = Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH);
    let mut events = Vec::new();
    let mut raw: Option<String> = None;
    for event in parser {
        // A comment may span several pieces of raw HTML, so they are cleaned as one.
        if let Event::Html(piece) | Event::InlineHtml(piece) = &event {
            raw.get_or_insert_default().push_str(piece);
            continue;
        }
        if let Some(raw) = raw.take() {
            events.push(Event::Html(clean(&raw).into()));
        }
        events.extend(harmless(event));
    }
    if let Some(raw) = raw {
        events.push(Event::Html(clean(&raw).into()));
    }
    let mut shown = String::new();
    html::push_html(&mut shown, events.into_iter());
    shown
}

/// Links lead to web pages only; pictures are shown as their text, so that nothing is fetched.
fn harmless(event: Event<'_>) -> Option<Event<'_>> {
    if let Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) = event {
        return None;
    }
    let Event::Start(Tag::Link { link_type, dest_url, title, id }) = event else {
        return Some(event);
    };
    let start = dest_url.to_ascii_lowercase();
    let safe = ["https://", "http://", "mailto:", "#", "/"];
    let dest_url = if safe.iter().any(|prefix| start.starts_with(prefix)) { dest_url } else { "#".into() };
    Some(Event::Start(Tag::Link { link_type, dest_url, title, id }))
}

/// Keeps the few tags, drops comments, and escapes the rest.
fn clean(raw: &str) -> String {
    let mut shown = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(next) = rest.chars().next() {
        if rest.starts_with("<!--") {
            rest = rest.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        if let Some(tag) = KEPT.iter().find(|tag| rest.starts_with(**tag)) {
            shown.push_str(tag);
            rest = &rest[tag.len()..];
            continue;
        }
        match next {
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '&' => shown.push_str("&amp;"),
            '"' => shown.push_str("&quot;"),
            other => shown.push(other),
        }
        rest = &rest[next.len_utf8()..];
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::render;

    #[test]
    fn scripts_are_shown_and_not_run() {
        for attack in [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "<details open ontoggle=alert(1)>",
            "<!-- --><script>alert(1)</script>",
            "<!-- \n\n<b onclick=alert(1)>x",
        ] {
            let shown = render(attack);
            let tags = shown.replace("<p>", "").replace("</p>", "");
            assert!(!tags.contains('<'), "{attack} became {shown}");
        }
    }

    #[test]
    fn links_cannot_run_scripts() {
        for attack in [
            "[x](javascript:alert(1))",
            "[x](JaVaScRiPt:alert(1))",
            "<javascript:alert(1)>",
            "[x](data:text/html,x)",
        ] {
            let shown = render(attack);
            assert!(shown.contains("href=\"#\""), "{attack} became {shown}");
        }
    }

    #[test]
    fn folding_and_tables_are_kept_and_markers_disappear() {
        let shown = render(
            "<!-- marker -->\n\n| a | b |\n| - | - |\n| 1 | 2 |\n\n<details>\n<summary>History</summary>\n\nold\n\n</details>\n",
        );
        assert!(shown.contains("<table>"));
        assert!(shown.contains("<details>\n<summary>History</summary>"));
        assert!(!shown.contains("marker"));
    }
}
