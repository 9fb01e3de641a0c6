//! Labels and boards as people see them, and making and removing them. Never touches what is on an issue, except that
//! GitLab takes a label off every issue when it is deleted.

use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::answer::json;
use super::client::Client;
use super::error::Error;
use super::hooks::place_path;
use super::issue_list::Place;
use crate::calculator::label::Label;

/// A label with its look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelLook {
    /// Unique on the instance.
    pub id: u64,
    /// Its title.
    pub label: Label,
    /// `#rrggbb`.
    pub color: String,
    /// What it means.
    pub description: String,
}

/// An issue board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Board {
    /// Unique on the instance.
    pub id: u64,
    /// What people call it.
    pub name: String,
    /// The labels of its label lists.
    pub lists: Vec<Label>,
}

#[derive(Deserialize)]
struct LabelJson {
    id: u64,
    name: String,
    #[serde(default)]
    color: String,
    description: Option<String>,
}

#[derive(Deserialize)]
struct BoardJson {
    id: u64,
    name: String,
    #[serde(default)]
    lists: Vec<ListJson>,
}

#[derive(Deserialize)]
struct ListJson {
    label: Option<LabelJson>,
}

#[derive(Deserialize)]
struct IdJson {
    id: u64,
}

impl From<BoardJson> for Board {
    fn from(json: BoardJson) -> Self {
        let labels = json.lists.into_iter().filter_map(|list| list.label);
        Self { id: json.id, name: json.name, lists: labels.map(|label| Label::new(&label.name)).collect() }
    }
}

impl Client {
    /// The labels that a place can use: its own and those of the groups above.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::NotFound`] where the token does not see the place.
    pub async fn label_looks(&self, place: &Place) -> Result<Vec<LabelLook>, Error> {
        let request = self.request(Method::GET, &format!("{}/labels", place_path(place)));
        let labels: Vec<LabelJson> = self.list("list_labels", request).await?;
        let look = |json: LabelJson| LabelLook {
            id: json.id,
            label: Label::new(&json.name),
            color: json.color,
            description: json.description.unwrap_or_default(),
        };
        Ok(labels.into_iter().map(look).collect())
    }

    /// Makes a label; gives its id.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn create_label(
        &self,
        place: &Place,
        label: &Label,
        color: &str,
        description: &str,
    ) -> Result<u64, Error> {
        let body = json!({"name": label.title(), "color": color, "description": description});
        self.create(&format!("{}/labels", place_path(place)), "create_label", &body).await
    }

    /// Gives a label a look.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn update_label(
        &self,
        place: &Place,
        label_id: u64,
        color: &str,
        description: &str,
    ) -> Result<(), Error> {
        let path = format!("{}/labels/{label_id}", place_path(place));
        let body = json!({"color": color, "description": description});
        self.send("update_label", self.request(Method::PUT, &path).json(&body)).await.map(|_| ())
    }

    /// Removes a label, also from every issue that bears it.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn delete_label(&self, place: &Place, label_id: u64) -> Result<(), Error> {
        let path = format!("{}/labels/{label_id}", place_path(place));
        self.send("delete_label", self.request(Method::DELETE, &path)).await.map(|_| ())
    }

    /// Whether any issue of a place, open or closed, bears a label.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn is_on_an_issue(&self, place: &Place, label: &Label) -> Result<bool, Error> {
        let request = self
            .request(Method::GET, &format!("{}/issues", place_path(place)))
            .query(&[("labels", label.title()), ("state", "all"), ("scope", "all"), ("per_page", "1")])
            .query(&[("non_archived", "false")]);
        let issues: Vec<IdJson> = json(self.send("list_issues", request).await?).await?;
        Ok(!issues.is_empty())
    }

    /// The boards of a place.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn boards(&self, place: &Place) -> Result<Vec<Board>, Error> {
        let request = self.request(Method::GET, &format!("{}/boards", place_path(place)));
        let boards: Vec<BoardJson> = self.list("list_boards", request).await?;
        Ok(boards.into_iter().map(Board::from).collect())
    }

    /// Makes a board; gives its id.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn create_board(&self, place: &Place, name: &str) -> Result<u64, Error> {
        self.create(&format!("{}/boards", place_path(place)), "create_board", &json!({"name": name})).await
    }

    /// Adds a list of the issues that bear a label, right of the others.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn create_list(&self, place: &Place, board_id: u64, label_id: u64) -> Result<(), Error> {
        let path = format!("{}/boards/{board_id}/lists", place_path(place));
        self.create(&path, "create_list", &json!({"label_id": label_id})).await.map(|_| ())
    }

    /// Removes a board.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn delete_board(&self, place: &Place, board_id: u64) -> Result<(), Error> {
        let path = format!("{}/boards/{board_id}", place_path(place));
        self.send("delete_board", self.request(Method::DELETE, &path)).await.map(|_| ())
    }

    /// The paths of a group's projects, subgroups included, that are not archived.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn live_projects(&self, group: &Place) -> Result<Vec<String>, Error> {
        #[derive(Deserialize)]
        struct ProjectJson {
            path_with_namespace: String,
        }
        let request = self.request(Method::GET, &format!("{}/projects", place_path(group))).query(&[
            ("include_subgroups", "true"),
            ("with_shared", "false"),
            ("archived", "false"),
        ]);
        let projects: Vec<ProjectJson> = self.list("list_projects", request).await?;
        Ok(projects.into_iter().map(|project| project.path_with_namespace).collect())
    }

    async fn create(
        &self,
        path: &str,
        operation: &'static str,
        body: &serde_json::Value,
    ) -> Result<u64, Error> {
        let response = self.send(operation, self.request(Method::POST, path).json(body)).await?;
        Ok(json::<IdJson>(response).await?.id)
    }
}
