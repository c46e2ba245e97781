//! What is known of a content item besides its hashes, where policy asks for it; and of one hash of it.

use crate::hash::{Form, Reach};

/// What policy may ask of a content item besides its hashes.
///
/// Which label stands for which bit is said by who builds the segment: the manifest of a generation
/// lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Facts {
    /// The labels that it has: bit 0 is the first.
    pub labels: u64,
    /// How many agree that it is what it is said to be.
    pub sources: u32,
}

impl Facts {
    /// Of an item of which nothing is noted: no label, one source.
    pub const PLAIN: Self = Self {
        labels: 0,
        sources: 1,
    };
}

impl Default for Facts {
    fn default() -> Self {
        Self::PLAIN
    }
}

/// What is known of one hash of a content item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct HashFacts {
    /// Which form of the item it is of; `None` for the item as it was given.
    pub form: Option<Form>,
    /// How far out it may safely reach; `None` where it was not calibrated.
    pub reach: Option<Reach>,
}
