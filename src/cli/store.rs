//! `escalator store migrate|copy`: the store's schema, and the way from SQLite to PostgreSQL.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use super::{CommandError, output, runtime};
use crate::clock;
use crate::config::sources::Sources;
use crate::config::{StoreUrl, load};
use crate::store::{Copying, Migrated, Store};

/// What to do with the store.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Bring the schema of store.url up to date; `serve` does so by itself where its user may change the schema.
    Migrate,
    /// Copy the SQLite store of store.url, which nobody may serve from meanwhile, into an empty PostgreSQL database.
    Copy(Target),
}

/// Where to.
#[derive(Debug, Args)]
pub(super) struct Target {
    /// The address of the database, such as postgres://user@host/database.
    #[arg(long, value_name = "URL", required_unless_present = "to_file", conflicts_with = "to_file")]
    to: Option<String>,
    /// A file that holds the address, for one with a password, which other users of this machine could read in --to.
    #[arg(long, value_name = "FILE")]
    to_file: Option<PathBuf>,
}

pub(super) fn run(command: &Command, sources: &Sources) -> Result<(), CommandError> {
    let url = load(sources)?.store()?;
    match command {
        Command::Migrate => runtime()?.block_on(migrate(&url)),
        Command::Copy(target) => {
            let StoreUrl::Sqlite(from) = &url else {
                return Err(CommandError::Usage(
                    "store.url names a PostgreSQL database already; let it name the SQLite store that is to be copied"
                        .to_owned(),
                ));
            };
            let to = target.read()?;
            runtime()?.block_on(copy(from, &to))
        }
    }
}

async fn migrate(url: &StoreUrl) -> Result<(), CommandError> {
    let migrated = match url {
        StoreUrl::Sqlite(path) => Store::migrate_file(path),
        StoreUrl::Postgres(url) => Store::migrate(url.expose()).await,
    };
    let Migrated { from, to } = migrated.map_err(anyhow::Error::from)?;
    let text = match from {
        0 => format!("The schema was made, version {to}.\n"),
        from if from == to => format!("The schema is up to date, version {to}.\n"),
        from => format!("The schema was brought from version {from} to version {to}.\n"),
    };
    Ok(output::print(&text)?)
}

impl Target {
    /// The address, which is not repeated in any message.
    fn read(&self) -> Result<String, CommandError> {
        let (name, text) = match (&self.to, &self.to_file) {
            (Some(url), _) => ("--to", url.clone()),
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    CommandError::Usage(format!("--to-file {} cannot be read: {error}", path.display()))
                })?;
                ("the address in --to-file", text.trim().to_owned())
            }
            (None, None) => return Err(CommandError::Usage("--to or --to-file is missing".to_owned())),
        };
        match StoreUrl::parse(&text).map_err(|message| CommandError::Usage(format!("{name} {message}")))? {
            StoreUrl::Postgres(url) => Ok(url.expose().to_owned()),
            StoreUrl::Sqlite(_) => {
                Err(CommandError::Usage(format!("{name} must name a PostgreSQL database, not SQLite")))
            }
        }
    }
}

async fn copy(from: &Path, to: &str) -> Result<(), CommandError> {
    let progress = Progress::start();
    let copied = Store::copy(from, to, clock::now(), |copying| progress.tell(copying)).await;
    progress.end();
    output::print(&summary(from, &copied.map_err(anyhow::Error::from)?))?;
    Ok(())
}

fn summary(from: &Path, copied: &[Copying]) -> String {
    let mut text = String::new();
    for Copying { table, rows, .. } in copied {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{table:<18} {rows:>10}");
    }
    let _ = writeln!(
        text,
        "\nCopied. Now let store.url (or store.url_file) name the new database and start `escalator serve`;\n\
         keep {} until all is well.",
        from.display()
    );
    text
}

/// How far it came: a bar on a terminal, a line for each table elsewhere; on standard error.
enum Progress {
    Bar(ProgressBar),
    Lines,
}

impl Progress {
    fn start() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::Lines;
        }
        // The text is constant and right.
        let style = ProgressStyle::with_template("{bar:40} {pos} of {len} rows of {msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        Self::Bar(ProgressBar::new(0).with_style(style))
    }

    fn tell(&self, Copying { table, done, rows }: Copying) {
        match self {
            Self::Bar(bar) => {
                bar.set_message(table);
                bar.set_length(rows);
                bar.set_position(done);
            }
            Self::Lines if done == rows && done > 0 => output::complain(&format!("{table}: {rows} rows")),
            Self::Lines => {}
        }
    }

    fn end(&self) {
        match self {
            Self::Bar(bar) => bar.finish_and_clear(),
            Self::Lines => {}
        }
    }
}
