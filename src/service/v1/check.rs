//! `POST /v1/check`: an upload in, its verdict out.
//!
//! The body is the upload's bytes, or a form with one file. The answer is a [`Verdict`] as JSON, as it is everywhere. The
//! header `Hashgate-Action` says it in a word, for proxies: `block`, `review`, `report`, `allow`, `none`, or `unjudged`.
//! Only 200 with `none`, `report` or `allow` lets an upload pass. What could not be judged is 422, with the verdict as
//! its body; whatever else went wrong is another error, and says `unjudged` too.

use crate::bank::Action;
use crate::gate::Verdict;
use crate::service::body;
use crate::service::door::{ACTION, UNJUDGED};
use crate::service::fault::{Fault, Problem};
use crate::service::metrics::Parts;
use crate::service::state::State;
use crate::service::v1::{json, query};
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Instant;
use utoipa::IntoParams;

/// What stands behind the `?`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::service) struct CheckQuery {
    /// Milliseconds that the caller waits at most; never more than the setting `wait`.
    wait: Option<u64>,
    /// Whether the status says what to do: 403 where the upload must not pass.
    #[serde(default)]
    enforce: bool,
    /// Whether the verdict has all queries. Without it, it has those that met an entry: the others are some two hundred
    /// guesses, and most of the answer.
    #[serde(default)]
    all_queries: bool,
}

/// The action in a word: what a proxy decides by.
pub(super) fn action_of(verdict: &Verdict) -> &'static str {
    match verdict.action {
        _ if verdict.passes() => verdict.action_name(),
        Some(action @ (Action::Block | Action::Review)) => action.name(),
        _ => UNJUDGED,
    }
}

/// 200 where there is a judgement, 422 where there is none; 403 where the caller wants the status to say what to do.
fn status_of(verdict: &Verdict, enforce: bool) -> StatusCode {
    match action_of(verdict) {
        UNJUDGED => StatusCode::UNPROCESSABLE_ENTITY,
        _ if enforce && !verdict.passes() => StatusCode::FORBIDDEN,
        _ => StatusCode::OK,
    }
}

/// Judges an upload: the bytes themselves, or a form with one file.
#[utoipa::path(
    post,
    path = "/v1/check",
    params(CheckQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "the verdict; Hashgate-Action says block, review, report, allow or none", content_type = "application/json"),
        (status = 403, description = "enforce=true, and it must not pass: the verdict"),
        (status = 413, description = "the body is too large", body = Problem),
        (status = 422, description = "it could not be judged: the verdict, whose outcome says why"),
        (status = 503, description = "no index, no room or no answer in time", body = Problem)
    )
)]
pub(in crate::service) async fn check(
    Shared(state): Shared<Arc<State>>,
    request: Request,
) -> Result<Response, Fault> {
    let asked: CheckQuery = query(request.uri())?;
    // Before the body is read: who cannot be answered need not send it.
    state.gate()?;
    let begun = Instant::now();
    let upload = body::upload(&state.bodies, request).await?;
    let gate = state.gate()?;
    let wait = state.wait(asked.wait);
    let arrived = Instant::now();
    let (mut verdict, queue, work) = state
        .work(wait, move |worker| {
            let begun = Instant::now();
            let verdict = gate.check_with(worker, &upload.bytes);
            let queue = begun.saturating_duration_since(arrived);
            (verdict, queue, begun.elapsed())
        })
        .await?;
    let parts = Parts {
        body: arrived.saturating_duration_since(begun),
        queue,
        work,
    };
    state.metrics.judged(&verdict, action_of(&verdict), parts);
    if !asked.all_queries {
        // Those that met an entry come first.
        verdict.queries.truncate(verdict.queries_met);
    }
    let mut response = json(status_of(&verdict, asked.enforce), &verdict)?;
    let action = HeaderValue::from_static(action_of(&verdict));
    response.headers_mut().insert(ACTION, action);
    Ok(response)
}
