//! Escalator turns GitLab into an escalation desk: people label issues, Escalator scores them, explains the score in one
//! comment, and keeps the escalation label right.
//!
//! One webhook's journey, which is also the order of the modules below:
//!
//! 1. [`webhook`] proves who sent a delivery, reduces its body to a glimpse of one issue, and has
//! 2. [`store`] note durably which issue to look at. GitLab is answered.
//! 3. [`worker`] claims the issue, reads it afresh through [`gitlab`],
//! 4. has [`calculator`] assess it and plan the changes (the rule is [`calculator::assess`]),
//! 5. renders the comment with [`comment`], writes only the difference, and records in the store how the issue was left.
//!
//! What webhooks missed is found by [`sweep`], which marks it in the same queue; [`watchdog`] has GitLab call webhooks again
//! that it switched off, and marks what it could not deliver. Where the policy is another one, [`worker::PolicyWatch`] marks
//! all. What is too much to write, the store's fuse stops ([`store::Stop`]); [`undo`] takes back what its ledger of writes
//! tells.
//!
//! Around that: [`config`] reads the settings once, [`service`] puts the parts together, [`telemetry`] shows how they do,
//! [`setup`] prepares a GitLab, [`doctor`] says in advance what will not work, [`cli`] holds the commands, and [`sandbox`] is a
//! GitLab stand-in for the demo and the tests.
//!
//! Imports go one way, towards [`calculator`], which names nothing but `std`; a test keeps it so.

pub mod webhook;

pub mod store;

pub mod worker;

pub mod sweep;

pub mod watchdog;

pub mod undo;

pub mod gitlab;

pub mod calculator;

pub mod comment;

pub mod command;

pub mod config;

pub mod identity;

pub mod clock;

pub mod trace_parent;

pub mod postgres_url;

pub mod spans;

pub mod service;

pub mod telemetry;

pub mod setup;

pub mod doctor;

pub mod cli;

pub mod sandbox;
