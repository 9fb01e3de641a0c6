//! The real binary, killed at random moments, against a GitLab with state: nothing answered 202 is lost, nothing is
//! doubled, no label is wrong. And what a GitLab that throttles is asked.

#![expect(clippy::print_stderr, reason = "figures and seeds are part of what the test tells")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod binary;
mod kills;
