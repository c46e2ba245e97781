//! What of `/c` is reading: the banks of the index in force. All else is a curator's.

use crate::bank::Bank;
use crate::gate::Gate;
use crate::service::fault::Fault;
use crate::service::hma::lax::Parameters;
use crate::service::hma::lookup::{asked_kinds, ratio, seconds};
use crate::service::hma::{Refusal, answer};
use crate::service::state::State;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State as Shared};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What only a curator can do is 403: on a 404 clients forget their own banks, and on a 5xx they try again.
const CURATOR: &str = "Curating is disabled, missing role: this node reads a published index and changes nothing; banks, \
                       contents and exchanges are the curator's";

/// A path, or a way to ask, that is a curator's.
pub(super) async fn of_curator() -> Refusal {
    Refusal::forbidden(CURATOR)
}

/// What no curator here does.
pub(super) async fn not_kept() -> Refusal {
    Refusal::forbidden("this curator serves no such path: see /site-map")
}

pub(super) fn shown(bank: &Bank) -> Value {
    json!({ "name": bank.name.as_str(), "matching_enabled_ratio": ratio(bank) })
}

/// The gate, whatever the index's age: which banks there are does not hang on it.
fn gate(state: &State) -> Result<Arc<Gate>, Refusal> {
    match state.follower.gate() {
        Some(gate) => Ok(gate),
        None => Err(state
            .gate()
            .err()
            .unwrap_or_else(|| Fault::busy("no index"))
            .into()),
    }
}

/// All banks.
pub(super) async fn all(Shared(state): Shared<Arc<State>>) -> Result<Response, Refusal> {
    let index = gate(&state)?.index();
    Ok(answer(&index.banks().iter().map(shown).collect()))
}

/// One bank.
pub(super) async fn one(
    Shared(state): Shared<Arc<State>>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Response, Refusal> {
    let Path(name) = name.map_err(|error| Refusal::bad(error.body_text()))?;
    let index = gate(&state)?.index();
    let mut banks = index.banks().iter();
    match banks.find(|bank| bank.name.as_str() == name) {
        Some(bank) => Ok(answer(&shown(bank))),
        None => {
            let name: String = name.chars().take(255).collect();
            let said = format!("bank '{name}' not found");
            Err(Fault::new(StatusCode::NOT_FOUND, "no-such-bank", said).into())
        }
    }
}

/// What is known of the index, as a curator tells it. The published index is all that a node knows of.
pub(super) async fn index(
    Shared(state): Shared<Arc<State>>,
    uri: Uri,
) -> Result<Response, Refusal> {
    let parameters = Parameters::of(&uri)?;
    let index = state.follower.gate().map(|gate| gate.index());
    let built = seconds(state.follower.published()).map_or(json!(-1), Value::from);
    let mut told = Map::new();
    for (kind, size) in asked_kinds(&parameters, index.as_deref())? {
        let status = json!({
            "db_size": size,
            "index_built_to": built,
            "index_out_of_date": false,
            "index_size": size,
            "newest_db_item": built,
        });
        told.insert(kind.name.to_owned(), status);
    }
    Ok(answer(&Value::Object(told)))
}
