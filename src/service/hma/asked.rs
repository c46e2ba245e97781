//! What the paths of a curator share: the curator, names in a path, bodies, banks by name.

use crate::bank::{Bank, BankName};
use crate::curation::policy;
use crate::service::body;
use crate::service::curator::{Curator, Desk, store_failed};
use crate::service::fault::Fault;
use crate::service::hma::Refusal;
use crate::service::state::State;
use crate::store::StoreError;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use serde_json::{Map, Value};

pub(super) type Named = Result<Path<String>, PathRejection>;
pub(super) type Numbered = Result<Path<(String, String)>, PathRejection>;
pub(super) type Answer = Result<Response, Refusal>;

pub(super) fn curator(state: &State) -> Result<&Curator, Refusal> {
    let none = || Refusal::forbidden("Curating is disabled, missing role");
    state.curator.as_deref().ok_or_else(none)
}

pub(super) fn read<T>(path: Result<Path<T>, PathRejection>) -> Result<T, Refusal> {
    path.map(|Path(read)| read)
        .map_err(|error| Refusal::bad(error.body_text()))
}

pub(super) fn failed(error: &StoreError) -> Refusal {
    match error {
        StoreError::PolicyRange(error) => Refusal::bad(error.to_string()),
        error => store_failed(error).into(),
    }
}

/// The bank of this name, or 404 with this message.
pub(super) fn bank_of(desk: &Desk, name: &str, missing: &str) -> Result<Bank, Refusal> {
    let none = || Refusal::missing_thing(missing);
    let known: BankName = name.parse().map_err(|_| none())?;
    match desk.store.bank(&known) {
        Ok(bank) => Ok(bank),
        Err(StoreError::NoSuchBank { .. }) => Err(none()),
        Err(error) => Err(failed(&error)),
    }
}

pub(super) fn not_found(name: &str) -> String {
    format!("bank '{name}' not found")
}

/// The body as HMA's typed paths read it: what is not said to be JSON is an empty object.
pub(super) async fn lax_object(
    state: &State,
    request: Request,
) -> Result<Map<String, Value>, Refusal> {
    match is_json(&request) {
        true => object(state, request).await,
        false => Ok(Map::new()),
    }
}

pub(super) fn is_json(request: &Request) -> bool {
    let kind = request.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

pub(super) async fn object(state: &State, request: Request) -> Result<Map<String, Value>, Refusal> {
    if !is_json(&request) {
        let said = "send JSON, and say so: Content-Type: application/json";
        return Err(Fault::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", said).into());
    }
    let read = body::json(&state.bodies, request).await?;
    match serde_json::from_slice(&read.bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Refusal::bad("the body is JSON, but no object")),
        Err(error) => Err(Refusal::bad(format!("malformed JSON: {error}"))),
    }
}

pub(super) fn parameter(name: &'static str, kind: &'static str, said: &'static str) -> Refusal {
    Refusal::Parameter { name, kind, said }
}

/// Yes or no, in the spellings that clients use.
pub(super) fn flag(value: &Value) -> Result<bool, Refusal> {
    let text = match value {
        Value::String(text) => text.to_ascii_lowercase(),
        other => other.to_string(),
    };
    match text.as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Ok(true),
        "0" | "false" | "f" | "no" | "n" | "off" => Ok(false),
        _ => Err(parameter(
            "enabled",
            "bool_parsing",
            "Input should be a valid boolean",
        )),
    }
}

/// The policy file speaks of a bank by its name: under another one, or without it, nothing could be published.
pub(super) fn must_not_be_named(desk: &Desk, bank: &Bank) -> Result<(), Refusal> {
    let file = policy::load(&desk.workspace);
    match file.is_ok_and(|file| policy::speaks_of(&file, bank)) {
        true => Err(Refusal::bad(
            "the policy file of this node speaks of this bank: it is renamed and deleted where that file is",
        )),
        false => Ok(()),
    }
}
