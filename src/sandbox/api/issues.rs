//! Issues: one, many, new, changed; and their label events.

use actix_web::{HttpRequest, HttpResponse, web};

use super::pages::page;
use super::params::Params;
use super::{Answer, Reader, Writer, issue_id};
use crate::clock::Millis;
use crate::sandbox::Refusal;
use crate::sandbox::act::{IssueEdit, NewIssue, StateEvent};
use crate::sandbox::label_edit::LabelEdit;
use crate::sandbox::nouns::{GroupId, Issue, Kind, UserId};
use crate::sandbox::world::World;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/issues", web::get().to(list))
        .route("/groups/{group}/issues", web::get().to(list_of_group))
        .service(
            web::resource("/projects/{project}/issues")
                .route(web::get().to(list_of_project))
                .route(web::post().to(create)),
        )
        .service(
            web::resource("/projects/{project}/issues/{iid}")
                .route(web::get().to(show))
                .route(web::put().to(update))
                .route(web::delete().to(delete)),
        )
        .route("/projects/{project}/issues/{iid}/resource_label_events", web::get().to(label_events));
}

async fn show(reader: Reader, path: web::Path<(String, u64)>) -> Answer {
    let issue = reader.shared.look(|world| {
        let id = issue_id(world, reader.user, &path)?;
        let issue = world.issue_for(reader.user, id)?;
        Ok::<_, Refusal>(world.issue_json(issue))
    })?;
    Ok(HttpResponse::Ok().json(issue))
}

async fn create(writer: Writer, path: web::Path<String>, params: Params) -> Answer {
    let kind = kind(&params)?;
    let new = NewIssue {
        iid: params.number("iid"),
        title: params.required("title")?,
        description: params.text("description").unwrap_or_default(),
        kind: kind.unwrap_or(Kind::Issue),
        confidential: params.flag("confidential").unwrap_or(false),
        labels: params.list("labels").unwrap_or_default(),
    };
    let created = writer.shared.change(|world| {
        let project = world.project_for(writer.caller.user, &path)?.id;
        let id = world.create_issue(&writer.caller, project, new)?;
        Ok::<_, Refusal>(world.issue_json(world.issue(id)?))
    })?;
    Ok(HttpResponse::Created().json(created))
}

async fn update(writer: Writer, path: web::Path<(String, u64)>, params: Params) -> Answer {
    let edit = IssueEdit {
        labels: LabelEdit {
            replace: params.list("labels"),
            add: params.list("add_labels").unwrap_or_default(),
            remove: params.list("remove_labels").unwrap_or_default(),
        },
        state: state_event(&params)?,
        kind: kind(&params)?,
        confidential: params.flag("confidential"),
        title: params.text("title"),
        description: params.text("description"),
    };
    let changed = writer.shared.change(|world| {
        let id = issue_id(world, writer.caller.user, &path)?;
        world.issue_for(writer.caller.user, id)?;
        if !says_anything(&params) {
            let reason = "at least one of the parameters must be provided";
            return Err(Refusal::Invalid(reason.into()));
        }
        world.update_issue(&writer.caller, id, edit)?;
        Ok(world.issue_json(world.issue(id)?))
    })?;
    Ok(HttpResponse::Ok().json(changed))
}

async fn delete(writer: Writer, path: web::Path<(String, u64)>) -> Answer {
    writer.shared.change(|world| {
        let id = issue_id(world, writer.caller.user, &path)?;
        world.delete_issue(writer.caller.user, id)
    })?;
    Ok(HttpResponse::NoContent().finish())
}

fn says_anything(params: &Params) -> bool {
    let known = [
        "labels",
        "add_labels",
        "remove_labels",
        "state_event",
        "issue_type",
        "confidential",
        "title",
        "description",
        "assignee_ids",
        "assignee_id",
        "due_date",
        "milestone_id",
        "weight",
        "discussion_locked",
        "updated_at",
    ];
    let listed = |name: &&str| params.has(name) || params.list(name).is_some();
    known.iter().any(listed)
}

fn kind(params: &Params) -> Result<Option<Kind>, Refusal> {
    let Some(text) = params.text("issue_type") else {
        return Ok(None);
    };
    let kind = Kind::from_slug(&text);
    let kind = kind.ok_or_else(|| Refusal::Invalid("issue_type does not have a valid value".into()));
    kind.map(Some)
}

fn state_event(params: &Params) -> Result<Option<StateEvent>, Refusal> {
    let Some(text) = params.text("state_event") else {
        return Ok(None);
    };
    let event = StateEvent::from_name(&text);
    let event = event.ok_or_else(|| Refusal::Invalid("state_event does not have a valid value".into()));
    event.map(Some)
}

async fn list(reader: Reader, request: HttpRequest, params: Params) -> Answer {
    let all = params.text("scope").as_deref() == Some("all");
    let archived = params.flag("non_archived") == Some(false);
    let rows = move |world: &World, issue: &Issue| {
        (all || issue.author == reader.user) && (archived || !is_archived(world, issue))
    };
    reader.shared.look(|world| listing(world, reader.user, &request, &params, |issue| rows(world, issue)))
}

async fn list_of_group(
    reader: Reader,
    request: HttpRequest,
    path: web::Path<String>,
    params: Params,
) -> Answer {
    let archived = params.flag("non_archived") == Some(false);
    reader.shared.look(|world| {
        let group = world.group_for(reader.user, &path)?.id;
        listing(world, reader.user, &request, &params, |issue| {
            in_group(world, issue, group) && (archived || !is_archived(world, issue))
        })
    })
}

async fn list_of_project(
    reader: Reader,
    request: HttpRequest,
    path: web::Path<String>,
    params: Params,
) -> Answer {
    reader.shared.look(|world| {
        let project = world.project_for(reader.user, &path)?.id;
        listing(world, reader.user, &request, &params, |issue| issue.id.project_id == project)
    })
}

fn in_group(world: &World, issue: &Issue, group: GroupId) -> bool {
    let project = world.projects.get(&issue.id.project_id);
    project.is_some_and(|project| world.lineage(project.group).contains(&group))
}

fn is_archived(world: &World, issue: &Issue) -> bool {
    let project = world.projects.get(&issue.id.project_id);
    project.is_some_and(|project| project.archived)
}

fn listing(
    world: &World,
    user: UserId,
    request: &HttpRequest,
    params: &Params,
    belongs: impl Fn(&Issue) -> bool,
) -> Answer {
    let filter = Filter::read(params)?;
    let mut rows: Vec<&Issue> = world
        .issues
        .values()
        .filter(|issue| belongs(issue) && filter.admits(world, issue))
        .filter(|issue| world.can_see_issue(user, issue))
        .collect();
    let by_update = params.text("order_by").as_deref() == Some("updated_at");
    let when = |issue: &Issue| {
        if by_update { issue.updated_at } else { issue.created_at }
    };
    rows.sort_by_key(|issue| (when(issue), issue.global_id));
    if params.text("sort").as_deref() != Some("asc") {
        rows.reverse();
    }
    let details = params.flag("with_labels_details").unwrap_or(false);
    Ok(page(request, params, rows, |issue| {
        let mut entity = world.issue_json(issue);
        if details {
            let labels = world.labels_of(&issue.labels);
            entity["labels"] = labels.into_iter().map(|label| world.label_json(label)).collect();
        }
        entity
    }))
}

/// What a list of issues is narrowed by.
struct Filter {
    labels: Vec<String>,
    without: Vec<String>,
    state: Option<String>,
    iids: Vec<u64>,
    kind: Option<Kind>,
    confidential: Option<bool>,
    search: Option<String>,
    updated_after: Option<Millis>,
    updated_before: Option<Millis>,
    created_after: Option<Millis>,
    created_before: Option<Millis>,
}

impl Filter {
    fn read(params: &Params) -> Result<Self, Refusal> {
        let iids = params.list("iids").unwrap_or_default();
        Ok(Self {
            labels: params.list("labels").unwrap_or_default(),
            without: params.list("not[labels]").unwrap_or_default(),
            state: params.text("state").filter(|state| state != "all"),
            iids: iids.iter().filter_map(|iid| iid.parse().ok()).collect(),
            kind: kind(params)?,
            confidential: params.flag("confidential"),
            search: params.text("search").map(|text| text.to_lowercase()),
            updated_after: params.time("updated_after")?,
            updated_before: params.time("updated_before")?,
            created_after: params.time("created_after")?,
            created_before: params.time("created_before")?,
        })
    }

    fn admits(&self, world: &World, issue: &Issue) -> bool {
        let facts = self.state.as_ref().is_none_or(|state| state == issue.state.name())
            && (self.iids.is_empty() || self.iids.contains(&issue.id.iid))
            && self.kind.is_none_or(|kind| kind == issue.kind)
            && self.confidential.is_none_or(|wanted| wanted == issue.confidential);
        let times = self.updated_after.is_none_or(|after| issue.updated_at >= after)
            && self.updated_before.is_none_or(|before| issue.updated_at <= before)
            && self.created_after.is_none_or(|after| issue.created_at >= after)
            && self.created_before.is_none_or(|before| issue.created_at <= before);
        let text = self.search.as_ref().is_none_or(|search| {
            let title = issue.title.to_lowercase();
            title.contains(search) || issue.description.to_lowercase().contains(search)
        });
        facts && times && text && self.admits_labels(world, issue)
    }

    /// All of the wanted, none of the unwanted; `None` and `Any` are words, not titles.
    fn admits_labels(&self, world: &World, issue: &Issue) -> bool {
        let labels = world.labels_of(&issue.labels);
        let has = |title: &String| match title.to_lowercase().as_str() {
            "none" => labels.is_empty(),
            "any" => !labels.is_empty(),
            _ => labels.iter().any(|label| matches_title(world, title, &label.title)),
        };
        self.labels.iter().all(has) && !self.without.iter().any(has)
    }
}

/// `key::*` matches every value of a scope, where scoped labels are licensed.
fn matches_title(world: &World, wanted: &str, title: &str) -> bool {
    let scope = wanted.strip_suffix("::*").filter(|_| world.options.scoped_labels);
    match scope {
        Some(scope) => title.rsplit_once("::").is_some_and(|(own, _)| own == scope),
        None => wanted == title,
    }
}

async fn label_events(
    reader: Reader,
    request: HttpRequest,
    path: web::Path<(String, u64)>,
    params: Params,
) -> Answer {
    reader.shared.look(|world| {
        let id = issue_id(world, reader.user, &path)?;
        let issue = world.issue_for(reader.user, id)?;
        let events = world.label_events.get(&id);
        let rows = events.map(|events| events.iter().collect()).unwrap_or_default();
        Ok(page(&request, &params, rows, |event| world.label_event_json(issue, event)))
    })
}
