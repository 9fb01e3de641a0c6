//! Whether `serve` could start with this configuration, templates included.

use super::finding::{Check, Finding};
use crate::comment::Renderer;
use crate::config::problem::Problems;
use crate::config::settings::Mode;
use crate::config::{Config, Loaded};

const SUBJECT: &str = "configuration";
const MEND: &str = "mend it as it says; `escalator config check` tells when all is right";

/// A finding for each mistake.
pub(super) fn mistakes(problems: &Problems) -> Vec<Finding> {
    let mistake = |problem: &crate::config::problem::Problem| {
        Finding::fail(Check::Configuration, SUBJECT, problem.to_string(), MEND)
    };
    problems.0.iter().map(mistake).collect()
}

/// What can be said without looking anywhere else.
pub(super) fn findings(loaded: &Loaded) -> Vec<Finding> {
    let mut findings = match loaded.clone().serving() {
        Ok(config) => vec![Finding::ok(Check::Configuration, SUBJECT, complete(&config))],
        Err(problems) => mistakes(&problems),
    };
    findings.push(watched(loaded));
    findings.push(address(loaded));
    findings.push(templates(loaded));
    findings
}

fn complete(config: &Config) -> String {
    let mode = match config.settings.mode {
        Mode::Live => "live",
        Mode::DryRun => "dry-run, which writes nothing to GitLab",
        Mode::Shadow => "shadow, which writes nothing to GitLab and compares with what people decide",
    };
    format!(
        "complete; policy {}, {} questions; mode {mode}",
        config.policy.version,
        config.policy.questions.len()
    )
}

fn watched(loaded: &Loaded) -> Finding {
    let gitlab = &loaded.settings.gitlab;
    if gitlab.groups.is_empty() && gitlab.projects.is_empty() {
        return Finding::warn(
            Check::Watched,
            SUBJECT,
            "no group and no project is watched, so webhooks that get lost stay lost",
            "name what Escalator works for in gitlab.groups or gitlab.projects",
        );
    }
    let found = format!("groups: {}; single projects: {}", gitlab.groups.len(), gitlab.projects.len());
    Finding::ok(Check::Watched, SUBJECT, found)
}

fn address(loaded: &Loaded) -> Finding {
    match &loaded.settings.webhook.url {
        Some(url) => Finding::ok(Check::WebhookUrl, SUBJECT, format!("webhooks are to lead to {url}")),
        None => Finding::warn(
            Check::WebhookUrl,
            SUBJECT,
            "it is not said where webhooks are to lead, so they are not checked",
            "set webhook.url to the address by which GitLab reaches Escalator's /webhooks/gitlab",
        ),
    }
}

fn templates(loaded: &Loaded) -> Finding {
    let folder = loaded.settings.comment.templates.as_deref();
    let subject = folder.map_or_else(|| "built in".to_owned(), |folder| folder.display().to_string());
    match Renderer::new(folder).and_then(|renderer| renderer.check(&loaded.policy)) {
        Ok(()) => Finding::ok(Check::Templates, subject, "every kind of comment can be rendered"),
        Err(error) => Finding::fail(
            Check::Templates,
            subject,
            error.to_string(),
            "mend the template, or take its file out of comment.templates to use the built-in one",
        ),
    }
}
