//! Arbitrary bodies through the payload reader: never a panic, and the ids are those that any JSON parser finds.
#![no_main]

use std::sync::LazyLock;

use escalator::calculator::policy::Policy;
use escalator::config::sources::Sources;
use escalator::webhook::{self, Sight};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

static POLICY: LazyLock<Policy> =
    LazyLock::new(|| escalator::config::load(&Sources::default()).expect("the defaults are valid").policy);

fuzz_target!(|body: &[u8]| {
    let seen = match webhook::read(body, &POLICY, Some(1)) {
        Ok(Sight::Theirs(glimpse)) => glimpse,
        Ok(Sight::Ours(echo)) => echo.glimpse,
        Err(_) => return,
    };
    assert!(i64::try_from(seen.issue.project_id).is_ok() && i64::try_from(seen.issue.iid).is_ok());
    assert!(seen.labels.iter().all(|label| POLICY.reads(label)));
    if let Some((project_id, iid)) = ids(body) {
        assert_eq!((seen.issue.project_id, seen.issue.iid), (project_id, iid));
    }
});

/// The ids by another way, where the body has both of them in the usual place.
fn ids(body: &[u8]) -> Option<(u64, u64)> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let issue = match body.get("object_kind")?.as_str()? {
        "note" => body.get("issue")?,
        _ => body.get("object_attributes")?,
    };
    Some((issue.get("project_id")?.as_u64()?, issue.get("iid")?.as_u64()?))
}
