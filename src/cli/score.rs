//! `escalator score`: one assessment, printed.

use clap::{Args, ValueEnum};
use reqwest::Url;

use super::score_report::{Report, text};
use super::{CommandError, output, runtime};
use crate::calculator::assess::assess;
use crate::calculator::issue::{Issue, State, WorkItemType};
use crate::calculator::label::Label;
use crate::config::sources::Sources;
use crate::config::{GitLabAccess, load};
use crate::gitlab::{Client, ProjectRef};

/// What to assess, and how to print it.
#[derive(Debug, Args)]
#[command(override_usage = "escalator score --label LABEL… [--type TYPE] [--format FORMAT]\n       \
                            escalator score URL [--format FORMAT]")]
pub(super) struct Arguments {
    /// The address of an issue in GitLab; needs gitlab.url and gitlab.token.
    #[arg(required_unless_present_any = ["label", "work_item_type"], conflicts_with_all = ["label", "work_item_type"])]
    url: Option<String>,
    /// A label of the issue; repeat it for each. Needs no network.
    #[arg(long, value_name = "LABEL")]
    label: Vec<String>,
    /// The issue's work item type.
    #[arg(long = "type", value_name = "TYPE")]
    work_item_type: Option<TypeArgument>,
    /// How to print it.
    #[arg(long, default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TypeArgument {
    Issue,
    Incident,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

pub(super) fn run(arguments: &Arguments, sources: &Sources) -> Result<(), CommandError> {
    let loaded = load(sources)?;
    let issue = match &arguments.url {
        Some(url) => runtime()?.block_on(read_issue(url, &loaded.gitlab()?))?,
        None => described_issue(arguments),
    };
    let assessment = assess(&issue, &loaded.policy);
    let report = Report::new(&assessment, &loaded.policy);
    let printed = match arguments.format {
        Format::Text => text(&assessment, &report),
        Format::Json => {
            format!("{}\n", serde_json::to_string_pretty(&report).map_err(anyhow::Error::from)?)
        }
    };
    Ok(output::print(&printed)?)
}

fn described_issue(arguments: &Arguments) -> Issue {
    Issue {
        state: State::Opened,
        work_item_type: match arguments.work_item_type {
            Some(TypeArgument::Incident) => WorkItemType::Incident,
            Some(TypeArgument::Issue) | None => WorkItemType::Issue,
        },
        labels: arguments.label.iter().map(|title| Label::meant_by(title)).collect(),
    }
}

async fn read_issue(url: &str, access: &GitLabAccess) -> Result<Issue, CommandError> {
    let (project, iid) = project_and_iid(url, &access.url).ok_or_else(|| {
        CommandError::Usage(format!(
            "the address must be that of an issue below gitlab.url, such as {}/group/project/-/issues/12",
            access.url
        ))
    })?;
    let client = Client::new(access).map_err(anyhow::Error::from)?;
    let snapshot = client.issue(&ProjectRef::Path(project), iid).await.map_err(anyhow::Error::from)?;
    Ok(snapshot.issue)
}

/// The project's path and the issue's number in `…/group/project/-/issues/12`, `…/-/issues/incident/12` or
/// `…/-/work_items/12`.
fn project_and_iid(url: &str, gitlab_url: &str) -> Option<(String, u64)> {
    let (url, base) = (Url::parse(url).ok()?, Url::parse(gitlab_url).ok()?);
    if url.origin() != base.origin() {
        return None;
    }
    let path = url.path().strip_prefix(base.path().trim_end_matches('/'))?;
    let (project, rest) = path.trim_matches('/').split_once("/-/")?;
    let number =
        ["issues/incident/", "issues/", "work_items/"].iter().find_map(|prefix| rest.strip_prefix(prefix))?;
    Some((project.to_owned(), number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_of_an_issue_is_understood() {
        let base = "https://gitlab.example.com/gitlab";
        let expected = Some(("acme/web/shop".to_owned(), 12));
        for tail in ["issues/12", "issues/incident/12", "work_items/12", "issues/12?a=b#note_3"] {
            assert_eq!(project_and_iid(&format!("{base}/acme/web/shop/-/{tail}"), base), expected, "{tail}");
        }
    }

    #[test]
    fn other_addresses_are_refused() {
        let base = "https://gitlab.example.com";
        for url in [
            "https://evil.example.com/a/b/-/issues/1",
            "https://gitlab.example.com/a/b/-/merge_requests/1",
            "https://gitlab.example.com/a/b/-/issues/x",
            "not an address",
        ] {
            assert_eq!(project_and_iid(url, base), None, "{url}");
        }
    }
}
