//! `/m/compare`: two hashes of a kind, whether they match, and how far apart they are.

use crate::hamming;
use crate::hash::{Distance, Family, Signal};
use crate::service::body;
use crate::service::fault::Fault;
use crate::service::hma::signals::Kind;
use crate::service::hma::{Refusal, answer};
use crate::service::state::State;
use axum::extract::{Request, State as Shared};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub(super) async fn compare(
    Shared(state): Shared<Arc<State>>,
    request: Request,
) -> Result<Response, Refusal> {
    let kind = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    if !kind.is_some_and(|kind| kind.trim_start().starts_with("application/json")) {
        let said = "Did not attempt to load JSON data because the request Content-Type was not 'application/json'.";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Fault::new(status, "content-type", said).into());
    }
    let upload = body::json(&state.bodies, request).await?;
    let read: Result<Value, _> = serde_json::from_slice(&upload.bytes);
    let Ok(Value::Object(asked)) = read else {
        return Err(Refusal::bad("the body is not a JSON object"));
    };
    let mut told = Map::new();
    for (name, values) in &asked {
        told.insert(name.clone(), of_kind(name, values)?);
    }
    Ok(answer(&Value::Object(told)))
}

fn of_kind(name: &str, values: &Value) -> Result<Value, Refusal> {
    let Some(values) = values.as_array() else {
        return Err(Refusal::bad(format!(
            "Comparison hashes for {name} was not a list"
        )));
    };
    let [a, b] = values.as_slice() else {
        return Err(Refusal::bad(format!(
            "Comparison hash list length must be exactly 2 for {name}"
        )));
    };
    let kind =
        Kind::named(name).ok_or_else(|| Refusal::bad(format!("No such SignalType '{name}'")))?;
    let read = |value: &Value| {
        let signal = value.as_str().and_then(|text| kind.read(text));
        signal.ok_or_else(|| {
            let shown: String = value.to_string().chars().take(80).collect();
            Refusal::bad(format!("Invalid {name} hash: {shown}"))
        })
    };
    let (a, b) = (read(a)?, read(b)?);
    Ok(match distance(&a, &b) {
        Some(distance) => json!([distance <= kind.radius(), { "distance": distance.0 }]),
        None => json!([a == b, {}]),
    })
}

/// Bits between two hashes of one kind; `None` for digests.
fn distance(a: &Signal, b: &Signal) -> Option<Distance> {
    match a.signal_type().family() {
        Family::Digest => None,
        Family::Pdq | Family::Hash64 => hamming::distance(a, b),
    }
}
