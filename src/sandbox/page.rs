//! The demo's page: a small board of issues to play with, and what it calls. It belongs to the demo's person, so it answers
//! on loopback only, and only to pages that were loaded from there.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use actix_web::{HttpResponse, ResponseError, guard, web};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::timeout;

use super::act::{Caller, IssueEdit, StateEvent};
use super::hooks::DeliveryRecord;
use super::json::text_color;
use super::label_edit::LabelEdit;
use super::markdown::render;
use super::nouns::{Issue, IssueId, Note, Place};
use super::seed::Demo;
use super::world::{World, iso};
use super::{Refusal, Shared};

/// Everything outside the REST API.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(
        web::scope("")
            .guard(guard::fn_guard(|context| {
                let host = context.head().headers().get("host");
                is_loopback(host.and_then(|host| host.to_str().ok()).unwrap_or_default())
            }))
            .app_data(web::JsonConfig::default().error_handler(|error, _| Refused(error.to_string()).into()))
            .route("/", web::get().to(html))
            .route("/demo.css", web::get().to(css))
            .route("/demo.js", web::get().to(js))
            .route("/demo/state", web::get().to(state))
            .route("/demo/events", web::get().to(events))
            .route("/demo/issues/{project}/{iid}/labels", web::post().to(set_labels))
            .route("/demo/issues/{project}/{iid}/state", web::post().to(set_state)),
    );
}

/// Whether a `Host` header names this machine: a page elsewhere that points its own name at 127.0.0.1 cannot say so.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
}

async fn html() -> HttpResponse {
    asset("text/html; charset=utf-8", include_str!("../../templates/demo.html"))
}

async fn css() -> HttpResponse {
    asset("text/css; charset=utf-8", include_str!("../../templates/demo.css"))
}

async fn js() -> HttpResponse {
    asset("text/javascript; charset=utf-8", include_str!("../../templates/demo.js"))
}

fn asset(kind: &str, text: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(kind)
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((
            CONTENT_SECURITY_POLICY,
            "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
        ))
        .body(text)
}

/// What the page cannot have, told to the page.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refused(String);

impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        StatusCode::BAD_REQUEST
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::BadRequest().json(json!({"error": self.0}))
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.to_string())
    }
}

/// The page needs the demo's person.
fn demo(world: &World) -> Result<&Demo, Refused> {
    let missing = || Refused("this sandbox has no demo in it".into());
    world.demo.as_ref().ok_or_else(missing)
}

async fn state(shared: web::Data<Shared>) -> Result<HttpResponse, Refused> {
    let state = shared.look(|world| {
        let demo = demo(world)?;
        let person = world.users.get(&demo.person);
        let issues = world.issues.values();
        let deliveries = world.post.log.iter().rev().take(MOST_DELIVERIES);
        Ok::<_, Refused>(json!({
            "me": {"id": demo.person.0, "name": person.map(|person| &person.name)},
            "labels": labels(world, demo),
            "issues": issues
                .filter(|issue| world.can_see_issue(demo.person, issue))
                .map(|issue| issue_state(world, issue))
                .collect::<Vec<Value>>(),
            "deliveries": deliveries.map(delivery_state).collect::<Vec<Value>>(),
            "version": world.version,
        }))
    })?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(state))
}

const MOST_DELIVERIES: usize = 30;

fn labels(world: &World, demo: &Demo) -> Vec<Value> {
    let reach = world.reach(Place::Project(demo.shop));
    let labels = world.labels.values();
    labels
        .filter(|label| reach.contains(&label.place) && !label.archived)
        .map(|label| {
            json!({
                "title": label.title,
                "color": label.color,
                "text_color": text_color(&label.color),
                "description": label.description,
            })
        })
        .collect()
}

fn issue_state(world: &World, issue: &Issue) -> Value {
    let project = world.projects.get(&issue.id.project_id);
    let labels = world.labels_of(&issue.labels);
    let titles: Vec<&str> = labels.iter().map(|label| label.title.as_str()).collect();
    let notes = world.notes_of(issue.id).iter();
    json!({
        "project_id": issue.id.project_id,
        "project_path": project.map(|project| &project.full_path),
        "iid": issue.id.iid,
        "title": issue.title,
        "type": issue.kind.title(),
        "state": issue.state.name(),
        "confidential": issue.confidential,
        "labels": titles,
        "notes": notes
            .filter(|note| !note.system)
            .map(|note| note_state(world, note))
            .collect::<Vec<Value>>(),
    })
}

fn note_state(world: &World, note: &Note) -> Value {
    let author = world.users.get(&note.author_id);
    json!({
        "id": note.id,
        "author": {
            "name": author.map(|author| &author.name),
            "username": note.author_username,
            "bot": author.is_some_and(|author| author.bot),
        },
        "created_at": iso(note.created_at),
        "updated_at": iso(note.updated_at),
        "internal": note.internal,
        "html": render(&note.body),
    })
}

fn delivery_state(record: &DeliveryRecord) -> Value {
    json!({
        "id": format!("{}-{}", record.id, record.serial),
        "at": iso(record.at),
        "event": record.event,
        "object_kind": record.object_kind,
        "issue": format!("{}#{}", record.project_path, record.issue.iid),
        "status": record.status,
        "duration_ms": record.duration_ms,
    })
}

/// Tells the page, as server-sent events, that there is something new to see.
async fn events(shared: web::Data<Shared>) -> HttpResponse {
    let first = (shared.ticks(), 0_u64);
    let lines = stream::unfold(first, move |(mut ticks, shown)| {
        let shared = shared.clone();
        async move {
            let (line, shown) = next_line(&shared, &mut ticks, shown).await?;
            let line = Ok::<_, std::io::Error>(web::Bytes::from(line));
            Some((line, (ticks, shown)))
        }
    });
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((CACHE_CONTROL, "no-store"))
        .streaming(lines)
}

const QUIET: Duration = Duration::from_secs(15);

/// The next version, or a comment after a while without one, which keeps the connection alive.
async fn next_line(shared: &Shared, ticks: &mut watch::Receiver<u64>, shown: u64) -> Option<(String, u64)> {
    loop {
        ticks.mark_unchanged();
        let version = shared.look(|world| world.version);
        if version != shown {
            return Some((format!("data: {version}\n\n"), version));
        }
        match timeout(QUIET, ticks.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return None,
            Err(_) => return Some((": still here\n\n".into(), shown)),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LabelsWish {
    #[serde(default)]
    add: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
}

async fn set_labels(
    shared: web::Data<Shared>,
    path: web::Path<(u64, u64)>,
    wish: web::Json<LabelsWish>,
) -> Result<HttpResponse, Refused> {
    let LabelsWish { add, remove } = wish.into_inner();
    if add.is_empty() && remove.is_empty() {
        return Err(Refused("nothing to add or remove".into()));
    }
    let known = shared.look(|world| {
        let mut titles = add.iter();
        titles.all(|title| !world.labels_titled(path.0, title).is_empty())
    });
    if !known {
        return Err(Refused("no such label".into()));
    }
    let labels = LabelEdit { replace: None, add, remove };
    let edit = IssueEdit { labels, ..IssueEdit::default() };
    change(&shared, *path, edit)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateWish {
    state_event: String,
}

async fn set_state(
    shared: web::Data<Shared>,
    path: web::Path<(u64, u64)>,
    wish: web::Json<StateWish>,
) -> Result<HttpResponse, Refused> {
    let event = StateEvent::from_name(&wish.state_event);
    let event = event.ok_or_else(|| Refused("state_event is close or reopen".into()))?;
    let edit = IssueEdit { state: Some(event), ..IssueEdit::default() };
    change(&shared, *path, edit)
}

fn change(shared: &Shared, (project_id, iid): (u64, u64), edit: IssueEdit) -> Result<HttpResponse, Refused> {
    let version = shared.change(|world| {
        let person = demo(world)?.person;
        let id = IssueId { project_id, iid };
        world.update_issue(&Caller::person(person), id, edit)?;
        Ok::<_, Refused>(world.version)
    })?;
    Ok(HttpResponse::Ok().json(json!({"version": version})))
}
