//! Webhooks of projects and groups. Secrets go in and never come out.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::pages::page;
use super::params::Params;
use super::{Answer, Reader, Writer};
use crate::sandbox::act::Caller;
use crate::sandbox::hooks::{DeliveryRecord, Event, Hook, Subscription};
use crate::sandbox::json::{hook_event_json, hook_json};
use crate::sandbox::looking::again;
use crate::sandbox::nouns::{Place, UserId};
use crate::sandbox::payload::{Action, Family, NoteAction};
use crate::sandbox::world::World;
use crate::sandbox::{Refusal, access};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    for owner in ["/{scope:projects}/{owner}/hooks", "/{scope:groups}/{owner}/hooks"] {
        config
            .service(web::resource(owner).route(web::get().to(list)).route(web::post().to(create)))
            .service(
                web::resource(format!("{owner}/{{hook}}"))
                    .route(web::get().to(show))
                    .route(web::put().to(update))
                    .route(web::delete().to(delete)),
            )
            .route(&format!("{owner}/{{hook}}/events"), web::get().to(events))
            .route(&format!("{owner}/{{hook}}/events/{{event}}/resend"), web::post().to(resend))
            .route(&format!("{owner}/{{hook}}/test/{{trigger}}"), web::post().to(test));
    }
}

type Collection = web::Path<(String, String)>;
type Member = web::Path<(String, String, u64)>;

async fn list(reader: Reader, request: HttpRequest, path: Collection, params: Params) -> Answer {
    reader.shared.look(|world| {
        let place = place(world, reader.user, &path.0, &path.1)?;
        let all = world.post.subscriptions.values();
        let rows = all.filter(|hook| hook.place == place).collect();
        Ok(page(&request, &params, rows, hook_json))
    })
}

async fn show(reader: Reader, path: Member) -> Answer {
    let hook = reader.shared.look(|world| {
        let hook = find(world, reader.user, (&path.0, &path.1, path.2))?;
        Ok::<_, Refusal>(hook_json(hook))
    })?;
    Ok(HttpResponse::Ok().json(hook))
}

async fn create(writer: Writer, path: Collection, params: Params) -> Answer {
    let url = web_address(params.required("url")?)?;
    let mut hook = Hook {
        issues: false,
        confidential_issues: false,
        notes: false,
        confidential_notes: false,
        // On unless told otherwise.
        pushes: true,
        ..Hook::to(url)
    };
    fill(&mut hook, &params)?;
    let created = writer.shared.change(|world| {
        if !world.knows_signing() {
            hook.signing_token = None;
        }
        let place = place(world, writer.caller.user, &path.0, &path.1)?;
        let id = world.post.subscribe(place, hook, params.text("name"));
        let hook = world.post.subscriptions.get(&id);
        hook.map(hook_json).ok_or(Refusal::NO_HOOK)
    })?;
    Ok(HttpResponse::Created().json(created))
}

async fn update(writer: Writer, path: Member, params: Params) -> Answer {
    let changed = writer.shared.change(|world| {
        let id = find(world, writer.caller.user, (&path.0, &path.1, path.2))?.id;
        let knows_signing = world.knows_signing();
        let subscription = world.post.subscriptions.get_mut(&id);
        let subscription = subscription.ok_or(Refusal::NO_HOOK)?;
        let hook = &mut subscription.hook;
        if let Some(url) = params.text("url").filter(|url| *url != hook.url) {
            hook.url = web_address(url)?;
            // Whoever can edit the webhook must not be able to send the token elsewhere.
            hook.token = None;
        }
        fill(hook, &params)?;
        if !knows_signing {
            hook.signing_token = None;
        }
        Ok::<_, Refusal>(hook_json(subscription))
    })?;
    Ok(HttpResponse::Ok().json(changed))
}

async fn delete(writer: Writer, path: Member) -> Answer {
    writer.shared.change(|world| {
        let id = find(world, writer.caller.user, (&path.0, &path.1, path.2))?.id;
        world.post.subscriptions.remove(&id);
        Ok::<_, Refusal>(())
    })?;
    Ok(HttpResponse::NoContent().finish())
}

async fn events(reader: Reader, request: HttpRequest, path: Member, params: Params) -> Answer {
    let status = params.text("status");
    reader.shared.look(|world| {
        let hook = find(world, reader.user, (&path.0, &path.1, path.2))?.id;
        let newest_first = world.post.log.iter().rev();
        let rows = newest_first
            .filter(|record| record.hook == hook)
            .filter(|record| status.as_ref().is_none_or(|wanted| answers(record, wanted)))
            .collect();
        Ok(page(&request, &params, rows, hook_event_json))
    })
}

/// Whether a delivery had such an answer, by code or by kind.
fn answers(record: &DeliveryRecord, wanted: &str) -> bool {
    let status = record.status.unwrap_or(0);
    match wanted {
        "successful" => (200..300).contains(&status),
        "client_failure" => (400..500).contains(&status),
        "server_failure" => status == 0 || status >= 500,
        code => code == status.to_string(),
    }
}

async fn resend(writer: Writer, path: web::Path<(String, String, u64, u64)>) -> Answer {
    writer.shared.change(|world| {
        let hook = find(world, writer.caller.user, (&path.0, &path.1, path.2))?.id;
        let mut log = world.post.log.iter();
        let record = log.find(|record| record.hook == hook && record.serial == path.3);
        let delivery = record.map(again).ok_or(Refusal::NO_HOOK)?;
        world.post.waiting.push_back(delivery);
        Ok::<_, Refusal>(())
    })?;
    Ok(HttpResponse::Created().json(json!({"message": "201 Created"})))
}

async fn test(writer: Writer, path: web::Path<(String, String, u64, String)>) -> Answer {
    writer.shared.change(|world| {
        let hook = find(world, writer.caller.user, (&path.0, &path.1, path.2))?;
        let (id, place) = (hook.id, hook.place);
        let event = sample(world, &writer.caller, place, &path.3);
        let event = event.ok_or_else(|| Refusal::Invalid("Ensure the project has issues.".into()))?;
        world.enqueue_for(id, &event, true);
        Ok::<_, Refusal>(())
    })?;
    Ok(HttpResponse::Created().json(json!({"message": "201 Created"})))
}

/// A test delivery is made of what there is: the newest issue or note of the place.
fn sample(world: &World, caller: &Caller, place: Place, trigger: &str) -> Option<Event> {
    let inside = |project_id: u64| world.reach(Place::Project(project_id)).contains(&place);
    let mut newest = world.issues.values().rev();
    if trigger.contains("note") {
        let (issue, note) = newest.find_map(|issue| {
            let mut notes = world.notes_of(issue.id).iter().rev();
            let note = notes.find(|note| !note.system)?;
            inside(issue.id.project_id).then_some((issue.id, note.id))
        })?;
        let (family, body) = world.note_body(issue, note, NoteAction::Create)?;
        return Some(Event { issue, family, chain: None, body });
    }
    let issue = newest.find(|issue| inside(issue.id.project_id))?;
    let mut body = world.issue_body(caller, issue.id, Action::Update, Some(issue))?;
    if let Some(attributes) = body["object_attributes"].as_object_mut() {
        attributes.remove("action");
    }
    Some(Event {
        issue: issue.id,
        family: if issue.confidential { Family::ConfidentialIssue } else { Family::Issue },
        chain: None,
        body,
    })
}

fn web_address(url: String) -> Result<String, Refusal> {
    if url.starts_with("http://") || url.starts_with("https://") {
        Ok(url)
    } else {
        Err(Refusal::Invalid("Invalid url given".into()))
    }
}

fn fill(hook: &mut Hook, params: &Params) -> Result<(), Refusal> {
    let flag = |name: &str, old: bool| params.flag(name).unwrap_or(old);
    hook.issues = flag("issues_events", hook.issues);
    hook.confidential_issues = flag("confidential_issues_events", hook.confidential_issues);
    hook.notes = flag("note_events", hook.notes);
    hook.confidential_notes = flag("confidential_note_events", hook.confidential_notes);
    hook.pushes = flag("push_events", hook.pushes);
    hook.ssl_verification = flag("enable_ssl_verification", hook.ssl_verification);
    if let Some(token) = params.text("token") {
        hook.token = Some(token).filter(|token| !token.is_empty());
    }
    if let Some(token) = params.text("signing_token") {
        if !token.is_empty() && !token.starts_with("whsec_") {
            return Err(Refusal::Invalid("Signing token is invalid".into()));
        }
        hook.signing_token = Some(token).filter(|token| !token.is_empty());
    }
    Ok(())
}

/// Maintainers keep the webhooks of projects, Owners those of groups.
fn place(world: &World, user: UserId, scope: &str, owner: &str) -> Result<Place, Refusal> {
    let (place, needed) = if scope == "groups" {
        let group = world.group_for(user, owner)?;
        if !world.options.scoped_labels {
            return Err(Refusal::Forbidden);
        }
        (Place::Group(group.id), access::OWNER)
    } else {
        let project = world.project_for(user, owner)?;
        (Place::Project(project.id), access::MAINTAINER)
    };
    if world.access(user, place) < Some(needed) {
        return Err(Refusal::Forbidden);
    }
    Ok(place)
}

fn find<'a>(
    world: &'a World,
    user: UserId,
    (scope, owner, hook): (&str, &str, u64),
) -> Result<&'a Subscription, Refusal> {
    let place = place(world, user, scope, owner)?;
    let found = world.post.subscriptions.get(&hook);
    found.filter(|hook| hook.place == place).ok_or(Refusal::NO_HOOK)
}
