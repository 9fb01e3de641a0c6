//! How a project spells the labels that Escalator adds.
//!
//! GitLab's labels are case-sensitive, and adding an unknown title makes a new label: a policy that says
//! `platform-escalation` would give a project with `Platform-Escalation` a twin. So the project's own spelling is
//! looked up first, and remembered for a while.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde::Deserialize;

use super::client::Client;
use super::error::Error;
use crate::calculator::label::Label;

/// How long a spelling is believed.
const REMEMBERED: Duration = Duration::from_secs(600);

/// Spellings by project and by the policy's label.
#[derive(Default)]
pub(super) struct LabelCatalog {
    spellings: Mutex<HashMap<(u64, Label), (Instant, Label)>>,
}

impl LabelCatalog {
    fn get(&self, project_id: u64, label: &Label) -> Option<Label> {
        let spellings = self.spellings.lock().unwrap_or_else(PoisonError::into_inner);
        spellings
            .get(&(project_id, label.clone()))
            .filter(|(since, _)| since.elapsed() < REMEMBERED)
            .map(|(_, spelling)| spelling.clone())
    }

    fn put(&self, project_id: u64, label: &Label, spelling: Label) {
        let mut spellings = self.spellings.lock().unwrap_or_else(PoisonError::into_inner);
        spellings.retain(|_, (since, _)| since.elapsed() < REMEMBERED);
        spellings.insert((project_id, label.clone()), (Instant::now(), spelling));
    }
}

impl Client {
    /// The labels as the project or its groups spell them; one that nobody has made yet, as the policy does.
    pub(super) async fn spelled_as_in_project(
        &self,
        project_id: u64,
        labels: &[Label],
    ) -> Result<Vec<Label>, Error> {
        let mut spelled = Vec::new();
        for label in labels {
            let known = self.catalog.get(project_id, label);
            spelled.push(match known {
                Some(spelling) => spelling,
                None => self.look_up_spelling(project_id, label).await?,
            });
        }
        Ok(spelled)
    }

    async fn look_up_spelling(&self, project_id: u64, label: &Label) -> Result<Label, Error> {
        #[derive(Deserialize)]
        struct LabelJson {
            name: String,
        }
        let request = self
            .request(Method::GET, &format!("/projects/{project_id}/labels"))
            .query(&[("search", label.title())]);
        let found: Vec<LabelJson> = self.list("list_labels", request).await?;
        let titles: Vec<Label> = found.iter().map(|json| Label::new(&json.name)).collect();
        let spelling = titles
            .iter()
            .find(|title| *title == label)
            .or_else(|| titles.iter().find(|title| title.is(label)))
            .unwrap_or(label)
            .clone();
        self.catalog.put(project_id, label, spelling.clone());
        Ok(spelling)
    }
}
