//! `POST /v1/hash`: an upload in, its hashes out. It needs no index.

use crate::gate::{Extraction, Mode, VariantSet};
use crate::hash::SignalType;
use crate::media::Limits;
use crate::service::body;
use crate::service::fault::{Fault, Problem};
use crate::service::state::State;
use crate::service::v1::{json, query};
use axum::extract::{Request, State as Shared};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// What stands behind the `?`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::service) struct HashQuery {
    /// Signal types, joined by commas; `pdq` unless told.
    types: Option<String>,
    /// Milliseconds that the caller waits at most.
    wait: Option<u64>,
}

/// The hashes of an upload.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::service) struct Hashes {
    /// `hashed`, or the outcome where something could not be hashed.
    outcome: &'static str,
    /// Signal type to hexadecimal text: of the picture as stored.
    signals: BTreeMap<&'static str, String>,
    /// PDQ quality, 0 to 100, where a picture was hashed.
    quality: Option<u8>,
    /// `exact`: PDQ hashes come from pixels here.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    /// Why something could not be hashed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Hashes {
    fn of(extraction: &Extraction) -> Self {
        let signals = extraction.signals.iter();
        let problem = extraction.problem.as_ref();
        Self {
            outcome: problem.map_or("hashed", |problem| problem.outcome.name()),
            signals: signals
                .map(|signal| (signal.signal_type().name(), signal.hex()))
                .collect(),
            quality: extraction.quality.map(|quality| quality.get()),
            mode: extraction.quality.map(|_| Mode::Exact.name()),
            error: problem.map(|problem| problem.message.clone()),
        }
    }
}

/// Signal types by their names, joined by commas.
fn types(text: &str) -> Result<Vec<SignalType>, Fault> {
    let mut kinds = Vec::new();
    for name in text
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        let kind: Result<SignalType, _> = name.parse();
        let kind = kind.map_err(|error| Fault::bad(error.to_string()))?;
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    match kinds.is_empty() {
        true => Err(Fault::bad("`types` names no signal type")),
        false => Ok(kinds),
    }
}

/// Hashes an upload: the bytes themselves, or a form with one file.
#[utoipa::path(
    post,
    path = "/v1/hash",
    params(HashQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "the hashes", body = Hashes),
        (status = 413, description = "the body is too large", body = Problem),
        (status = 422, description = "something could not be hashed: outcome and error say why", body = Hashes),
        (status = 503, description = "no room or no answer in time", body = Problem)
    )
)]
pub(in crate::service) async fn hash(
    Shared(state): Shared<Arc<State>>,
    request: Request,
) -> Result<Response, Fault> {
    let asked: HashQuery = query(request.uri())?;
    let kinds = types(asked.types.as_deref().unwrap_or("pdq"))?;
    let upload = body::upload(&state.bodies, request).await?;
    let limits = Limits {
        max_file_bytes: state.settings.max_body,
        ..Limits::default()
    };
    let hashed = state
        .work(state.wait(asked.wait), move |worker| {
            let extractor = &mut worker.extractor;
            extractor.extract(&upload.bytes, &kinds, VariantSet::NONE, &limits)
        })
        .await?;
    let status = match hashed.problem {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    json(status, &Hashes::of(&hashed))
}
