//! GitLab's roles, as the integers its API uses.

/// May also label, and see confidential issues and internal notes.
pub const PLANNER: u8 = 15;
/// The usual role of people who triage.
pub const REPORTER: u8 = 20;
/// May also push code.
pub const DEVELOPER: u8 = 30;
/// May also edit other people's notes, and keep webhooks.
pub const MAINTAINER: u8 = 40;
/// May do everything.
pub const OWNER: u8 = 50;
