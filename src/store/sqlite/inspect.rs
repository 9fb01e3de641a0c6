//! A look at a database file, beside whoever serves from it or where nobody does. Leaves no file behind.

use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::{Sqlite, connect, open_error, stops, version, vet};
use crate::store::{Inspection, OpenError};

impl Sqlite {
    /// Looks at the file.
    pub fn inspect(path: &Path) -> Result<Inspection, OpenError> {
        let inaccessible = |error: &std::io::Error| OpenError::Inaccessible {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // A file without a name, in the folder where SQLite would put its journal.
        tempfile::tempfile_in(folder).map_err(|error| inaccessible(&error))?;
        let found = path.try_exists().map_err(|error| inaccessible(&error))?;
        if !found {
            return Ok(Inspection { version: 0, known: version(), parked: 0, stops: Vec::new() });
        }
        File::options().write(true).open(path).map_err(|error| inaccessible(&error))?;
        look(path)
    }
}

fn look(path: &Path) -> Result<Inspection, OpenError> {
    let failed = |error| open_error(path, &error);
    let connection = open(path).map_err(failed)?;
    let found = vet(&connection, path)?;
    let parked = match found {
        0 => 0,
        _ => connection
            .query_row("SELECT count(*) FROM queue WHERE parked_at IS NOT NULL", [], |row| row.get(0))
            .map_err(failed)?,
    };
    let stops = if found < stops::SINCE_VERSION { Ok(Vec::new()) } else { stops::stops(&connection) };
    let stops = stops
        .map_err(|error| OpenError::Inaccessible { path: path.to_owned(), reason: error.to_string() })?;
    Ok(Inspection { version: found, known: version(), parked, stops })
}

/// Where nobody has the file open, even a reader would make the files that SQLite shares between processes, and leave them
/// to be in the way of a service that runs as another user; so then SQLite is told that the file stands still.
fn open(path: &Path) -> rusqlite::Result<Connection> {
    let mut journal = path.as_os_str().to_owned();
    journal.push("-wal");
    match path.to_str() {
        Some(name) if !PathBuf::from(journal).exists() => {
            let name = name.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
            connect(Path::new(&format!("file:{name}?immutable=1")), flags)
        }
        Some(_) | None => connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY),
    }
}
