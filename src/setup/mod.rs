//! Setting up a GitLab for Escalator: labels, a board and a webhook in each watched place, and taking them away again.
//!
//! [`there`] and [`removal`] read, [`plan`] decides and is pure, [`apply`] writes. What people made is never changed and never removed,
//! except that a webhook that leads to us is made to tell us everything.

pub mod apply;
pub mod plan;
pub mod removal;
pub mod there;
mod unfinished;
pub mod wanted;
