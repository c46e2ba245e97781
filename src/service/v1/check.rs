//! `POST /v1/check`: an upload in, its verdict out.
//!
//! The body is the upload's bytes, or a form with one file. The answer is a [`Verdict`] as JSON, as it is everywhere. The
//! header `Hashgate-Action` says it in a word, for proxies: `block`, `review`, `report`, `allow`, `none`, or `unjudged`.
//! Only 200 with `none`, `report` or `allow` lets an upload pass. With `?batch=true` a form may have several files: the
//! answer is an array of verdicts in their order, and the header says the strictest. What could not be judged is 422, with the verdict as
//! its body; whatever else went wrong is another error, and says `unjudged` too.

use crate::bank::Action;
use crate::clock;
use crate::decisions::{Decision, Input};
use crate::gate::Verdict;
use crate::service::body;
use crate::service::door::{ACCEL, ACTION, ACTIONS, UNJUDGED};
use crate::service::fault::{Fault, Problem};
use crate::service::ids::RequestId;
use crate::service::metrics::Parts;
use crate::service::state::State;
use crate::service::uploads::HandedUpload;
use crate::service::v1::{json, query};
use axum::Extension;
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Instant;
use utoipa::IntoParams;

/// What stands behind the `?`.
#[derive(Debug, Default, Deserialize, IntoParams)]
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
    /// Whether the form may have several files, 1 to 16: the answer is an array then, whatever their number. They are
    /// judged one after the other, each within `wait`.
    #[serde(default)]
    batch: bool,
    /// For nginx: the named location that it goes on to where the upload may pass, 1 to 64 of `A-Z a-z 0-9 _ -`. The
    /// answer has `X-Accel-Redirect: @NAME` then.
    accel: Option<String>,
}

/// The action in a word: what a proxy decides by.
pub(super) fn action_of(verdict: &Verdict) -> &'static str {
    match verdict.action {
        _ if verdict.passes() => verdict.action_name(),
        Some(action @ (Action::Block | Action::Review)) => action.name(),
        _ => UNJUDGED,
    }
}

/// How much an action in a word weighs: of several the greatest counts.
pub(super) fn weight(action: &str) -> u8 {
    match action {
        "block" => 5,
        "review" => 4,
        UNJUDGED => 3,
        "report" => 2,
        "allow" => 1,
        _ => 0,
    }
}

/// 200 where there is a judgement, 422 where there is none; 403 where the caller wants the status to say what to do.
fn status_of(action: &str, enforce: bool) -> StatusCode {
    match action {
        UNJUDGED => StatusCode::UNPROCESSABLE_ENTITY,
        "block" | "review" if enforce => StatusCode::FORBIDDEN,
        _ => StatusCode::OK,
    }
}

/// Judges an upload: the bytes themselves, or a form with one file; with `batch`, a form with several.
#[utoipa::path(
    post,
    path = "/v1/check",
    params(CheckQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "the verdict, or with batch an array of them; Hashgate-Action says block, review, report, allow or none", content_type = "application/json"),
        (status = 403, description = "enforce=true, and it must not pass: the verdict"),
        (status = 413, description = "the body is too large", body = Problem),
        (status = 422, description = "it could not be judged: the verdict, whose outcome says why"),
        (status = 503, description = "no index, no room or no answer in time", body = Problem)
    )
)]
pub(in crate::service) async fn check(
    Shared(state): Shared<Arc<State>>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Result<Response, Fault> {
    let asked: CheckQuery = query(request.uri())?;
    let accel = asked.accel.as_deref().map(named_location).transpose()?;
    let mut verdicts = judge(&state, &id, &asked, request).await?;
    if !asked.all_queries {
        for verdict in &mut verdicts {
            // Those that met an entry come first.
            verdict.queries.truncate(verdict.queries_met);
        }
    }
    let action = strictest(&verdicts);
    let status = status_of(action, asked.enforce);
    let mut response = match (asked.batch, verdicts.first()) {
        (false, Some(verdict)) => json(status, verdict)?,
        _ => json(status, &verdicts)?,
    };
    let headers = response.headers_mut();
    headers.insert(ACTION, HeaderValue::from_static(action));
    let actions: Vec<&str> = verdicts.iter().map(action_of).collect();
    if asked.batch
        && let Ok(all) = HeaderValue::from_str(&actions.join(", "))
    {
        headers.insert(ACTIONS, all);
    }
    if let Some(accel) = accel
        && verdicts.iter().all(Verdict::passes)
    {
        headers.insert(ACCEL, accel);
    }
    Ok(response)
}

/// What nginx calls a location that only it can go to.
fn named_location(name: &str) -> Result<HeaderValue, Fault> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let fits = (1..=64).contains(&name.len()) && name.chars().all(is_plain);
    let value = fits.then(|| HeaderValue::from_str(&format!("@{name}")).ok());
    let bad = || Fault::bad("`accel` is 1 to 64 of the characters A-Z a-z 0-9 _ -");
    value.flatten().ok_or_else(bad)
}

/// Judges an upload for a proxy that hands on each request as it is, and lets it pass on 200 alone (Envoy's `ext_authz`).
/// What stands behind `/v1/authz/` and behind the `?` is the proxy's, and is passed over. The body of the answer is the
/// action alone: proxies hand it on to whoever uploads.
#[utoipa::path(
    post,
    path = "/v1/authz/{rest}",
    params(("rest" = String, Path, description = "whatever the proxy was asked for")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "it may pass: the action"),
        (status = 403, description = "it must not pass: the action"),
        (status = 413, description = "the body is too large", body = Problem),
        (status = 422, description = "it could not be judged: the action"),
        (status = 503, description = "no index, no room or no answer in time", body = Problem)
    )
)]
pub(in crate::service) async fn authz(
    Shared(state): Shared<Arc<State>>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Result<Response, Fault> {
    let asked = CheckQuery {
        batch: body::is_form(request.headers()),
        ..CheckQuery::default()
    };
    let verdicts = judge(&state, &id, &asked, request).await?;
    let action = strictest(&verdicts);
    let answer = serde_json::json!({ "action": action });
    let mut response = json(status_of(action, true), &answer)?;
    let headers = response.headers_mut();
    headers.insert(ACTION, HeaderValue::from_static(action));
    Ok(response)
}

/// The strictest of the actions; without any verdict there is no judgement.
fn strictest(verdicts: &[Verdict]) -> &'static str {
    let actions = verdicts.iter().map(action_of);
    actions
        .max_by_key(|action| weight(action))
        .unwrap_or(UNJUDGED)
}

/// The verdicts of what a request brings, once they may be answered.
async fn judge(
    state: &State,
    id: &RequestId,
    asked: &CheckQuery,
    request: Request,
) -> Result<Vec<Verdict>, Fault> {
    // Before the body is read: who cannot be answered need not send it.
    state.gate()?;
    let begun = Instant::now();
    let uploads = match asked.batch {
        true if !body::is_form(request.headers()) => {
            let detail = "`batch` takes a form (multipart/form-data) with 1 to 16 files";
            return Err(Fault::bad(detail));
        }
        true => body::files(&state.bodies, request).await?,
        false => vec![body::upload(&state.bodies, request).await?],
    };
    if uploads.is_empty() {
        return Err(Fault::bad("the form has no file"));
    }
    let gate = state.gate()?;
    let wait = state.wait(asked.wait);
    let name = (state.decided.is_some()).then(|| id.0.to_string());
    let arrival = begun.elapsed();
    let mut verdicts = Vec::new();
    let mut decisions = Vec::new();
    for upload in uploads {
        let (gate, name) = (Arc::clone(&gate), name.clone());
        let arrived = Instant::now();
        let index = gate.index();
        let bytes = upload.bytes.len() as u64;
        let (verdict, decision, queue, work) = state
            .work(wait, move |worker| {
                let begun = Instant::now();
                let verdict = gate.check_with(worker, &upload.bytes);
                let work = begun.elapsed();
                let input = |name| Input {
                    name: Some(name),
                    bytes: Some(upload.bytes.len() as u64),
                    ..Input::default()
                };
                let decision = name.and_then(|name| Decision::of(&verdict, input(name)));
                let queue = begun.saturating_duration_since(arrived);
                (verdict, decision, queue, work)
            })
            .await?;
        let parts = Parts {
            body: arrival,
            queue,
            work,
        };
        tracing::debug!(outcome = verdict.outcome.name(), body = ?arrival, ?queue, ?work, "judged");
        state.metrics.judged(&verdict, action_of(&verdict), parts);
        if let Some(handing) = &state.handing {
            let of = (id.0.to_string(), bytes);
            let upload = HandedUpload::of((&verdict, &index), of, clock::now());
            upload.into_iter().for_each(|upload| handing.take(upload));
        }
        verdicts.push(verdict);
        decisions.extend(decision);
    }
    state.record(decisions, wait).await?;
    Ok(verdicts)
}
