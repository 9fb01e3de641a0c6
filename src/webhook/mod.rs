//! In: `POST /webhooks/gitlab`. Proves who sent a delivery, sees whether it can matter, notes which issue to look at,
//! answers.
//!
//! Never calls GitLab, never keeps a body, never answers with anything but a status.

#![warn(clippy::large_futures, reason = "a future is moved several times for each delivery")]

mod body;
mod door;
mod lenient;
mod outcome;
mod receive;
mod tally;

pub use body::{Ignored, Sight, read};
pub use door::{Delivery, Door, Refusal};
pub use outcome::Outcome;
pub use receive::{Receiver, receive};
pub use tally::Tally;
