//! The id of each request: the caller's, where it can be logged as it is; else one of ours.

use axum::http::{HeaderMap, HeaderName};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The id of a request, the caller's or ours.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Most bytes of a request's id.
const LONGEST_ID: usize = 64;

/// The id of a request, for what is done about it.
#[derive(Debug, Clone)]
pub(super) struct RequestId(pub(super) Arc<str>);

/// Makes ids: a number that was drawn when the program began, and a count.
pub(super) struct Ids {
    begun: u64,
    count: AtomicU64,
}

impl Default for Ids {
    fn default() -> Self {
        Self {
            begun: RandomState::new().hash_one(crate::clock::now_ms()),
            count: AtomicU64::new(0),
        }
    }
}

impl Ids {
    fn next(&self) -> String {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        format!("{:08x}-{count}", self.begun >> 32)
    }

    /// The caller's id where it is one that can be logged; else one of ours.
    pub(super) fn of(&self, headers: &HeaderMap) -> String {
        let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        match given {
            Some(id) if (1..=LONGEST_ID).contains(&id.len()) && id.chars().all(is_plain) => {
                id.to_owned()
            }
            _ => self.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn an_id_is_taken_only_if_it_can_be_logged() {
        let ids = Ids::default();
        let with = |id: &'static str| {
            ids.of(&HeaderMap::from_iter([(
                REQUEST_ID,
                HeaderValue::from_static(id),
            )]))
        };
        assert_eq!(with("abc-1.2_3"), "abc-1.2_3");
        assert_ne!(with("a b"), "a b");
        assert_ne!(with(""), "");
        assert_ne!(ids.of(&HeaderMap::new()), ids.of(&HeaderMap::new()));
    }
}
