//! Notes on issues.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::pages::page;
use super::params::Params;
use super::{Answer, Reader, Writer, issue_id};
use crate::sandbox::Refusal;
use crate::sandbox::notes::{Edited, Posted, Ran};
use crate::sandbox::nouns::{IssueId, Note};
use crate::sandbox::world::World;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(
            web::resource("/projects/{project}/issues/{iid}/notes")
                .route(web::get().to(list))
                .route(web::post().to(create)),
        )
        .service(
            web::resource("/projects/{project}/issues/{iid}/notes/{note}")
                .route(web::get().to(show))
                .route(web::put().to(update))
                .route(web::delete().to(delete)),
        );
}

async fn list(
    reader: Reader,
    request: HttpRequest,
    path: web::Path<(String, u64)>,
    params: Params,
) -> Answer {
    reader.shared.look(|world| {
        let id = issue_id(world, reader.user, &path)?;
        let issue = world.issue_for(reader.user, id)?;
        let mut rows = world.notes_for(reader.user, id)?;
        match params.text("activity_filter").as_deref() {
            Some("only_comments") => rows.retain(|note| !note.system),
            Some("only_activity") => rows.retain(|note| note.system),
            Some(_) | None => {}
        }
        let by_update = params.text("order_by").as_deref() == Some("updated_at");
        let when = |note: &Note| {
            if by_update { note.updated_at } else { note.created_at }
        };
        rows.sort_by_key(|note| (when(note), note.id));
        if params.text("sort").as_deref() != Some("asc") {
            rows.reverse();
        }
        Ok(page(&request, &params, rows, |note| world.note_json(issue, note)))
    })
}

async fn show(reader: Reader, path: web::Path<(String, u64, u64)>) -> Answer {
    let note = reader.shared.look(|world| {
        let id = issue_of(world, &path, reader.user)?;
        let note = world.note_for(reader.user, id, path.2)?;
        Ok::<_, Refusal>(world.note_json(world.issue(id)?, note))
    })?;
    Ok(HttpResponse::Ok().json(note))
}

async fn create(writer: Writer, path: web::Path<(String, u64)>, params: Params) -> Answer {
    let user = writer.caller.user;
    let body = params.required("body")?;
    if body.chars().count() > MOST_CHARACTERS {
        return Err(Refusal::Invalid("Note is too long".into()));
    }
    let internal = params.flag("internal").or_else(|| params.flag("confidential"));
    writer.shared.change(|world| {
        let id = issue_id(world, user, &path)?;
        world.issue_for(user, id)?;
        let most = world.options.notes_per_minute;
        if most.is_some_and(|most| world.traffic.count_note(user) > most) {
            return Err(Refusal::TooManyRequests);
        }
        let posted = world.post_note(&writer.caller, id, &body, internal.unwrap_or(false), None)?;
        match posted {
            Posted::Note { id: note_id, ran } => {
                let note = world.note_for(user, id, note_id)?;
                let mut entity = world.note_json(world.issue(id)?, note);
                entity["commands_changes"] = changes(&ran);
                Ok(HttpResponse::Created().json(entity))
            }
            Posted::CommandsOnly(ran) => Ok(HttpResponse::Accepted().json(json!({
                "commands_changes": changes(&ran),
                "summary": ran.summary,
            }))),
        }
    })
}

const MOST_CHARACTERS: usize = 1_000_000;

fn changes(ran: &Ran) -> Value {
    let mut changes = json!({});
    if !ran.added.is_empty() {
        changes["add_label_ids"] = json!(ran.added);
    }
    if !ran.removed.is_empty() {
        changes["remove_label_ids"] = json!(ran.removed);
    }
    changes
}

async fn update(writer: Writer, path: web::Path<(String, u64, u64)>, params: Params) -> Answer {
    let user = writer.caller.user;
    let body = params.required("body")?;
    let note = writer.shared.change(|world| {
        let id = issue_of(world, &path, user)?;
        let before = world.note_for(user, id, path.2)?.clone();
        match world.edit_note(&writer.caller, id, path.2, &body)? {
            Edited::Changed | Edited::Unchanged => {
                let note = world.note_for(user, id, path.2)?;
                Ok::<_, Refusal>(world.note_json(world.issue(id)?, note))
            }
            Edited::Deleted => {
                let gone = Note { body: String::new(), ..before };
                Ok(world.note_json(world.issue(id)?, &gone))
            }
        }
    })?;
    Ok(HttpResponse::Ok().json(note))
}

async fn delete(writer: Writer, path: web::Path<(String, u64, u64)>) -> Answer {
    writer.shared.change(|world| {
        let id = issue_of(world, &path, writer.caller.user)?;
        world.delete_note(&writer.caller, id, path.2)
    })?;
    Ok(HttpResponse::NoContent().finish())
}

fn issue_of(
    world: &World,
    path: &(String, u64, u64),
    user: crate::sandbox::UserId,
) -> Result<IssueId, Refusal> {
    issue_id(world, user, &(path.0.clone(), path.1))
}
