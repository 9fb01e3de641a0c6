//! Escalator turns GitLab into an escalation desk.

pub mod clock;
pub mod sandbox;
