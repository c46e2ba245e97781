//! Who sent a request: what it may ask for, and what it is called in a record.

use crate::service::settings::Role;
use std::sync::Arc;

/// What a caller may ask for, by its key.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) scopes: Vec<Role>,
    /// The name of its key.
    #[cfg_attr(
        not(feature = "curation"),
        expect(dead_code, reason = "who keeps banks alone reads it")
    )]
    pub(super) key: Option<String>,
    /// What its request is called.
    #[cfg_attr(
        not(feature = "curation"),
        expect(dead_code, reason = "who keeps banks alone reads it")
    )]
    pub(super) request: Arc<str>,
}

impl Caller {
    /// Where there are no keys.
    pub(super) fn anybody() -> Self {
        Self {
            scopes: Role::ALL.to_vec(),
            key: None,
            request: Arc::default(),
        }
    }
}
