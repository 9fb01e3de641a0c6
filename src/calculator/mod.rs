//! The escalation calculator: which issues are Platform Escalations, and what to change so that GitLab says so.
//!
//! Pure: given the same nouns it gives the same answer. It never reads a file, a clock or the network, never logs,
//! and names nothing but `std`.
//!
//! The rule itself is [`assess`]; what follows from it is [`plan`]. Whether people decide the same is [`agreement`].

pub mod issue;
pub mod label;
pub mod own_users;

pub mod policy;

pub mod assess;
pub mod standing;

pub mod agreement;

pub mod plan;
