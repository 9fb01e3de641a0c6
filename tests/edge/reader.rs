//! The reader of bodies, with the default policy.

use std::sync::LazyLock;

use escalator::calculator::issue::Glimpse;
use escalator::calculator::policy::Policy;
use escalator::config::sources::Sources;
use escalator::webhook::{self, Ignored};

use crate::payloads::{INCIDENT, changed};

static POLICY: LazyLock<Policy> =
    LazyLock::new(|| escalator::config::load(&Sources::default()).unwrap().policy);

/// What a body shows to a service that does not know yet who it is.
pub fn read(body: impl AsRef<[u8]>) -> Result<Glimpse, Ignored> {
    webhook::read(body.as_ref(), &POLICY, None)
}

pub fn glimpse(body: &str) -> Glimpse {
    read(body).unwrap()
}

#[test]
fn what_escalator_did_itself_is_ignored_once_it_knows_who_it_is() {
    let read_as = |own_user_id| webhook::read(INCIDENT.as_bytes(), &POLICY, own_user_id);
    assert_eq!(read_as(Some(1001)).unwrap_err(), Ignored::Own);
    assert!(read_as(Some(1002)).is_ok());
    assert!(read_as(None).is_ok());
}

#[test]
fn a_delivery_without_a_user_is_nobodys_own() {
    let body = changed(INCIDENT, |body| {
        body.as_object_mut().unwrap().remove("user");
    });
    assert!(webhook::read(body.as_bytes(), &POLICY, Some(1001)).is_ok());
    assert!(webhook::read(body.as_bytes(), &POLICY, None).is_ok());
}
