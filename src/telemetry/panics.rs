//! Panics, as lines of the log like any other.

use std::panic::PanicHookInfo;

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
            reason = literal(panic).unwrap_or("left out, for it may hold data"),
            "panicked; this is a mistake in Escalator, please report it"
        );
    }));
}

fn literal<'panic>(panic: &'panic PanicHookInfo<'_>) -> Option<&'panic str> {
    panic.payload().downcast_ref::<&'static str>().copied()
}
