//! The labels that a group or a project has.

use reqwest::{Method, RequestBuilder};
use serde::Deserialize;

use super::client::Client;
use super::error::Error;
use super::issue_list::Place;
use super::path::segment;
use crate::calculator::label::Label;

/// A label that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedLabel {
    /// Its title.
    pub label: Label,
    /// GitLab puts it on no issue any more (18.10 and later).
    pub archived: bool,
}

impl Client {
    /// The labels that every issue of a place can have: its own and those of the groups above.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::NotFound`] where the token does not see the place.
    pub async fn labels(&self, place: &Place) -> Result<Vec<ListedLabel>, Error> {
        let path = match place {
            Place::Group(path) => format!("/groups/{}/labels", segment(path)),
            Place::Project(path) => format!("/projects/{}/labels", segment(path)),
        };
        self.list_labels(self.request(Method::GET, &path)).await
    }

    /// The labels whose titles hold this text, of a group, its subgroups and all their projects, in one list.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::NotFound`] where the token does not see the group.
    pub async fn labels_within_group(&self, path: &str, text: &str) -> Result<Vec<ListedLabel>, Error> {
        let request = self.request(Method::GET, &format!("/groups/{}/labels", segment(path))).query(&[
            ("only_group_labels", "false"),
            ("include_descendant_groups", "true"),
            ("search", text),
        ]);
        self.list_labels(request).await
    }

    async fn list_labels(&self, request: RequestBuilder) -> Result<Vec<ListedLabel>, Error> {
        #[derive(Deserialize)]
        struct LabelJson {
            name: String,
            #[serde(default)]
            archived: bool,
        }
        let labels: Vec<LabelJson> = self.list("list_labels", request).await?;
        Ok(labels
            .into_iter()
            .map(|json| ListedLabel { label: Label::new(&json.name), archived: json.archived })
            .collect())
    }
}
