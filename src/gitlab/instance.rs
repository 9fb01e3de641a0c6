//! What GitLab tells of itself.

use reqwest::Method;
use serde::Deserialize;

use super::answer::json;
use super::client::Client;
use super::error::Error;

/// A GitLab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// As it spells it, such as `19.1.0-ee`.
    pub version: String,
    /// Whether it is the edition that a licence can turn into Premium. The edition alone is no licence.
    pub enterprise: bool,
}

impl Instance {
    /// The first two numbers of the version.
    #[must_use]
    pub fn major_and_minor(&self) -> Option<(u32, u32)> {
        let mut numbers = self.version.split(['.', '-']).map(|number| number.parse().ok());
        Some((numbers.next()??, numbers.next()??))
    }
}

impl Client {
    /// Which GitLab this is. `/version` says less, where there is no `/metadata`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn instance(&self) -> Result<Instance, Error> {
        #[derive(Deserialize)]
        struct MetadataJson {
            version: String,
            #[serde(default)]
            enterprise: bool,
        }
        let response = match self.send("metadata", self.request(Method::GET, "/metadata")).await {
            Err(Error::NotFound) => self.send("metadata", self.request(Method::GET, "/version")).await?,
            answered => answered?,
        };
        let metadata: MetadataJson = json(response).await?;
        Ok(Instance { version: metadata.version, enterprise: metadata.enterprise })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_every_edition_are_read() {
        let of = |version: &str| Instance { version: version.to_owned(), enterprise: true }.major_and_minor();
        assert_eq!(of("19.1.0"), Some((19, 1)));
        assert_eq!(of("17.7-pre"), Some((17, 7)));
        assert_eq!(of("16.11.2-ee.0"), Some((16, 11)));
        assert_eq!(of("unknown"), None);
    }
}
