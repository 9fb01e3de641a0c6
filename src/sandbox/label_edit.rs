//! Which labels an issue has after a write: GitLab's rules, with their traps.

use std::collections::{BTreeMap, BTreeSet};

use super::Refusal;
use super::nouns::{Label, Place};
use super::world::{World, take};
use crate::clock::now;

/// What one write says about labels, by title.
#[derive(Debug, Clone, Default)]
pub(super) struct LabelEdit {
    /// Replaces all labels; empty clears them.
    pub replace: Option<Vec<String>>,
    pub add: Vec<String>,
    pub remove: Vec<String>,
}

impl LabelEdit {
    pub fn is_empty(&self) -> bool {
        self.replace.is_none() && self.add.is_empty() && self.remove.is_empty()
    }
}

impl World {
    /// The labels after a write. Titles that do not exist yet are created in the project; removing wins over adding.
    pub fn labels_after(
        &mut self,
        project_id: u64,
        before: &BTreeSet<u64>,
        edit: &LabelEdit,
    ) -> BTreeSet<u64> {
        let kept = match &edit.replace {
            Some(titles) => self.found_or_made(project_id, titles),
            None => before.iter().copied().collect(),
        };
        let added = self.found_or_made(project_id, &edit.add);
        let removed: BTreeSet<u64> =
            titles_in(&edit.remove).flat_map(|title| self.labels_titled(project_id, title)).collect();
        let mut wanted: Vec<u64> = kept.into_iter().chain(added).collect();
        wanted.retain(|id| !removed.contains(id));
        self.one_per_scope(before, wanted)
    }

    /// All labels of exactly that title that a project can use, its own before those of its groups.
    pub fn labels_titled(&self, project_id: u64, title: &str) -> Vec<u64> {
        self.reach(Place::Project(project_id))
            .into_iter()
            .filter_map(|place| self.label_at(place, title))
            .map(|label| label.id)
            .collect()
    }

    /// The label of exactly that title in exactly that place.
    pub fn label_at(&self, place: Place, title: &str) -> Option<&Label> {
        self.labels.values().find(|label| label.place == place && label.title == title)
    }

    pub fn make_label(
        &mut self,
        place: Place,
        title: &str,
        color: &str,
        description: Option<String>,
    ) -> Result<u64, Refusal> {
        let title = strip(title);
        if title.is_empty() || title.chars().count() > 255 || title.contains(',') {
            return Err(Refusal::Invalid("Title is invalid".into()));
        }
        if self.label_at(place, title).is_some() {
            return Err(Refusal::Conflict("Label already exists"));
        }
        let id = take(&mut self.ids.label);
        let label = Label {
            id,
            place,
            title: title.into(),
            color: color.into(),
            description,
            archived: false,
            created_at: now(),
            updated_at: now(),
        };
        self.labels.insert(id, label);
        Ok(id)
    }

    /// Archived labels are found but cannot be put on an issue.
    fn found_or_made(&mut self, project_id: u64, titles: &[String]) -> Vec<u64> {
        let titles: Vec<String> = titles_in(titles).map(str::to_owned).collect();
        let mut ids = Vec::new();
        for title in titles {
            let found = self.labels_titled(project_id, &title).first().copied();
            let id = match found {
                Some(id) => Some(id),
                None => self.make_label(Place::Project(project_id), &title, DEFAULT_COLOR, None).ok(),
            };
            let usable = |id: &u64| self.labels.get(id).is_some_and(|label| !label.archived);
            ids.extend(id.filter(usable));
        }
        ids
    }

    /// With Premium's scoped labels, a label that is new on the issue drives out the others of its scope, and of two new
    /// ones the last wins. Without, `a::b` is a title like any other.
    fn one_per_scope(&self, before: &BTreeSet<u64>, wanted: Vec<u64>) -> BTreeSet<u64> {
        let mut newest: BTreeMap<&str, u64> = BTreeMap::new();
        if self.options.scoped_labels {
            for id in wanted.iter().filter(|id| !before.contains(id)) {
                if let Some(scope) = self.scope(*id) {
                    newest.insert(scope, *id);
                }
            }
        }
        let survives =
            |id: &u64| self.scope(*id).and_then(|scope| newest.get(scope)).is_none_or(|winner| winner == id);
        wanted.iter().copied().filter(survives).collect()
    }

    /// Everything before the last `::` of a label's title.
    fn scope(&self, id: u64) -> Option<&str> {
        let (scope, _) = self.labels.get(&id)?.title.rsplit_once("::")?;
        Some(scope)
    }
}

/// The colour of a label that nobody made on purpose.
pub(super) const DEFAULT_COLOR: &str = "#6699cc";

/// GitLab splits titles on commas even where they come as a list.
fn titles_in(titles: &[String]) -> impl Iterator<Item = &str> {
    titles.iter().flat_map(|title| title.split(',')).map(strip).filter(|title| !title.is_empty())
}

/// What Ruby's `strip` leaves: only ASCII whitespace and NUL go.
pub(super) fn strip(text: &str) -> &str {
    text.trim_matches(|letter: char| letter == '\0' || letter == '\x0b' || letter.is_ascii_whitespace())
}
