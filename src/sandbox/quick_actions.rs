//! Finds the quick actions in what somebody wrote. Pure: what they do is in `notes`.

/// One command line of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Label(Vec<String>),
    /// Without titles: all labels.
    Unlabel(Vec<String>),
    Relabel(Vec<String>),
    Close,
    Reopen,
    Confidential,
    Title(String),
    /// A command of GitLab that this sandbox takes out of the text and does nothing about.
    Unsupported,
}

/// What else GitLab would run. Lines with any other word after the slash stay text.
const UNSUPPORTED: &[&str] = &[
    "assign",
    "unassign",
    "reassign",
    "milestone",
    "remove_milestone",
    "due",
    "remove_due_date",
    "estimate",
    "spend",
    "todo",
    "done",
    "subscribe",
    "unsubscribe",
    "lock",
    "unlock",
    "duplicate",
    "move",
    "clone",
    "type",
    "promote_to",
    "promote_to_incident",
    "severity",
    "weight",
    "clear_weight",
    "epic",
    "react",
    "award",
    "relate",
    "zoom",
    "cc",
    "iteration",
    "health_status",
    "link",
    "create_merge_request",
    "add_contacts",
    "page",
];

/// Splits a note into the text that stays and the commands that GitLab runs: every line that starts with a known
/// command, outside fenced code blocks. A quoted or indented line does not *start* with a slash.
pub(super) fn extract(body: &str) -> (String, Vec<Command>) {
    let mut text = Vec::new();
    let mut commands = Vec::new();
    let mut fence: Option<&str> = None;
    for line in body.lines() {
        let opened = fence_of(line);
        match (fence, opened) {
            (None, Some(marker)) => fence = Some(marker),
            (Some(open), Some(marker)) if closes(open, marker, line) => fence = None,
            (Some(_) | None, _) => {}
        }
        let command = command(line).filter(|_| fence.is_none());
        match command {
            Some(command) => commands.push(command),
            None => text.push(line),
        }
    }
    if commands.is_empty() {
        return (body.to_owned(), commands);
    }
    (text.join("\n").trim().to_owned(), commands)
}

/// The run of backticks or tildes that opens or closes a code block.
fn fence_of(line: &str) -> Option<&str> {
    let indented = line.len() - line.trim_start_matches(' ').len();
    let rest = line.trim_start_matches(' ');
    let mark = rest.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = rest.len() - rest.trim_start_matches(mark).len();
    (indented <= 3 && length >= 3).then(|| &rest[..length])
}

fn closes(open: &str, marker: &str, line: &str) -> bool {
    marker.starts_with(open) && line.trim() == marker
}

fn command(line: &str) -> Option<Command> {
    let rest = line.strip_prefix('/')?;
    let (word, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let argument = argument.trim();
    let word = word.to_lowercase();
    match word.as_str() {
        "label" | "labels" => Some(Command::Label(titles(argument))),
        "unlabel" | "remove_label" => Some(Command::Unlabel(titles(argument))),
        "relabel" => Some(Command::Relabel(titles(argument))),
        "close" => Some(Command::Close),
        "reopen" | "open" => Some(Command::Reopen),
        "confidential" => Some(Command::Confidential),
        "title" => Some(Command::Title(argument.to_owned())),
        _ => UNSUPPORTED.contains(&word.as_str()).then_some(Command::Unsupported),
    }
}

/// `~"a b" ~c d` names three labels.
fn titles(argument: &str) -> Vec<String> {
    let mut titles = Vec::new();
    let mut rest = argument.trim_start();
    while !rest.is_empty() {
        let start = rest.strip_prefix('~').unwrap_or(rest);
        let (title, after) = match start.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => start.split_once(char::is_whitespace).unwrap_or((start, "")),
        };
        titles.push(title.to_owned());
        rest = after.trim_start();
    }
    titles.retain(|title| !title.is_empty());
    titles
}
