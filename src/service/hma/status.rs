//! `/status`, `/status/live`, `/site-map` and `/openapi/openapi.json`.

use crate::service::follow::NotReady;
use crate::service::hma::answer;
use crate::service::settings::Role;
use crate::service::state::{Roles, State};
use axum::Extension;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::Value;
use std::sync::Arc;

fn text(status: StatusCode, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

const ALIVE: &str = "I-AM-ALIVE";

/// Whether it is alive, and its index to be relied on, where it answers by one.
pub(super) async fn status(
    Shared(state): Shared<Arc<State>>,
    Extension(roles): Extension<Roles>,
) -> Response {
    let asks_index = roles.0.contains(&Role::Match) || roles.0.contains(&Role::Gate);
    match state.follower.ready() {
        Err(NotReady::Missing) if asks_index => {
            text(StatusCode::SERVICE_UNAVAILABLE, "INDEX-NOT-LOADED")
        }
        Err(NotReady::Stale | NotReady::Old) if asks_index => {
            text(StatusCode::SERVICE_UNAVAILABLE, "INDEX-STALE")
        }
        _ => text(StatusCode::OK, ALIVE),
    }
}

/// Whether it is alive.
pub(super) async fn live() -> Response {
    text(StatusCode::OK, ALIVE)
}

/// To the status: there are no pages here.
pub(super) async fn root() -> Response {
    let mut response = text(StatusCode::FOUND, "");
    let to = HeaderValue::from_static("/status");
    response.headers_mut().insert(LOCATION, to);
    response
}

/// What is told of the paths that a listener serves: made once, from the list that they are served by.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) patterns: Value,
    pub(super) openapi: Value,
}

/// The patterns of all paths, in order.
pub(super) async fn site_map(Extension(site): Extension<Arc<Site>>) -> Response {
    answer(&site.patterns)
}

/// The paths as an OpenAPI document.
pub(super) async fn openapi(Extension(site): Extension<Arc<Site>>) -> Response {
    answer(&site.openapi)
}
