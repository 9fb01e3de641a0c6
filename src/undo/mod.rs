//! Takes back what Escalator wrote since a moment, and nothing that a person has touched since.
//!
//! [`plan`] decides, purely, what that is on one issue; [`hand`] reads the issue and does it. Never brings back a comment
//! that is gone or an older text: of those nobody keeps a copy.

pub mod plan;

mod labels;

mod comments;

pub mod hand;
