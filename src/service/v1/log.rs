//! `/v1/decisions`: the log of decisions, read by number and by time, in pages.

use crate::clock::When;
use crate::decisions::{Choice, DecisionError, for_each};
use crate::service::fault::{Fault, Problem};
use crate::service::state::State;
use crate::service::v1::{json, query};
use axum::extract::State as Shared;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::ops::ControlFlow;
use std::sync::Arc;
use utoipa::IntoParams;

/// Most decisions of a page.
const MOST_ON_PAGE: usize = 1_000;
/// Decisions of a page unless more are asked for.
const ON_PAGE: usize = 100;
/// Most bytes of the decisions of a page; the first one is given however long it is.
const MOST_BYTES: usize = 8 << 20;

/// Which decisions.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(in crate::service) struct LogQuery {
    /// Only lines with a greater number: `next` of the page before.
    after: u64,
    /// Only those from then on: milliseconds since 1970-01-01 UTC.
    since: Option<u64>,
    /// Only those before then.
    until: Option<u64>,
    /// Most decisions, 1 to 1,000; 100 unless told.
    limit: Option<usize>,
}

/// A page of the log.
#[derive(Debug, Serialize)]
struct Page {
    /// The lines, as they are written.
    decisions: Vec<Value>,
    /// `after` of the next page; null where there is none.
    next: Option<u64>,
    /// Faults of the log that were met on the way: `hashgate decisions verify` tells more.
    faults: usize,
}

/// Reads decisions, the oldest first.
#[utoipa::path(
    get,
    path = "/v1/decisions",
    params(LogQuery),
    responses(
        (status = 200, description = "`decisions`: the log's own lines; `next`; `faults`", content_type = "application/json"),
        (status = 400, description = "a page that cannot be", body = Problem),
        (status = 404, description = "this node logs no decisions", body = Problem),
        (status = 503, description = "the log cannot be read now", body = Problem)
    )
)]
pub(in crate::service) async fn decisions(
    Shared(state): Shared<Arc<State>>,
    uri: Uri,
) -> Result<Response, Fault> {
    let LogQuery {
        after,
        since,
        until,
        limit,
    } = query(&uri)?;
    let limit = limit.unwrap_or(ON_PAGE);
    if !(1..=MOST_ON_PAGE).contains(&limit) {
        return Err(Fault::bad(format!("`limit` is 1 to {MOST_ON_PAGE}")));
    }
    let Some(folder) = state.settings.decisions.clone() else {
        let detail = "this node logs no decisions (the setting `decisions`)";
        return Err(Fault::new(StatusCode::NOT_FOUND, "no-log", detail));
    };
    let mut choice = Choice::all();
    (choice.since, choice.until) = (since.map(When), until.map(When));
    let work = state.work(state.wait(None), move |_| {
        let mut decisions = Vec::new();
        let (mut last, mut bytes, mut has_more) = (after, 0, false);
        let faults = for_each(&folder, |entry, line| -> Result<_, DecisionError> {
            if entry.link.n <= after || !choice.has(&entry.decision) {
                return Ok(ControlFlow::Continue(()));
            }
            bytes += line.len();
            let is_full = decisions.len() >= limit || bytes > MOST_BYTES;
            if is_full && !decisions.is_empty() {
                has_more = true;
                return Ok(ControlFlow::Break(()));
            }
            last = entry.link.n;
            decisions.extend(serde_json::from_slice::<Value>(line));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(Page {
            decisions,
            next: has_more.then_some(last),
            faults: faults.len(),
        })
    });
    let page: Result<Page, DecisionError> = work.await?;
    let page = page.map_err(|error| {
        tracing::warn!("the log of decisions cannot be read: {error}");
        Fault::later(
            "log",
            "the log of decisions cannot be read: see the node's log",
        )
    })?;
    json(StatusCode::OK, &page)
}
