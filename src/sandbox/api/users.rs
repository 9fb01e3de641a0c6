//! Who am I, what may my token do, which GitLab is this.

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::{Answer, Reader, bearer};
use crate::sandbox::Refusal;
use crate::sandbox::json::token_json;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/user", web::get().to(me))
        .route("/users/{user}", web::get().to(user))
        .route("/personal_access_tokens/self", web::get().to(token))
        .route("/metadata", web::get().to(metadata))
        .route("/version", web::get().to(version));
}

async fn me(reader: Reader) -> Answer {
    let user = reader.shared.look(|world| world.whole_user_json(reader.user));
    Ok(HttpResponse::Ok().json(user))
}

async fn user(reader: Reader, path: web::Path<u64>) -> Answer {
    let id = crate::sandbox::UserId(path.into_inner());
    let user = reader.shared.look(|world| world.users.contains_key(&id).then(|| world.whole_user_json(id)));
    let user = user.ok_or(Refusal::NotFound("404 User Not Found"))?;
    Ok(HttpResponse::Ok().json(user))
}

async fn token(reader: Reader, request: actix_web::HttpRequest) -> Answer {
    let text = bearer(request.headers()).unwrap_or_default();
    let token = reader.shared.look(|world| world.tokens.get(&text).map(token_json));
    Ok(HttpResponse::Ok().json(token.ok_or(Refusal::Unauthorized)?))
}

async fn metadata(reader: Reader) -> Answer {
    let (premium, version) =
        reader.shared.look(|world| (world.options.scoped_labels, world.options.version.clone()));
    Ok(HttpResponse::Ok().json(json!({
        "version": version,
        "revision": "5a4d8b1c0de",
        "kas": {"enabled": false, "externalUrl": null, "version": null},
        "enterprise": premium,
    })))
}

async fn version(reader: Reader) -> Answer {
    let version = reader.shared.look(|world| world.options.version.clone());
    let version = json!({"version": version, "revision": "5a4d8b1c0de"});
    Ok(HttpResponse::Ok().json(version))
}
