//! Our own paths of a node that keeps banks.
//!
//! | path | what |
//! | --- | --- |
//! | `/v1/banks…` | banks ([`banks`]), their entries ([`items`]) |
//! | `POST /v1/banks/{bank}/imports`, `/v1/jobs…` | lists: looked at, brought in ([`imports`]) |
//! | `/v1/audit`, `/v1/store`, `/v1/publish`, `/v1/lint` | what is known and in force ([`keeping`]) |
//! | `POST /v1/uploads` | hashes of uploads that other nodes have judged ([`uploads`]) |
//!
//! What reads is answered by the threads of the pool; what changes something, by the one that holds the store, with a line
//! in the record of curation. Refuses to do either on the threads that talk to callers.

#[expect(
    unused_qualifications,
    reason = "what utoipa makes of a path names its parameters in full"
)]
pub(in crate::service) mod banks;
#[expect(
    unused_qualifications,
    reason = "what utoipa makes of a path names its parameters in full"
)]
pub(in crate::service) mod imports;
#[expect(
    unused_qualifications,
    reason = "what utoipa makes of a path names its parameters in full"
)]
pub(in crate::service) mod items;
#[expect(
    unused_qualifications,
    reason = "what utoipa makes of a path names its parameters in full"
)]
pub(in crate::service) mod keeping;
pub(in crate::service) mod routes;
pub(in crate::service) mod uploads;

use crate::bank::{Bank, BankName};
use crate::curation::Workspace;
use crate::service::body;
use crate::service::curator::{Curator, store_failed};
use crate::service::fault::{Fault, cut};
use crate::service::state::State;
use crate::store::{BankStore, StoreError};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// What stands in a path.
type InPath<T> = Result<Path<T>, PathRejection>;

fn read<T>(path: InPath<T>) -> Result<T, Fault> {
    path.map(|Path(read)| read)
        .map_err(|error| Fault::bad(error.body_text()))
}

fn curator(state: &State) -> Result<&Arc<Curator>, Fault> {
    let detail = "this node keeps no banks (the role `curate`)";
    let none = || Fault::new(StatusCode::NOT_FOUND, "no-banks", detail);
    state.curator.as_ref().ok_or_else(none)
}

/// What the store says, for who asked: what is theirs in its words, what is the node's in its log.
fn failed(error: &StoreError) -> Fault {
    match error {
        StoreError::NoSuchBank { name, .. } => no_bank(name.as_str()),
        StoreError::NoSuchItem { id } => no_item(&id.to_string()),
        StoreError::BankExists { name } => {
            let detail = format!("there is a bank {name} already");
            Fault::new(StatusCode::CONFLICT, "exists", detail)
        }
        StoreError::PolicyRange(error) => Fault::bad(error.to_string()),
        error => store_failed(error),
    }
}

fn no_bank(name: &str) -> Fault {
    let detail = format!("there is no bank {}", cut(name));
    Fault::new(StatusCode::NOT_FOUND, "no-such-bank", detail)
}

fn no_item(name: &str) -> Fault {
    let detail = format!("there is no entry {} in this bank", cut(name));
    Fault::new(StatusCode::NOT_FOUND, "no-such-entry", detail)
}

fn bank_of(store: &BankStore, name: &str) -> Result<Bank, Fault> {
    let name: BankName = name.parse().map_err(|_| no_bank(name))?;
    store.bank(&name).map_err(|error| failed(&error))
}

/// The body, which must say that it is JSON: a page in a browser cannot send that unasked.
async fn object<T: DeserializeOwned>(state: &State, request: Request) -> Result<T, Fault> {
    let kind = request.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        let said = "send JSON, and say so: Content-Type: application/json";
        return Err(Fault::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "media-type",
            said,
        ));
    }
    let read = body::json(&state.bodies, request).await?;
    serde_json::from_slice(&read.bytes).map_err(|error| Fault::bad(error.to_string()))
}

/// Reads the store on a thread of the pool.
async fn look<T: Send + 'static>(
    state: &State,
    question: impl FnOnce(&Workspace, &Arc<BankStore>) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let curator = Arc::clone(curator(state)?);
    let wait = state.wait(None);
    (state.work(wait, move |_| {
        question(curator.workspace(), curator.store())
    }))
    .await?
}
