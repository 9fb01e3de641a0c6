//! `escalator config check|show|schema`.

use clap::Subcommand;

use super::{CommandError, output};
use crate::comment::Renderer;
use crate::config::sources::Sources;
use crate::config::{load, schema};

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check that the service could start with it: keys, values, secrets, policy, templates.
    Check,
    /// Print the effective configuration as TOML, secrets masked.
    Show,
    /// Print its JSON Schema.
    Schema,
}

pub(super) fn run(command: &Command, sources: &Sources) -> Result<(), CommandError> {
    match command {
        Command::Check => {
            let loaded = load(sources)?;
            Renderer::new(loaded.settings.comment.templates.as_deref())?.check(&loaded.policy)?;
            let config = loaded.serving()?;
            let text = format!(
                "The configuration is complete: {} questions, {} bands, policy {}; GitLab at {}.\n",
                config.policy.questions.len(),
                config.policy.bands.len(),
                config.policy.version,
                config.gitlab.url
            );
            output::print(&text)?;
        }
        Command::Show => {
            let loaded = load(sources)?;
            let text = toml::to_string(&loaded.settings).map_err(anyhow::Error::from)?;
            output::print(&text)?;
        }
        Command::Schema => {
            let text = serde_json::to_string_pretty(&schema()).map_err(anyhow::Error::from)?;
            output::print(&format!("{text}\n"))?;
        }
    }
    Ok(())
}
