//! The service from the outside: people act in the sandbox, webhooks arrive over HTTP, and what counts is what GitLab
//! shows in the end.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]
#![expect(clippy::print_stderr, reason = "figures, for whoever wants them")]

mod another_bot;
mod app;
mod commands;
mod comment;
mod cost;
mod failures;
mod hostile_text;
mod human_hand;
mod journeys;
mod ledger;
mod long_lists;
mod not_gitlab;
mod policy;
mod shadow;
mod sick_gitlab;
mod token;
mod watchdog;
