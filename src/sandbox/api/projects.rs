//! Projects, groups, and who is a member of them.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};

use super::pages::page;
use super::params::Params;
use super::{Answer, Reader, Writer};
use crate::sandbox::nouns::{Place, Project, UserId};
use crate::sandbox::world::World;
use crate::sandbox::{Refusal, Visibility, access};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/projects").route(web::get().to(list)).route(web::post().to(create)))
        .route("/projects/{project}", web::get().to(show))
        .route("/groups/{group}", web::get().to(show_group))
        .route("/groups/{group}/projects", web::get().to(list_of_group))
        .route("/projects/{project}/members/all", web::get().to(members))
        .route("/projects/{project}/members/all/{user}", web::get().to(member))
        .route("/groups/{group}/members/all", web::get().to(group_members))
        .route("/groups/{group}/members/all/{user}", web::get().to(group_member));
}

async fn list(reader: Reader, request: HttpRequest, params: Params) -> Answer {
    let membership = params.flag("membership").unwrap_or(false);
    let search = params.text("search").unwrap_or_default();
    Ok(reader.shared.look(|world| {
        let projects = world.projects.values().filter(|project| {
            let member = world.access(reader.user, Place::Project(project.id)).is_some();
            world.can_see_project(reader.user, project)
                && (member || !membership)
                && project.full_path.contains(&search)
                && matches_archived(project, &params)
        });
        page(&request, &params, projects.collect(), |project| world.project_json(project))
    }))
}

fn matches_archived(project: &Project, params: &Params) -> bool {
    params.flag("archived").is_none_or(|archived| project.archived == archived)
}

async fn create(writer: Writer, params: Params) -> Answer {
    let user = writer.caller.user;
    let name = params.text("path").or_else(|| params.text("name"));
    let name = name.ok_or_else(|| Refusal::Invalid("name is missing".into()))?;
    let namespace = params.text("namespace_id");
    let private = params.text("visibility").as_deref() != Some("public");
    let created = writer.shared.change(|world| {
        let group = match namespace {
            Some(id) => world.group_for(user, &id)?.clone(),
            None => {
                let own = world.username(user);
                let id = world.group_at(&own);
                world.groups.get(&id).cloned().ok_or(Refusal::NO_GROUP)?
            }
        };
        let own = group.full_path == world.username(user);
        if !own && world.access(user, Place::Group(group.id)) < Some(access::DEVELOPER) {
            return Err(Refusal::Forbidden);
        }
        let path = format!("{}/{name}", group.full_path);
        if world.find_project(&path).is_some() {
            return Err(Refusal::Invalid("Path has already been taken".into()));
        }
        let id = world.project_at(&path, None);
        world.members.insert((user, Place::Project(id)), access::OWNER);
        let project = world.projects.get_mut(&id).ok_or(Refusal::NO_PROJECT)?;
        if !private {
            project.visibility = Visibility::Public;
        }
        let project = project.clone();
        Ok(world.project_json(&project))
    })?;
    Ok(HttpResponse::Created().json(created))
}

async fn show(reader: Reader, path: web::Path<String>) -> Answer {
    let project = reader.shared.look(|world| {
        let project = world.project_for(reader.user, &path)?;
        Ok::<_, Refusal>(world.project_json(project))
    })?;
    Ok(HttpResponse::Ok().json(project))
}

async fn show_group(reader: Reader, path: web::Path<String>) -> Answer {
    let group = reader.shared.look(|world| {
        let group = world.group_for(reader.user, &path)?;
        Ok::<_, Refusal>(world.group_json(group))
    })?;
    Ok(HttpResponse::Ok().json(group))
}

async fn list_of_group(
    reader: Reader,
    request: HttpRequest,
    path: web::Path<String>,
    params: Params,
) -> Answer {
    let deep = params.flag("include_subgroups").unwrap_or(false);
    let role = params.number("min_access_level").and_then(|role| u8::try_from(role).ok());
    reader.shared.look(|world| {
        let group = world.group_for(reader.user, &path)?.id;
        let projects = world.projects.values().filter(|project| {
            let inside = project.group == group;
            let below = deep && world.lineage(project.group).contains(&group);
            (inside || below)
                && role.is_none_or(|role| world.access(reader.user, Place::Project(project.id)) >= Some(role))
                && world.can_see_project(reader.user, project)
                && matches_archived(project, &params)
        });
        Ok(page(&request, &params, projects.collect(), |project| world.project_json(project)))
    })
}

async fn members(reader: Reader, request: HttpRequest, path: web::Path<String>, params: Params) -> Answer {
    reader.shared.look(|world| {
        let place = Place::Project(world.project_for(reader.user, &path)?.id);
        Ok(list_members(world, place, &request, &params))
    })
}

async fn group_members(
    reader: Reader,
    request: HttpRequest,
    path: web::Path<String>,
    params: Params,
) -> Answer {
    reader.shared.look(|world| {
        let place = Place::Group(world.group_for(reader.user, &path)?.id);
        Ok(list_members(world, place, &request, &params))
    })
}

async fn member(reader: Reader, path: web::Path<(String, u64)>) -> Answer {
    reader.shared.look(|world| {
        let place = Place::Project(world.project_for(reader.user, &path.0)?.id);
        show_member(world, place, UserId(path.1))
    })
}

async fn group_member(reader: Reader, path: web::Path<(String, u64)>) -> Answer {
    reader.shared.look(|world| {
        let place = Place::Group(world.group_for(reader.user, &path.0)?.id);
        show_member(world, place, UserId(path.1))
    })
}

fn list_members(world: &World, place: Place, request: &HttpRequest, params: &Params) -> HttpResponse {
    let rows = everybody(world, place).into_iter().collect();
    page(request, params, rows, |(user, level)| world.member_json(user, level))
}

fn show_member(world: &World, place: Place, user: UserId) -> Answer {
    let level = everybody(world, place).get(&user).copied().ok_or(Refusal::NotFound("404 Not found"))?;
    Ok(HttpResponse::Ok().json(world.member_json(user, level)))
}

/// Direct and inherited members, each with the highest role.
fn everybody(world: &World, place: Place) -> BTreeMap<UserId, u8> {
    let reach = world.reach(place);
    let mut levels = BTreeMap::new();
    for ((user, at), level) in &world.members {
        if reach.contains(at) {
            let highest = levels.entry(*user).or_insert(*level);
            *highest = (*highest).max(*level);
        }
    }
    levels
}
