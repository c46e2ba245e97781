//! Parts of an upload that nobody looked at.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A part of an upload that was not looked at: a clip behind a picture, a picture in a format that is not decoded here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unread {
    /// What it is, in a few words, such as `a video (MP4 family)`.
    pub what: String,
    /// How many bytes of the file it is.
    pub bytes: u64,
}

impl Unread {
    /// Most of them that a verdict lists.
    pub const MOST: usize = 64;
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} bytes", self.what, self.bytes)
    }
}
