//! `/metrics`: what was counted, and what is so now, as Prometheus reads it.

use crate::service::fault::Fault;
use crate::service::handing::Handing;
use crate::service::metrics::Now;
use crate::service::state::State;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use std::sync::Arc;

/// What was counted, and what is so now.
#[utoipa::path(get, path = "/metrics", responses((status = 200, description = "OpenMetrics", content_type = "application/openmetrics-text")))]
pub(in crate::service) async fn metrics(
    Shared(state): Shared<Arc<State>>,
) -> Result<Response, Fault> {
    let follower = &state.follower;
    let (waiting, at_work) = state.pool.load();
    let now = Now {
        ready: follower.ready().is_ok(),
        generation: follower.gate().map_or(0, |gate| gate.index().generation()),
        age: follower.age(),
        waiting,
        at_work,
        bodies: state.bodies.taken(),
        uploads: (state.handing.as_ref())
            .map(Handing::standing)
            .unwrap_or_default(),
        log_failed: (state.decided.as_ref()).is_some_and(|decided| decided.has_failed()),
    };
    let text = state.metrics.text(&now).map_err(|_| {
        let detail = "the metrics could not be written: a defect; please report it";
        Fault::new(StatusCode::INTERNAL_SERVER_ERROR, "defect", detail)
    })?;
    let mut response = Response::new(Body::from(text));
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}
