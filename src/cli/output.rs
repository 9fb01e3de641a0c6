//! Standard output and standard error of commands. A reader that stops reading (`… | head`) is no error.

use std::io::{ErrorKind, Write};

use jiff::Timestamp;

/// Prints text to standard output.
pub(super) fn print(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Milliseconds since 1970 as people write a moment.
pub(super) fn time(millis: i64) -> String {
    Timestamp::from_millisecond(millis).map_or_else(
        |_| "an unknown time".to_owned(),
        |timestamp| timestamp.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    )
}

/// Says on standard error why a command failed, every line marked as ours.
pub(super) fn complain(message: &str) {
    let mut error = std::io::stderr().lock();
    for line in message.lines() {
        // There is nobody left to tell when standard error is closed too.
        let _closed = writeln!(error, "escalator: {line}");
    }
}
