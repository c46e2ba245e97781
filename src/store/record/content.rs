//! A content item as it is about to be written, whatever the version of its record.

use crate::bank::{Changed, ContentItem, ContentSignal, ContentState, OpaqueSignal, Provenance};

/// A content item as it is about to be written.
pub(in crate::store) struct Content<'a> {
    pub(in crate::store) state: ContentState,
    pub(in crate::store) by_hand: bool,
    pub(in crate::store) changed: Option<Changed>,
    pub(in crate::store) signals: &'a [ContentSignal],
    pub(in crate::store) opaque: &'a [OpaqueSignal],
    pub(in crate::store) labels: &'a [String],
    pub(in crate::store) provenance: &'a Provenance,
    pub(in crate::store) later: &'a [Provenance],
}

impl<'a> Content<'a> {
    /// An item with its state and all that is known of it.
    pub(in crate::store) fn of(item: &'a ContentItem) -> Self {
        Self {
            state: item.state,
            by_hand: item.by_hand,
            changed: item.changed,
            signals: &item.signals,
            opaque: &item.opaque,
            labels: &item.labels,
            provenance: &item.provenance,
            later: &item.later,
        }
    }
}
