//! Pagination: `page` and `per_page`, the `Link` header, and the `X-` headers that older clients read.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::Value;

use super::params::Params;
use crate::sandbox::Shared;

const MOST_PER_PAGE: usize = 100;
const USUAL_PER_PAGE: usize = 20;
/// GitLab does not count beyond this.
const MOST_COUNTED: usize = 10_000;

/// One page of the rows, as JSON.
pub(super) fn page<T>(
    request: &HttpRequest,
    params: &Params,
    rows: Vec<T>,
    render: impl Fn(T) -> Value,
) -> HttpResponse {
    let number = |name: &str| params.number(name).and_then(|n| usize::try_from(n).ok());
    let per_page = number("per_page").unwrap_or(USUAL_PER_PAGE);
    let per_page = per_page.clamp(1, MOST_PER_PAGE);
    let page = number("page").unwrap_or(1).max(1);
    let total = rows.len();
    let pages = total.div_ceil(per_page).max(1);
    let next = (page < pages).then(|| page + 1);
    let previous = (page > 1).then(|| page - 1);
    let keyset = params.text("pagination").as_deref() == Some("keyset");
    let counted = total <= MOST_COUNTED && !keyset;

    let mut links = Vec::new();
    let mut link = |page: Option<usize>, rel: &str| {
        if let Some(page) = page {
            let url = page_url(request, page, per_page);
            links.push(format!("<{url}>; rel=\"{rel}\""));
        }
    };
    if !keyset {
        link(previous, "prev");
    }
    link(next, "next");
    if !keyset {
        link(Some(1), "first");
    }
    if counted {
        link(Some(pages), "last");
    }
    let shown = |page: Option<usize>| page.map(|page| page.to_string()).unwrap_or_default();
    let mut answer = HttpResponse::Ok();
    if !links.is_empty() {
        answer.insert_header(("Link", links.join(", ")));
    }
    if !keyset {
        answer
            .insert_header(("X-Page", page.to_string()))
            .insert_header(("X-Per-Page", per_page.to_string()))
            .insert_header(("X-Next-Page", shown(next)))
            .insert_header(("X-Prev-Page", shown(previous)));
    }
    if counted {
        answer
            .insert_header(("X-Total", total.to_string()))
            .insert_header(("X-Total-Pages", pages.to_string()));
    }
    let offset = (page - 1).saturating_mul(per_page);
    let rows = rows.into_iter().skip(offset).take(per_page);
    answer.json(rows.map(render).collect::<Vec<Value>>())
}

/// The same request for another page, at GitLab's external URL: whoever asks by another address gets that one too.
fn page_url(request: &HttpRequest, page: usize, per_page: usize) -> String {
    let kept = request.query_string().split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !matches!(name, "" | "page" | "per_page")
    });
    let own = [format!("page={page}"), format!("per_page={per_page}")];
    let query: Vec<&str> = kept.chain(own.iter().map(String::as_str)).collect();
    let base = request.app_data::<web::Data<Shared>>().map(|shared| shared.external_url.as_str());
    format!("{}{}?{}", base.unwrap_or_default(), request.uri().path(), query.join("&"))
}
