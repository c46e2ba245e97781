//! Our own paths, `/v1/…`.
//!
//! | path | what |
//! | --- | --- |
//! | `POST /v1/check` | an upload judged ([`check`]) |
//! | `/v1/authz/…` | the same for proxies that hand on a request as it is ([`check`]) |
//! | `GET`, `POST /v1/match` | hashes looked up ([`matching`]) |
//! | `POST /v1/hash` | an upload hashed ([`hash`]) |
//! | `/v1/banks…` and more | what a node that keeps banks does to them ([`curation`]) |
//! | `GET /metrics` | what was counted ([`metrics`]) |
//! | `GET /v1/decisions` | the log of decisions ([`log`]) |
//! | `GET /v1/openapi.json` | these paths, for programs ([`openapi`]) |
//! | `GET /v1/ready`, `/v1/live`, `/v1/status` | how this node is ([`status`]) |

#[expect(
    unused_qualifications,
    reason = "what utoipa makes of a path names its parameters in full"
)]
pub(super) mod check;
#[cfg(feature = "curation")]
pub(in crate::service) mod curation;
#[expect(
    unused_qualifications,
    reason = "what utoipa makes of a path names its parameters in full"
)]
pub(super) mod hash;
#[expect(
    unused_qualifications,
    reason = "what utoipa makes of a path names its parameters in full"
)]
pub(super) mod log;
#[expect(
    unused_qualifications,
    reason = "what utoipa makes of a path names its parameters in full"
)]
pub(super) mod matching;
pub(super) mod metrics;
pub(super) mod openapi;
pub(super) mod status;

use crate::service::fault::Fault;
use axum::body::Body;
use axum::extract::Query;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What stands behind the `?` of an address.
fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Fault> {
    let read = Query::try_from_uri(uri);
    read.map(|Query(query)| query)
        .map_err(|error| Fault::bad(error.body_text()))
}

/// An answer as JSON.
fn json(status: StatusCode, value: &impl Serialize) -> Result<Response, Fault> {
    let body = serde_json::to_vec(value);
    let body = body.map_err(|_| {
        Fault::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "defect",
            "an answer could not be written: a defect; please report it",
        )
    })?;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}
