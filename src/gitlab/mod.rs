//! GitLab's REST API, as far as Escalator needs it: about a dozen calls, each with GitLab's traps seen to.
//!
//! The only place that knows how GitLab spells things. Decides nothing: every failure becomes an [`Error`] that names
//! the reaction. Never reads a title or a description, and never logs a body.

mod account;
mod answer;
mod client;
mod error;
mod furnishing;
mod hook_log;
mod hooks;
mod instance;
mod issue_list;
mod issues;
mod label_catalog;
mod label_events;
mod label_lists;
mod notes;
mod path;
mod projects;
mod times;
mod token;
mod users;

pub use account::Account;
pub use client::{Client, NoteTurn};
pub use error::Error;
pub use furnishing::{Board, LabelLook};
pub use hook_log::{Delivered, FailedDelivery};
pub use hooks::{AlertStatus, Hook, HookSecret, HookWish};
pub use instance::Instance;
pub use issue_list::{IssueList, Order, Page, Place};
pub use issues::{LabelChange, ProjectRef, Snapshot};
pub use label_lists::ListedLabel;
pub use notes::{Audience, Note, OwnNote};
pub use projects::Project;
pub use token::{Expiry, TokenFacts};
pub use users::User;
