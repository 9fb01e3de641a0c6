//! Escalator turns GitLab into an escalation desk.

pub mod calculator;
pub mod cli;
pub mod clock;
pub mod comment;
pub mod config;
pub mod gitlab;
pub mod identity;
pub mod sandbox;
pub mod service;
pub mod store;
pub mod telemetry;
pub mod webhook;
pub mod worker;
