//! The REST API under `/api/v4`: who asks, what they send, and which function answers.

mod awards;
mod boards;
mod hooks;
mod issues;
mod labels;
mod notes;
mod pages;
mod params;
mod projects;
mod users;

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError, dev, web};
use serde_json::json;

use super::act::{Caller, Via};
use super::nouns::{IssueId, UserId};
use super::world::{World, iso};
use super::{Refusal, Shared};
use crate::clock::now;

type Answer = Result<HttpResponse, Refusal>;

/// All endpoints.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    users::routes(config);
    projects::routes(config);
    issues::routes(config);
    notes::routes(config);
    awards::routes(config);
    labels::routes(config);
    boards::routes(config);
    hooks::routes(config);
    config.default_service(web::to(unknown));
}

async fn unknown() -> HttpResponse {
    HttpResponse::NotFound().json(json!({"error": "404 Not Found"}))
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::InsufficientScope | Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let body = match self {
            Self::InsufficientScope => json!({
                "error": "insufficient_scope",
                "error_description": "The request requires higher privileges than provided by the access token.",
                "scope": "api",
            }),
            Self::TooManyRequests => json!({"message": {"error": self.to_string()}}),
            Self::Invalid(reason) => json!({"message": format!("400 Bad request - {reason}")}),
            Self::Unauthorized | Self::NotFound(_) | Self::Forbidden | Self::Conflict(_) => {
                json!({"message": self.to_string()})
            }
        };
        HttpResponse::build(self.status_code()).json(body)
    }
}

/// Someone whose token may read.
struct Reader {
    shared: Arc<Shared>,
    user: UserId,
}

/// Someone whose token may write.
struct Writer {
    shared: Arc<Shared>,
    caller: Caller,
}

impl FromRequest for Reader {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _body: &mut dev::Payload) -> Self::Future {
        ready(signed_in(request).map(|(shared, user, _)| Self { shared, user }))
    }
}

impl FromRequest for Writer {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _body: &mut dev::Payload) -> Self::Future {
        let chain = request.headers().get("X-Gitlab-Event-UUID");
        let chain = chain.and_then(|chain| chain.to_str().ok());
        ready(signed_in(request).and_then(|(shared, user, may_write)| {
            if !may_write {
                return Err(Refusal::InsufficientScope);
            }
            let caller = Caller { user, via: Via::Rest, chain: chain.map(str::to_owned) };
            Ok(Self { shared, caller })
        }))
    }
}

/// The user of the token, and whether it may write.
fn signed_in(request: &HttpRequest) -> Result<(Arc<Shared>, UserId, bool), Refusal> {
    let shared = request.app_data::<web::Data<Shared>>().ok_or(Refusal::Unauthorized)?;
    let text = bearer(request.headers()).ok_or(Refusal::Unauthorized)?;
    let found = shared.look(|world| world.tokens.get(&text).cloned());
    let today = iso(now());
    let token = found.filter(|token| !token.revoked && !token.ended(&today)).ok_or(Refusal::Unauthorized)?;
    if !token.may_read() {
        return Err(Refusal::InsufficientScope);
    }
    let shared = Arc::clone(&shared.clone().into_inner());
    Ok((shared, token.user, token.may_write()))
}

/// The access token of a request, in either of GitLab's two headers.
pub(super) fn bearer(headers: &HeaderMap) -> Option<String> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let token = text("PRIVATE-TOKEN").or_else(|| text("Authorization")?.strip_prefix("Bearer "));
    token.map(str::to_owned)
}

/// The issue that a path names, if the user may see its project.
fn issue_id(world: &World, user: UserId, path: &(String, u64)) -> Result<IssueId, Refusal> {
    let project = world.project_for(user, &path.0)?;
    Ok(IssueId { project_id: project.id, iid: path.1 })
}
