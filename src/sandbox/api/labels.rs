//! Labels of projects and groups. Changing them tells no webhook.

use actix_web::{HttpRequest, HttpResponse, web};

use super::pages::page;
use super::params::Params;
use super::{Answer, Reader, Writer};
use crate::clock::now;
use crate::sandbox::nouns::{GroupId, Label, Place, UserId};
use crate::sandbox::world::World;
use crate::sandbox::{Refusal, access};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    for (collection, member) in [
        ("/{scope:projects}/{owner}/labels", "/{scope:projects}/{owner}/labels/{label}"),
        ("/{scope:groups}/{owner}/labels", "/{scope:groups}/{owner}/labels/{label}"),
    ] {
        config
            .service(
                web::resource(collection)
                    .route(web::get().to(list))
                    .route(web::post().to(create))
                    .route(web::put().to(update_named))
                    .route(web::delete().to(delete_named)),
            )
            .service(
                web::resource(member)
                    .route(web::get().to(show))
                    .route(web::put().to(update))
                    .route(web::delete().to(delete)),
            );
    }
}

type Collection = web::Path<(String, String)>;
type Member = web::Path<(String, String, String)>;

async fn list(reader: Reader, request: HttpRequest, path: Collection, params: Params) -> Answer {
    let ancestors = params.flag("include_ancestor_groups").unwrap_or(true);
    let descendants = params.flag("include_descendant_groups").unwrap_or(false);
    let of_projects = !params.flag("only_group_labels").unwrap_or(true);
    let search = params.text("search").unwrap_or_default().to_lowercase();
    let archived = params.flag("archived");
    reader.shared.look(|world| {
        let place = place(world, reader.user, &path.0, &path.1)?;
        let mut reach = if ancestors { world.reach(place) } else { vec![place] };
        if let Place::Group(group) = place {
            reach.extend(below(world, group, descendants, of_projects));
        }
        let mut rows: Vec<&Label> = world
            .labels
            .values()
            .filter(|label| reach.contains(&label.place))
            .filter(|label| label.title.to_lowercase().contains(&search))
            .filter(|label| archived.is_none_or(|archived| label.archived == archived))
            .collect();
        rows.sort_by(|a, b| a.title.cmp(&b.title));
        Ok(page(&request, &params, rows, |label| world.label_json(label)))
    })
}

async fn show(reader: Reader, path: Member) -> Answer {
    let label = reader.shared.look(|world| {
        let place = place(world, reader.user, &path.0, &path.1)?;
        let label = find(world, place, &path.2)?;
        Ok::<_, Refusal>(world.label_json(label))
    })?;
    Ok(HttpResponse::Ok().json(label))
}

async fn create(writer: Writer, path: Collection, params: Params) -> Answer {
    let (name, color) = (params.required("name")?, params.required("color")?);
    let description = params.text("description");
    let created = writer.shared.change(|world| {
        let place = place_to_change(world, writer.caller.user, &path.0, &path.1)?;
        let id = world.make_label(place, &name, &color, description)?;
        let label = world.labels.get(&id).ok_or(Refusal::NO_LABEL)?;
        Ok::<_, Refusal>(world.label_json(label))
    })?;
    Ok(HttpResponse::Created().json(created))
}

async fn update(writer: Writer, path: Member, params: Params) -> Answer {
    let title = params.text("new_name").or_else(|| params.text("name"));
    change(&writer, (&path.0, &path.1, &path.2), title, &params)
}

/// The older form, which names the label in the body.
async fn update_named(writer: Writer, path: Collection, params: Params) -> Answer {
    let label = named(&params)?;
    change(&writer, (&path.0, &path.1, &label), params.text("new_name"), &params)
}

async fn delete(writer: Writer, path: Member) -> Answer {
    remove(&writer, (&path.0, &path.1, &path.2))
}

async fn delete_named(writer: Writer, path: Collection, params: Params) -> Answer {
    let label = named(&params)?;
    remove(&writer, (&path.0, &path.1, &label))
}

fn named(params: &Params) -> Result<String, Refusal> {
    let label = params.text("label_id").or_else(|| params.text("name"));
    label.ok_or_else(|| Refusal::Invalid("label_id, name are missing".into()))
}

fn change(
    writer: &Writer,
    (scope, owner, label): (&str, &str, &str),
    title: Option<String>,
    params: &Params,
) -> Answer {
    let changed = writer.shared.change(|world| {
        let place = place_to_change(world, writer.caller.user, scope, owner)?;
        let id = find(world, place, label)?.id;
        let taken = |title: &String| world.label_at(place, title).is_some_and(|label| label.id != id);
        if title.as_ref().is_some_and(taken) {
            return Err(Refusal::Conflict("Label already exists"));
        }
        let label = world.labels.get_mut(&id).ok_or(Refusal::NO_LABEL)?;
        label.title = title.unwrap_or_else(|| label.title.clone());
        label.color = params.text("color").unwrap_or_else(|| label.color.clone());
        label.description = params.text("description").or(label.description.take());
        label.archived = params.flag("archived").unwrap_or(label.archived);
        label.updated_at = now();
        let label = label.clone();
        Ok(world.label_json(&label))
    })?;
    Ok(HttpResponse::Ok().json(changed))
}

/// The label disappears from its issues without a trace: no event, and `updated_at` stays.
fn remove(writer: &Writer, (scope, owner, label): (&str, &str, &str)) -> Answer {
    writer.shared.change(|world| {
        let place = place_to_change(world, writer.caller.user, scope, owner)?;
        let id = find(world, place, label)?.id;
        world.labels.remove(&id);
        for issue in world.issues.values_mut() {
            issue.labels.remove(&id);
        }
        Ok::<_, Refusal>(())
    })?;
    Ok(HttpResponse::NoContent().finish())
}

fn place(world: &World, user: UserId, scope: &str, owner: &str) -> Result<Place, Refusal> {
    if scope == "groups" {
        let group = world.group_for(user, owner)?;
        return Ok(Place::Group(group.id));
    }
    let project = world.project_for(user, owner)?;
    Ok(Place::Project(project.id))
}

fn place_to_change(world: &World, user: UserId, scope: &str, owner: &str) -> Result<Place, Refusal> {
    let place = place(world, user, scope, owner)?;
    if let Place::Project(id) = place {
        world.writable(id)?;
    }
    if world.access(user, place) < Some(access::PLANNER) {
        return Err(Refusal::Forbidden);
    }
    Ok(place)
}

/// The subgroups and projects whose labels a group's list shows on request.
fn below(world: &World, group: GroupId, descendants: bool, of_projects: bool) -> Vec<Place> {
    let inside = |other: GroupId| other == group || (descendants && world.lineage(other).contains(&group));
    let groups = world.groups.keys().filter(|other| **other != group && inside(**other));
    let projects = world.projects.values().filter(|project| of_projects && inside(project.group));
    groups
        .map(|group| Place::Group(*group))
        .chain(projects.map(|project| Place::Project(project.id)))
        .collect()
}

/// A label by id or title, in the place or above it.
fn find<'a>(world: &'a World, place: Place, id_or_title: &str) -> Result<&'a Label, Refusal> {
    let reach = world.reach(place);
    let by_id = id_or_title
        .parse::<u64>()
        .ok()
        .and_then(|id| world.labels.get(&id))
        .filter(|label| reach.contains(&label.place));
    let by_title = || {
        let places = reach.iter();
        places.filter_map(|place| world.label_at(*place, id_or_title)).next()
    };
    by_id.or_else(by_title).ok_or(Refusal::NO_LABEL)
}
