//! What every REST request passes: trouble on request, rate limits, and the record.

use actix_web::body::{BodyStream, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::{ErrorGatewayTimeout, ErrorInternalServerError};
use actix_web::http::StatusCode;
use actix_web::http::header::{DATE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use actix_web::middleware::Next;
use actix_web::{HttpResponse, HttpResponseBuilder, web};
use futures_util::stream;
use tokio::sync::oneshot;

use super::Shared;
use super::api::bearer;
use super::faults::{Loss, RequestRecord, Trouble};
use super::nouns::UserId;
use super::world::World;
use crate::clock::now;

/// A request before it is answered.
struct Seen {
    user: Option<UserId>,
    record: RequestRecord,
}

type Answer = Result<ServiceResponse, actix_web::Error>;

/// Applies faults and limits to a request and records it.
///
/// On a task of its own: what has arrived is done, whether or not the caller still waits for it, as in GitLab.
pub(super) async fn watch(request: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Answer {
    let Some(shared) = request.app_data::<web::Data<Shared>>().cloned() else {
        return Ok(request.into_response(HttpResponse::InternalServerError()));
    };
    let (caller, answered) = oneshot::channel();
    actix_web::rt::spawn(async move {
        let seen = shared.look(|world| see(world, &request));
        let trouble = shared.quietly(|world| {
            let (method, path) = (&seen.record.method, &seen.record.path);
            world.traffic.trouble(method, path, seen.user)
        });
        shared.quietly(|world| world.traffic.under_way += 1);
        let (trouble, caller) = wait(&shared, &seen, trouble, caller).await;
        let answer = meet(&shared, seen, trouble, request, next).await;
        shared.quietly(|world| world.traffic.under_way -= 1);
        shared.tick();
        // The caller may be gone, or was told something else.
        if let Some(caller) = caller {
            drop(caller.send(answer));
        }
    });
    answered.await.unwrap_or_else(|_| Err(ErrorInternalServerError("the sandbox lost a request")))
}

/// Troubles that only take time. Returns what comes after them, and who is to hear of it.
async fn wait(
    shared: &Shared,
    seen: &Seen,
    mut trouble: Option<Trouble>,
    caller: oneshot::Sender<Answer>,
) -> (Option<Trouble>, Option<oneshot::Sender<Answer>>) {
    let mut caller = Some(caller);
    loop {
        trouble = match trouble {
            Some(Trouble::Later(then)) => {
                if let Some(caller) = caller.take() {
                    drop(caller.send(Err(ErrorGatewayTimeout("504 Gateway Timeout"))));
                }
                Some(*then)
            }
            Some(Trouble::Hold) => {
                let let_go = shared.quietly(|world| world.traffic.hold(&seen.record));
                shared.tick();
                let_go.await.unwrap_or_default()
            }
            Some(Trouble::Delay(time)) => {
                tokio::time::sleep(time).await;
                None
            }
            Some(
                Trouble::Status { .. } | Trouble::Redirect(_) | Trouble::Reset | Trouble::ApplyThenLose(_),
            )
            | None => {
                return (trouble, caller);
            }
        };
    }
}

async fn meet(
    shared: &Shared,
    seen: Seen,
    trouble: Option<Trouble>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Answer {
    let limit = shared.quietly(|world| limit(world, seen.user));
    let answer = match trouble {
        Some(Trouble::Status { code, retry_after, body }) => {
            request.into_response(status(code, retry_after, body))
        }
        Some(Trouble::Redirect(to)) => {
            request.into_response(HttpResponse::Found().insert_header((LOCATION, to)).finish())
        }
        Some(Trouble::Reset) => request.into_response(reset()),
        Some(Trouble::ApplyThenLose(loss)) => {
            let done = next.call(request).await?;
            let lost = match loss {
                Loss::BadGateway => status(502, None, "<html>502 Bad Gateway</html>".into()),
                Loss::Reset | Loss::Silence(_) => reset(),
            };
            let answer = done.into_response(lost);
            note(shared, seen, &answer);
            if let Loss::Silence(time) = loss {
                tokio::time::sleep(time).await;
            }
            return Ok(answer);
        }
        None | Some(Trouble::Delay(_) | Trouble::Later(_) | Trouble::Hold) => match limit {
            Some(limit) if limit.exceeded() => request.into_response(throttled()),
            Some(_) | None => next.call(request).await?.map_into_boxed_body(),
        },
    };
    note(shared, seen, &answer);
    let answer = tell_time(shared.look(|world| world.options.clock_ahead_seconds), answer);
    Ok(match limit {
        Some(limit) => limit.show(answer),
        None => answer,
    })
}

/// A clock that is right is told by the HTTP server itself.
fn tell_time(ahead_seconds: i64, mut answer: ServiceResponse) -> ServiceResponse {
    if ahead_seconds == 0 {
        return answer;
    }
    let time = jiff::Timestamp::from_millisecond(now().0 + ahead_seconds * 1000).unwrap_or_default();
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time);
    if let Some(date) = date.ok().and_then(|date| HeaderValue::try_from(date).ok()) {
        answer.headers_mut().insert(DATE, date);
    }
    answer
}

fn see(world: &World, request: &ServiceRequest) -> Seen {
    let user = bearer(request.headers()).and_then(|token| world.tokens.get(&token)).map(|token| token.user);
    let (project, iid) = named(world, request.path());
    let record = RequestRecord {
        at: now(),
        method: request.method().to_string(),
        path: request.uri().to_string(),
        route: request.match_pattern().unwrap_or_default(),
        user: user.map(|user| world.username(user)),
        status: None,
        project,
        iid,
    };
    Seen { user, record }
}

/// Records a request, before the caller can hear the answer.
fn note(shared: &Shared, seen: Seen, answer: &ServiceResponse) {
    let mut record = seen.record;
    record.at = now();
    let lost = answer.response().extensions().contains::<Lost>();
    record.status = (!lost).then(|| answer.status().as_u16());
    shared.quietly(|world| world.traffic.record(record));
    shared.tick();
}

/// The project and issue that a path names, such as `/api/v4/projects/acme%2Fshop/issues/6/notes`.
fn named(world: &World, path: &str) -> (Option<u64>, Option<u64>) {
    let mut parts = path.split('/').skip(3);
    if parts.next() != Some("projects") {
        return (None, None);
    }
    let project = parts.next().unwrap_or_default();
    let project = project.replace("%2F", "/").replace("%2f", "/");
    let project = world.find_project(&project).map(|project| project.id);
    let iid = match parts.next() {
        Some("issues") => parts.next().and_then(|iid| iid.parse().ok()),
        Some(_) | None => None,
    };
    (project, iid)
}

fn status(code: u16, retry_after: Option<u64>, body: String) -> HttpResponse {
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = HttpResponseBuilder::new(code);
    if let Some(seconds) = retry_after {
        answer.insert_header((RETRY_AFTER, seconds));
    }
    let kind = match body.chars().next() {
        Some('{' | '[') => "application/json",
        Some('<') => "text/html",
        Some(_) | None => "text/plain",
    };
    answer.content_type(kind).body(body)
}

/// Marks an answer that the caller never gets.
struct Lost;

/// An answer whose body fails before its first byte, on which actix closes the connection without sending a head.
fn reset() -> HttpResponse {
    let failing = stream::once(async { Err::<web::Bytes, _>(std::io::Error::other("reset")) });
    let mut answer = HttpResponse::Ok().body(BodyStream::new(failing));
    answer.extensions_mut().insert(Lost);
    answer
}

fn throttled() -> HttpResponse {
    let seconds = 60 - now().0 / 1000 % 60;
    status(429, u64::try_from(seconds).ok(), "Retry later\n".into())
}

/// The state of a user's rate limit.
#[derive(Debug, Clone, Copy)]
struct Limit {
    per_minute: u32,
    observed: u32,
}

fn limit(world: &mut World, user: Option<UserId>) -> Option<Limit> {
    let per_minute = world.options.requests_per_minute?;
    let observed = world.traffic.count_request(user?);
    Some(Limit { per_minute, observed })
}

impl Limit {
    fn exceeded(self) -> bool {
        self.observed > self.per_minute
    }

    fn show(self, mut answer: ServiceResponse) -> ServiceResponse {
        let seconds = now().0 / 1000;
        let reset = seconds - seconds % 60 + 60;
        let remaining = self.per_minute.saturating_sub(self.observed);
        let values = [
            ("ratelimit-limit", i64::from(self.per_minute)),
            ("ratelimit-observed", i64::from(self.observed)),
            ("ratelimit-remaining", i64::from(remaining)),
            ("ratelimit-reset", reset),
        ];
        let headers = answer.headers_mut();
        for (name, value) in values {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        }
        let name = HeaderValue::from_static("throttle_authenticated_api");
        headers.insert(HeaderName::from_static("ratelimit-name"), name);
        answer
    }
}
