//! Whether the access token's user may label and comment, told by its role: trying would be writing.

use super::finding::{Check, Finding};
use crate::gitlab::{Account, Instance, Place, Project};

/// May label, and sees confidential issues: since GitLab 17.7.
const PLANNER: u8 = 15;
const PLANNER_SINCE: (u32, u32) = (17, 7);
/// May do so before that.
const REPORTER: u8 = 20;
/// So many paths are named in one line.
const MOST_NAMED: usize = 5;

/// The least role that will do in this GitLab.
pub(super) fn needed(instance: &Instance) -> u8 {
    if instance.major_and_minor().is_none_or(|version| version >= PLANNER_SINCE) { PLANNER } else { REPORTER }
}

/// A group's projects, given those in which the role is enough.
pub(super) fn in_group(
    place: &Place,
    account: &Account,
    needed: u8,
    all: &[Project],
    enough: &[Project],
) -> Finding {
    let live: Vec<&Project> = all.iter().filter(|project| !project.archived).collect();
    let may = |project: &Project| account.administrator || enough.iter().any(|other| other.id == project.id);
    let lacking: Vec<&str> =
        live.iter().filter(|project| !may(project)).map(|project| project.path.as_str()).collect();
    let subject = place.to_string();
    if lacking.is_empty() {
        let found = format!("the role is enough in all projects: {}", live.len());
        return Finding::ok(Check::Role, subject, found);
    }
    let found = format!(
        "@{} may not label in {} of {} projects: {}",
        account.username,
        lacking.len(),
        live.len(),
        named(&lacking)
    );
    Finding::fail(Check::Role, subject, found, remedy(account, needed, place))
}

/// A project, given the role in it.
pub(super) fn in_project(place: &Place, account: &Account, needed: u8, role: Option<u8>) -> Finding {
    let found = match role {
        _ if account.administrator => format!("@{} is an administrator", account.username),
        Some(role) => format!("@{} has the role {}", account.username, name(role)),
        None => format!("@{} is no member", account.username),
    };
    if account.administrator || role >= Some(needed) {
        return Finding::ok(Check::Role, place.to_string(), found);
    }
    Finding::fail(
        Check::Role,
        place.to_string(),
        format!("{found}, so GitLab drops its labels silently"),
        remedy(account, needed, place),
    )
}

fn remedy(account: &Account, needed: u8, place: &Place) -> String {
    format!("give @{} at least the role {} in the {place}", account.username, name(needed))
}

/// The first few of a list.
pub(super) fn named(paths: &[&str]) -> String {
    let more = paths.len().saturating_sub(MOST_NAMED);
    let first = paths.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", ");
    if more == 0 { first } else { format!("{first} and {more} more") }
}

fn name(role: u8) -> String {
    let known = [
        (5, "Minimal Access"),
        (10, "Guest"),
        (PLANNER, "Planner"),
        (REPORTER, "Reporter"),
        (25, "Security Manager"),
        (30, "Developer"),
        (40, "Maintainer"),
        (50, "Owner"),
    ];
    let found = known.into_iter().find(|(number, _)| *number == role);
    found.map_or_else(|| role.to_string(), |(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_planner_will_do_since_it_may_label() {
        let of = |version: &str| needed(&Instance { version: version.to_owned(), enterprise: true });
        assert_eq!(of("17.6.2"), REPORTER);
        assert_eq!(of("17.7.0"), PLANNER);
        assert_eq!(of("19.1.0-ee"), PLANNER);
    }

    #[test]
    fn a_long_list_is_named_in_part() {
        assert_eq!(named(&["a", "b"]), "a, b");
        assert_eq!(named(&["a", "b", "c", "d", "e", "f", "g"]), "a, b, c, d, e and 2 more");
    }
}
