//! Several replicas of the real program on one PostgreSQL, behind a balancer, against a GitLab with state: work is shared, one
//! look at an issue at a time, one comment each, whoever dies or stands still.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

#[path = "../crash/binary.rs"]
mod binary;
#[expect(dead_code, reason = "shared with tests that share one server")]
#[path = "../postgres/mod.rs"]
mod postgres;

mod away;
mod balancer;
mod bouncer;
mod commands;
mod fleet;
mod fuse;
mod hangs;
mod killed;
mod newer;
mod policy;
mod renewed;
mod shared;
mod spread;
mod stalled;
