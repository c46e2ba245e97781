//! Having an upload looked at in a process of its own: what is asked, and how the answer is taken.
//!
//! What crosses the border is the upload's bytes with what is to be looked for, and hashes or an error. What comes back
//! is read as what was seen on another machine is: each field is checked, and lists are bounded. Digests are not
//! asked for, the process that asks computes them: they say which upload it is.

use crate::gate::VariantSet;
use crate::gate::look::seen::Sight;
use crate::hash::SignalType;
use crate::media::isolated::{Answer, Conversation, Errand, allowed};
use crate::media::{Limits, MediaError};
use serde::{Deserialize, Serialize};

/// The first argument of a program that is executed to look at an upload.
pub(super) const LOOK: &str = "look-in-isolation";

/// Bytes of an answer, at most: more than a sight with all the queries that it may have.
const MOST_BYTES: u32 = 96 << 20;
/// The answer is read by so many bytes at a time: what it says of its length takes no memory.
const STEP: usize = 1 << 16;

/// What is to be looked for. It stands before the upload's bytes, behind its own length.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// No digests.
    pub(super) wanted: Vec<SignalType>,
    pub(super) variants: VariantSet,
    pub(super) limits: Limits,
    /// Whether coefficients may be read.
    pub(super) fast: bool,
}

/// What a locked process sees of an upload.
///
/// # Errors
/// Any of [`MediaError`]; where there is no such process, or no lock for it, `Unsupported`.
pub(super) fn look(bytes: &[u8], asked: &Asked) -> Result<Sight, MediaError> {
    let unwritten = |_| MediaError::Unsupported {
        what: "what cannot be asked of another process".to_owned(),
    };
    let line = serde_json::to_vec(asked).map_err(unwritten)?;
    let length = (line.len() as u32).to_le_bytes();
    let limits = &asked.limits;
    // Hashing takes memory beside the decoder's: copies of a picture, as it is shown in other ways.
    let roomy = Limits {
        max_decoder_bytes: limits.max_decoder_bytes.saturating_mul(3),
        ..limits.clone()
    };
    let heard = Conversation::begin(Errand {
        mark: LOOK,
        format: None,
        allowed: allowed(&roomy, bytes.len() as u64, limits.max_total_pixels),
        limit: limits.max_decoder_bytes,
        job: &[&length, &line, bytes],
    })?;
    hear(heard, &asked.wanted, asked.fast)
}

/// Takes the answer of a process that was to look for these.
pub(in crate::gate) fn hear(
    mut heard: Conversation,
    wanted: &[SignalType],
    fast: bool,
) -> Result<Sight, MediaError> {
    let length = match heard.answer()? {
        Answer::Bytes(length) if length <= MOST_BYTES => length as usize,
        _ => return Err(heard.breach("it answered what was not asked")),
    };
    let mut text = Vec::new();
    while text.len() < length {
        let from = text.len();
        text.resize(length.min(from + STEP), 0);
        heard.read(text.get_mut(from..).unwrap_or_default())?;
    }
    heard.end();
    match Sight::read(&text, wanted) {
        Ok(sight) if fast || !sight.extraction.fast => Ok(sight),
        _ => Err(heard.breach("it answered with what it cannot have seen")),
    }
}
