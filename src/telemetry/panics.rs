//! Panics: lines of the log where there is one, and of standard error elsewhere. Neither repeats what a person wrote.

use std::io::Write;
use std::panic::PanicHookInfo;

const LEFT_OUT: &str = "left out, for it may hold data";

/// From now on a panic is a line of the log: the thread, the place in the code, and what the code says there word for
/// word. A message that was put together at run time is left out, for it may hold what a person wrote: a slice that is cut
/// at a wrong place shows the text.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        tracing::error!(
            location,
            thread = thread.name().unwrap_or_default(),
            reason = literal(panic).unwrap_or(LEFT_OUT),
            "panicked; this is a mistake in Escalator, please report it"
        );
    }));
}

/// From now on a panic is a line on standard error with the same and no more, until there is a log.
pub fn print_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        let reason = literal(panic).unwrap_or(LEFT_OUT);
        // There is nobody left to tell when standard error is closed too.
        let _closed = writeln!(
            std::io::stderr().lock(),
            "escalator: panicked at {location}: {reason}; this is a mistake in Escalator, please report it"
        );
    }));
}

fn literal<'panic>(panic: &'panic PanicHookInfo<'_>) -> Option<&'panic str> {
    panic.payload().downcast_ref::<&'static str>().copied()
}
