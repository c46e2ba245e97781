//! What is answered where there is no answer: one cause, one status, one text, in the form that the caller's path has.
//!
//! Our own paths answer `application/problem+json` (RFC 9457). Owned here: which status each cause has, and whether a
//! caller may try again (503 and 429, with `Retry-After`). Refuses to tell what a caller must not know: hashes, keys,
//! folders.

use crate::service::follow::NotReady;
use crate::service::pool::Unanswered;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

/// Seconds after which a caller may try again.
const SOON: u64 = 1;

/// Most characters of what a caller sent that it is told again.
const MOST_TOLD: usize = 256;

/// The beginning of what a caller sent, or of what is said of it: an answer does not grow with it.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST_TOLD) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// A cause, as our own paths write it: the body of `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub(super) struct Problem {
    /// `urn:hashgate:` and a word for programs.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// The status in words.
    pub(super) title: String,
    /// The status.
    pub(super) status: u16,
    /// What happened and what helps, for people.
    pub(super) detail: String,
}

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) status: StatusCode,
    /// A word for programs and metrics.
    pub(super) word: &'static str,
    pub(super) detail: String,
    /// Seconds after which trying again makes sense.
    pub(super) retry_after: Option<u64>,
}

impl Fault {
    pub(super) fn new(status: StatusCode, word: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            word,
            detail: detail.into(),
            retry_after: None,
        }
    }

    /// The request cannot be what it claims to be. Of a detail that is long the beginning is told.
    pub(super) fn bad(detail: impl AsRef<str>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", cut(detail.as_ref()))
    }

    /// The body is larger than this service takes, by the limit of this name.
    pub(super) fn too_large(most: u64, limit: &str) -> Self {
        let detail = format!("the body has more than {most} bytes ({limit})");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail)
    }

    /// There is no room: try again.
    pub(super) fn busy(detail: impl Into<String>) -> Self {
        Self::later("busy", detail)
    }

    /// What was decided could not be written to the log of decisions.
    pub(super) fn unrecorded() -> Self {
        Self::later(
            "not-recorded",
            "what was decided could not be written to the log of decisions, so that it is not answered",
        )
    }

    /// It may be otherwise soon: try again.
    pub(super) fn later(word: &'static str, detail: impl Into<String>) -> Self {
        Self {
            retry_after: Some(SOON),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, word, detail)
        }
    }

    /// As our own paths write it.
    pub(super) fn problem(&self) -> Problem {
        Problem {
            kind: format!("urn:hashgate:{}", self.word),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
        }
    }

    /// The answer with this body; headers are the same on every path.
    pub(super) fn with_body(&self, kind: &'static str, body: Vec<u8>) -> Response {
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(Refused(self.word));
        response
    }
}

/// The word of a fault, for whoever counts answers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refused(pub(super) &'static str);

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.problem()).unwrap_or_default();
        self.with_body("application/problem+json", body)
    }
}

impl From<NotReady> for Fault {
    fn from(why: NotReady) -> Self {
        Self::later("not-ready", why.reason())
    }
}

impl From<Unanswered> for Fault {
    fn from(why: Unanswered) -> Self {
        match why {
            Unanswered::Busy => Self::busy("all threads are at work and the queue is full"),
            Unanswered::Late => Self::later(
                "late",
                "there was no answer in the time that the caller would wait (`?wait=`, `wait`)",
            ),
            Unanswered::Defect => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "defect",
                "this program failed at it: a defect; please report it",
            ),
        }
    }
}
