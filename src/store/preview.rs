//! What a preview of an import has counted so far.

use crate::store::keys::SignalKey;
use sha2::{Digest, Sha256};
use std::collections::HashSet;

/// What a preview has counted as added: one list may give the same twice.
#[derive(Debug, Default)]
pub struct Preview {
    added: HashSet<[u8; 16]>,
}

impl Preview {
    /// Whether the item of this identity was counted before.
    pub(super) fn is_first(&mut self, identity: &SignalKey) -> bool {
        let digest = Sha256::digest(identity.as_bytes());
        let mut short = [0; 16];
        short.copy_from_slice(&digest[..16]);
        self.added.insert(short)
    }
}
