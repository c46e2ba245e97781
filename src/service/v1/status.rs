//! How this node is: alive, ready, and what it serves by.

use crate::rules::Rules;
use crate::service::fault::{Fault, Problem};
use crate::service::follow;
use crate::service::state::State;
use crate::service::v1::json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// What `/v1/status` tells.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::service) struct Status {
    /// The version of this program.
    version: &'static str,
    /// Whether uploads can be judged.
    ready: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// The generation of the index in force; null where there is none.
    generation: Option<u64>,
    /// Seconds since it was published; null where that is not known.
    index_age: Option<u64>,
    /// Hashes in it, of all types.
    hashes: Option<u64>,
    /// Banks in it.
    banks: Option<usize>,
    /// The rules of evidence, as verdicts name them.
    #[schema(value_type = String)]
    evidence_rules: Rules,
    /// Uploads and hashes that wait for a thread.
    waiting: usize,
    /// Threads at work.
    at_work: usize,
    /// Threads in all.
    workers: usize,
}

/// 200 as long as this process answers.
#[utoipa::path(get, path = "/v1/live", responses((status = 200, description = "it answers")))]
pub(in crate::service) async fn live() -> Result<Response, Fault> {
    json(StatusCode::OK, &serde_json::json!({ "live": true }))
}

/// 200 where uploads can be judged, 503 and the reason where not.
#[utoipa::path(
    get,
    path = "/v1/ready",
    responses(
        (status = 200, description = "uploads can be judged"),
        (status = 503, description = "they cannot, and why", body = Problem)
    )
)]
pub(in crate::service) async fn ready(
    Shared(state): Shared<Arc<State>>,
) -> Result<Response, Fault> {
    let gate = state.gate()?;
    let index = gate.index();
    let mut body = serde_json::json!({ "ready": true, "generation": index.generation() });
    if let Some(warning) = follow::warning(&index) {
        body["warning"] = warning.into();
    }
    json(StatusCode::OK, &body)
}

/// Always 200: what is known of this node.
#[utoipa::path(
    get,
    path = "/v1/status",
    responses((status = 200, description = "what is known of this node", body = Status))
)]
pub(in crate::service) async fn status(
    Shared(state): Shared<Arc<State>>,
) -> Result<Response, Fault> {
    let index = state.follower.gate().map(|gate| gate.index());
    let reason = state.follower.ready().err().map(|why| why.reason());
    let (waiting, at_work) = state.pool.load();
    let hashes = |index: &crate::index::Index| {
        let types = index.signal_types().into_iter();
        types.map(|held| held.hashes).fold(0, u64::saturating_add)
    };
    let status = Status {
        version: env!("CARGO_PKG_VERSION"),
        ready: reason.is_none(),
        reason,
        generation: index.as_ref().map(|index| index.generation()),
        index_age: state.follower.age().map(|age| age.as_secs()),
        hashes: index.as_deref().map(hashes),
        banks: index.as_ref().map(|index| index.banks().len()),
        evidence_rules: Rules::IN_FORCE,
        waiting,
        at_work,
        workers: state.settings.workers,
    };
    json(StatusCode::OK, &status)
}
