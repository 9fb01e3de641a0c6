//! The HTTP edge: what anybody on the network can send to Escalator, and what comes back.
//!
//! A really started service is asked over real HTTP; where time or chance matters, its door and its reader are asked
//! directly. Properties print the seed with which they can be run again (`PROPTEST_RNG_SEED`).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod answers;
mod app;
mod hostile_bodies;
mod hostile_titles;
mod large_bodies;
mod payloads;
mod properties;
mod raw;
mod reader;
mod seeded;
mod signatures;
mod signer;
mod tokens;
