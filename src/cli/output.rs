//! Standard output and standard error of commands. A reader that stops reading (`… | head`) is no error.

use std::io::{ErrorKind, Write};

/// Prints text to standard output.
pub(super) fn print(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Says on standard error why a command failed, every line marked as ours.
pub(super) fn complain(message: &str) {
    let mut error = std::io::stderr().lock();
    for line in message.lines() {
        // There is nobody left to tell when standard error is closed too.
        let _closed = writeln!(error, "escalator: {line}");
    }
}
