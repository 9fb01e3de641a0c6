//! The real binary, killed at random moments, against a GitLab with state: nothing answered 202 is lost, nothing is
//! doubled, no label is wrong. And what a GitLab that throttles is asked.

#![expect(clippy::print_stderr, reason = "figures and seeds are part of what the test tells")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

#[expect(dead_code, reason = "shared with the tests of the service, which use more of it")]
#[path = "../service/app.rs"]
mod app;
#[expect(dead_code, reason = "shared with the tests of replicas, which use more of it")]
mod binary;
mod commands;
mod kills;
mod late;
mod policy;
mod scene;
mod storm;
