//! Hashes of judged uploads, as a gate node hands them to the node that keeps the banks, for `retro`.
//!
//! Owned here: their form on the way, and its bounds. Which hashes of an upload may be kept says
//! [`retrospect`](crate::retrospect); for how long, how many, and whether with names, the history's settings at the other end.

use crate::gate::{Query, Verdict};
use crate::index::Index;
use crate::retrospect::kept_queries;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Most hashes of one upload on the way.
pub(super) const MOST_HASHES: usize = 512;
/// Most uploads of one request.
pub(super) const MOST_UPLOADS: usize = 256;

/// Uploads that were judged.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Handed {
    /// 1 to 256.
    pub(super) uploads: Vec<HandedUpload>,
}

/// An upload that was judged.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HandedUpload {
    /// When: seconds since 1970-01-01 UTC.
    pub(super) at: u64,
    /// The id of the request that brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    /// Its size.
    pub(super) bytes: u64,
    /// The generation of the index that judged it.
    pub(super) generation: u64,
    /// The store's revision that this showed.
    pub(super) revision: u64,
    /// That revision's mark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mark: Option<u64>,
    /// What became of it.
    pub(super) outcome: String,
    /// What policy said to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) action: Option<String>,
    /// Its hashes, the most telling first, 1 to 512.
    pub(super) hashes: Vec<HandedHash>,
}

/// One hash of an upload, and which form of it was hashed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HandedHash {
    /// `TYPE:HEX`.
    pub(super) signal: String,
    /// PDQ quality, 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) quality: Option<u8>,
    /// The form; left out for the picture as stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) variant: Option<String>,
    /// How much of the picture is flat, in hundredths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) flatness: Option<u8>,
    /// Whether it is but a small part of the upload.
    #[serde(skip_serializing_if = "is_false")]
    pub(super) is_small: bool,
    /// Whether it is so little of it that patterns are met there.
    #[serde(skip_serializing_if = "is_false")]
    pub(super) is_minor: bool,
    /// Whether it is a guess at an original.
    #[serde(skip_serializing_if = "is_false")]
    pub(super) is_guess: bool,
    /// Whether black stands for white.
    #[serde(skip_serializing_if = "is_false")]
    pub(super) inverted: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl HandedHash {
    fn of(query: &Query) -> Self {
        let evidence = query.evidence.as_ref();
        Self {
            signal: query.signal.to_string(),
            quality: query.quality.map(crate::hash::Quality::get),
            variant: (query.variant != crate::hash::Variant::ORIGINAL)
                .then(|| query.variant.to_string()),
            flatness: evidence.map(|evidence| evidence.flatness),
            is_small: evidence.is_some_and(|evidence| evidence.is_small),
            is_minor: evidence.is_some_and(|evidence| evidence.is_minor),
            is_guess: evidence.is_some_and(|evidence| evidence.is_guess),
            inverted: evidence.is_some_and(|evidence| evidence.inverted),
        }
    }
}

impl HandedUpload {
    /// What is kept of an upload that this index judged; `None` where it has no hashes.
    pub(super) fn of(
        (verdict, index): (&Verdict, &Index),
        (name, bytes): (String, u64),
        at: u64,
    ) -> Option<Self> {
        let queries = kept_queries(verdict);
        let hashes: Vec<HandedHash> = queries
            .into_iter()
            .take(MOST_HASHES)
            .map(HandedHash::of)
            .collect();
        if hashes.is_empty() {
            return None;
        }
        let stats = index.stats();
        Some(Self {
            at,
            name: Some(name),
            bytes,
            generation: verdict.generation,
            revision: stats.store_revision,
            mark: stats.store_mark,
            outcome: verdict.outcome.name().to_owned(),
            action: verdict.action.map(|action| action.name().to_owned()),
            hashes,
        })
    }

    /// About how many bytes it takes on the way.
    pub(super) fn size(&self) -> usize {
        let of_hash = |hash: &HandedHash| {
            hash.signal.len() + hash.variant.as_ref().map_or(0, String::len) + 120
        };
        256 + self.name.as_ref().map_or(0, String::len)
            + self.hashes.iter().map(of_hash).sum::<usize>()
    }
}
