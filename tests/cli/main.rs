//! The program as people and machines run it: its commands, what it prints, its exit codes, its logs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod clinic;
mod collector;
mod configuration;
mod database;
mod demo;
mod desk;
mod doctor;
mod doctor_hooks;
mod doctor_store;
mod first_day;
mod metrics;
mod mistakes;
mod older_schema;
mod panics;
mod policy_mistakes;
mod program;
mod refusals;
mod schema;
mod score;
mod secrets;
mod serve;
mod show;
mod stop;
mod store;
mod store_copy;
mod store_tls;
mod store_trouble;
mod tls;
mod traces;
mod usage;

#[expect(dead_code, reason = "shared with the tests that stop the server")]
#[path = "../postgres/mod.rs"]
mod postgres;
