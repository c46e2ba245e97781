//! `/c/signal_type` and `/c/content_type`: the kinds of hash and of content.

#[cfg(feature = "curation")]
use crate::service::caller::Caller;
#[cfg(feature = "curation")]
use crate::service::curator::log_and_hide;
#[cfg(feature = "curation")]
use crate::service::hma::asked::{Answer, Named, curator, object, read};
use crate::service::hma::signals::Kind;
use crate::service::hma::{Refusal, answer};
use crate::service::state::State;
#[cfg(feature = "curation")]
use crate::service::switches::{KINDS, is_ratio};
use axum::extract::State as Shared;
use axum::response::Response;
#[cfg(feature = "curation")]
use axum::{Extension, extract::Request, http::StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;

/// The kinds of hash that are served.
pub(super) async fn signal_types(Shared(state): Shared<Arc<State>>) -> Response {
    answer(&state.switches.shown())
}

/// The kinds of content that are hashed.
pub(super) async fn content_types() -> Response {
    let kinds = ["photo", "video"].map(|name| json!({ "name": name, "enabled": true }));
    answer(&Value::Array(kinds.to_vec()))
}

/// A kind that may be looked up: one that is not switched off.
pub(super) fn on(state: &State, kind: Kind) -> Result<Kind, Refusal> {
    match state.switches.ratio(kind.of) > 0.0 {
        true => Ok(kind),
        false => {
            let name = kind.name;
            Err(Refusal::bad(format!("SignalType '{name}' is not enabled")))
        }
    }
}

/// Says for which part of the questions a kind is asked about; 0: it is refused.
#[cfg(feature = "curation")]
pub(super) async fn set_signal_type(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    name: Named,
    request: Request,
) -> Answer {
    let name = read(name)?;
    let Some((name, kind)) = KINDS.into_iter().find(|(known, _)| *known == name) else {
        let name: String = name.chars().take(64).collect();
        return Err(Refusal::bad(format!("No such signal type '{name}'")));
    };
    let body = object(&state, request).await?;
    let given = body.get("enabled_ratio").filter(|given| !given.is_null());
    let given = given.ok_or_else(|| Refusal::bad("enabled_ratio is required"))?;
    let number = match given {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    };
    let ratio = number.filter(|&number| is_ratio(number));
    let ratio = ratio.ok_or_else(|| Refusal::bad("enabled_ratio is 0 to 1"))?;
    let shared = Arc::clone(&state);
    let set = curator(&state)?.call(&caller, ("set signal type", name.to_owned()), move |desk| {
        let set = shared
            .switches
            .set(&desk.workspace.signal_types(), kind, ratio);
        set.map_err(|error| Refusal::from(log_and_hide("signal types", &error)))
    });
    set.await?;
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}
