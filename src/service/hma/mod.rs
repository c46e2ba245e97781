//! The paths of Hasher-Matcher-Actioner 1.1.7, as its clients call them: `/h`, `/m`, what of `/c` is reading, and
//! `/status`.
//!
//! The answers are HMA's: plain PDQ of the picture as it is decoded, within 31 bits, no other forms, no further evidence.
//! Owned here: the shapes of requests and answers, and the types and spellings that clients send. Refused: what only
//! a curator can do, where this node is none (403, never 404, because clients delete their own records on a 404), and fetching what an address
//! names (400).
//!
//! What an entry's bank says is kept: a disabled bank matches nothing, a share of the uploads is HMA's ratio, an entry that
//! is withdrawn until a time is left out. Entries of `allow` banks are harmless look-alikes. HMA has no such thing, and its
//! clients take every bank in an answer for a hit: so these banks are left out unless `banks=` names them.

#[cfg(feature = "curation")]
mod asked;
mod banks;
mod compare;
#[cfg(feature = "curation")]
mod curate;
#[cfg(feature = "curation")]
mod exchanges;
mod hash;
mod lax;
mod lookup;
#[cfg(feature = "curation")]
mod remarks;
pub(super) mod routes;
mod signals;
mod status;
mod types;

use crate::service::fault::Fault;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// Why a request has no answer, as HMA's clients read it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Refusal {
    /// `{"message": …}` with a status.
    Message(Fault),
    /// 422, and a list of what is wrong with which parameter.
    Parameter {
        name: &'static str,
        /// A word for programs: `missing`, `bool_parsing`.
        kind: &'static str,
        said: &'static str,
    },
}

impl Refusal {
    /// 400 with this message.
    pub(super) fn bad(message: impl AsRef<str>) -> Self {
        Self::Message(Fault::bad(message))
    }

    /// 404 with this message.
    #[cfg(feature = "curation")]
    pub(super) fn missing_thing(message: impl AsRef<str>) -> Self {
        let said = crate::service::fault::cut(message.as_ref());
        Self::Message(Fault::new(StatusCode::NOT_FOUND, "no-such-thing", said))
    }

    /// 403 with this message.
    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::Message(Fault::new(StatusCode::FORBIDDEN, "forbidden", message))
    }

    /// A parameter that is required.
    pub(super) const fn missing(name: &'static str) -> Self {
        Self::Parameter {
            name,
            kind: "missing",
            said: "Field required",
        }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Message(fault)
    }
}

/// A fault as `{"message": …}`.
pub(super) fn message(fault: &Fault) -> Response {
    let body = written(&json!({ "message": fault.detail }));
    fault.with_body("application/json", body)
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Message(fault) => message(&fault),
            Self::Parameter { name, kind, said } => {
                let fault = Fault::new(StatusCode::UNPROCESSABLE_ENTITY, "parameter", said);
                let body = json!([{ "type": kind, "loc": [name], "msg": said, "input": {} }]);
                fault.with_body("application/json", written(&body))
            }
        }
    }
}

/// A value as HMA writes it: keys in order, a newline at the end.
fn written(value: &Value) -> Vec<u8> {
    let mut body = value.to_string().into_bytes();
    body.push(b'\n');
    body
}

/// An answer.
fn answer(value: &Value) -> Response {
    let mut response = Response::new(Body::from(written(value)));
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
