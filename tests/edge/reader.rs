//! The reader of bodies, with the default policy.

use std::sync::LazyLock;

use escalator::calculator::issue::Glimpse;
use escalator::calculator::policy::Policy;
use escalator::config::sources::Sources;
use escalator::webhook::{self, Ignored, Sight};

use crate::payloads::{INCIDENT, changed};

static POLICY: LazyLock<Policy> =
    LazyLock::new(|| escalator::config::load(&Sources::default()).unwrap().policy);

/// What a body shows to a service that does not know yet who it is.
pub fn read(body: impl AsRef<[u8]>) -> Result<Glimpse, Ignored> {
    Ok(match webhook::read(body.as_ref(), &POLICY, None)? {
        Sight::Theirs(glimpse) | Sight::Mentions(glimpse, _) => glimpse,
        Sight::Ours(echo) => echo.glimpse,
    })
}

pub fn glimpse(body: &str) -> Glimpse {
    read(body).unwrap()
}

#[test]
fn what_escalator_did_itself_is_known_once_it_knows_who_it_is() {
    let is_own =
        |own_user_id| matches!(webhook::read(INCIDENT.as_bytes(), &POLICY, own_user_id), Ok(Sight::Ours(_)));
    assert!(is_own(Some(1001)));
    assert!(!is_own(Some(1002)));
    assert!(!is_own(None));
}

#[test]
fn a_delivery_without_a_user_is_nobodys_own() {
    let body = changed(INCIDENT, |body| {
        body.as_object_mut().unwrap().remove("user");
    });
    for own_user_id in [Some(1001), None] {
        let seen = webhook::read(body.as_bytes(), &POLICY, own_user_id);
        assert!(matches!(seen, Ok(Sight::Theirs(_))), "{seen:?}");
    }
}
