//! Issue boards of projects and groups, with their label lists.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::pages::page;
use super::params::Params;
use super::{Answer, Reader, Writer};
use crate::sandbox::nouns::{Board, Place, UserId};
use crate::sandbox::world::{World, take};
use crate::sandbox::{Refusal, access};

pub(super) fn routes(config: &mut web::ServiceConfig) {
    for owner in ["/{scope:projects}/{owner}/boards", "/{scope:groups}/{owner}/boards"] {
        config
            .service(web::resource(owner).route(web::get().to(list)).route(web::post().to(create)))
            .service(web::resource(format!("{owner}/{{board}}")).route(web::delete().to(delete)))
            .service(
                web::resource(format!("{owner}/{{board}}/lists"))
                    .route(web::get().to(lists))
                    .route(web::post().to(create_list)),
            );
    }
}

type Collection = web::Path<(String, String)>;
type Member = web::Path<(String, String, u64)>;

async fn list(reader: Reader, request: HttpRequest, path: Collection, params: Params) -> Answer {
    reader.shared.look(|world| {
        let place = place(world, reader.user, &path.0, &path.1)?;
        let rows = world.boards.values().filter(|board| board.place == place).collect();
        Ok(page(&request, &params, rows, |board| board_json(world, board)))
    })
}

async fn create(writer: Writer, path: Collection, params: Params) -> Answer {
    let name = params.required("name")?;
    let created = writer.shared.change(|world| {
        let place = place_to_change(world, writer.caller.user, &path.0, &path.1)?;
        let has_one = world.boards.values().any(|board| board.place == place);
        // Without a licence a group has a single board.
        if matches!(place, Place::Group(_)) && has_one && !world.options.scoped_labels {
            return Err(Refusal::Forbidden);
        }
        let id = take(&mut world.ids.board);
        let board = Board { id, place, name, lists: Vec::new() };
        let json = board_json(world, &board);
        world.boards.insert(id, board);
        Ok(json)
    })?;
    Ok(HttpResponse::Created().json(created))
}

async fn delete(writer: Writer, path: Member) -> Answer {
    writer.shared.change(|world| {
        let place = place_to_change(world, writer.caller.user, &path.0, &path.1)?;
        let id = find(world, place, path.2)?.id;
        world.boards.remove(&id);
        Ok::<_, Refusal>(())
    })?;
    Ok(HttpResponse::NoContent().finish())
}

async fn lists(reader: Reader, request: HttpRequest, path: Member, params: Params) -> Answer {
    reader.shared.look(|world| {
        let place = place(world, reader.user, &path.0, &path.1)?;
        let rows = lists_json(world, find(world, place, path.2)?);
        Ok(page(&request, &params, rows, |list| list))
    })
}

async fn create_list(writer: Writer, path: Member, params: Params) -> Answer {
    let label = params.number("label_id").ok_or_else(|| Refusal::Invalid("label_id is missing".into()))?;
    let created = writer.shared.change(|world| {
        let place = place_to_change(world, writer.caller.user, &path.0, &path.1)?;
        let id = find(world, place, path.2)?.id;
        let reach = world.reach(place);
        if !world.labels.get(&label).is_some_and(|label| reach.contains(&label.place)) {
            return Err(Refusal::Invalid("Label not found!".into()));
        }
        let list = take(&mut world.ids.board);
        let board = world.boards.get_mut(&id).ok_or(Refusal::NO_BOARD)?;
        if board.lists.iter().any(|(_, there)| *there == label) {
            return Err(Refusal::Invalid("Label has already been taken".into()));
        }
        board.lists.push((list, label));
        Ok(list_json(world, list, label, 0))
    })?;
    Ok(HttpResponse::Created().json(created))
}

fn board_json(world: &World, board: &Board) -> Value {
    json!({
        "id": board.id,
        "name": board.name,
        "hide_backlog_list": false,
        "hide_closed_list": false,
        "lists": lists_json(world, board),
    })
}

/// A list goes with its label.
fn lists_json(world: &World, board: &Board) -> Vec<Value> {
    let lists = board.lists.iter().enumerate();
    lists
        .filter(|(_, (_, label))| world.labels.contains_key(label))
        .map(|(position, (list, label))| list_json(world, *list, *label, position))
        .collect()
}

fn list_json(world: &World, list: u64, label: u64, position: usize) -> Value {
    let label = world.labels.get(&label).map(|label| world.label_json(label));
    json!({"id": list, "list_type": "label", "label": label, "position": position})
}

fn find(world: &World, place: Place, id: u64) -> Result<&Board, Refusal> {
    world.boards.get(&id).filter(|board| board.place == place).ok_or(Refusal::NO_BOARD)
}

fn place(world: &World, user: UserId, scope: &str, owner: &str) -> Result<Place, Refusal> {
    if scope == "groups" {
        return world.group_for(user, owner).map(|group| Place::Group(group.id));
    }
    world.project_for(user, owner).map(|project| Place::Project(project.id))
}

fn place_to_change(world: &World, user: UserId, scope: &str, owner: &str) -> Result<Place, Refusal> {
    let place = place(world, user, scope, owner)?;
    if world.access(user, place) < Some(access::PLANNER) {
        return Err(Refusal::Forbidden);
    }
    Ok(place)
}
