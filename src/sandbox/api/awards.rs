//! Reactions on notes.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::pages::page;
use super::params::Params;
use super::{Answer, Reader, Writer, issue_id};
use crate::sandbox::Refusal;
use crate::sandbox::world::iso;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.service(
        web::resource("/projects/{project}/issues/{iid}/notes/{note}/award_emoji")
            .route(web::get().to(list))
            .route(web::post().to(create)),
    );
}

async fn list(
    reader: Reader,
    request: HttpRequest,
    path: web::Path<(String, u64, u64)>,
    params: Params,
) -> Answer {
    reader.shared.look(|world| {
        let id = issue_id(world, reader.user, &(path.0.clone(), path.1))?;
        world.note_for(reader.user, id, path.2)?;
        let rows = world.awards.iter().filter(|award| award.note_id == path.2).collect();
        Ok(page(&request, &params, rows, |award| world.award_json(award)))
    })
}

/// The same reaction a second time is 404.
async fn create(writer: Writer, path: web::Path<(String, u64, u64)>, params: Params) -> Answer {
    let name = params.required("name")?;
    let award = writer.shared.change(|world| {
        let id = issue_id(world, writer.caller.user, &(path.0.clone(), path.1))?;
        let award = world.award(writer.caller.user, id, path.2, &name)?;
        Ok::<_, Refusal>(world.award_json(&award))
    })?;
    Ok(HttpResponse::Created().json(award))
}

impl crate::sandbox::world::World {
    fn award_json(&self, award: &crate::sandbox::Award) -> serde_json::Value {
        json!({
            "id": award.id,
            "name": award.name,
            "user": self.user_json(award.user),
            "created_at": iso(award.created_at),
            "updated_at": iso(award.created_at),
            "awardable_id": award.note_id,
            "awardable_type": "Note",
            "url": null,
        })
    }
}
