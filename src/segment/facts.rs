//! What is known of a content item besides its hashes, where policy asks for it.

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
