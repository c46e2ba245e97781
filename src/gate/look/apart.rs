//! Looking at an upload in a process of its own: asking it, and being it.
//!
//! What crosses the border is the upload's bytes with what is to be looked for, and hashes or an error. What comes back
//! is read as what was seen on another machine is: each field is checked, and lists are bounded. Digests are not
//! asked for, the process that asks computes them: they say which upload it is.

use crate::gate::look::seen::Sight;
use crate::gate::{Extract, Extractor, Isolation, VariantSet};
use crate::hash::{Family, SignalType};
use crate::media::isolated::{
    Answer, Conversation, Errand, Failure, Kind, allowed, answer, asked, serve,
};
use crate::media::{Limits, MediaError};
use serde::{Deserialize, Serialize};

/// The first argument of a program that is executed to look at an upload.
const LOOK: &str = "look-in-isolation";

/// Bytes of an answer, at most: more than a sight with all the queries that it may have.
const MOST_BYTES: u32 = 96 << 20;
/// The answer is read by so many bytes at a time: what it says of its length takes no memory.
const STEP: usize = 1 << 16;

/// What is to be looked for. It stands before the upload's bytes, behind its own length.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    wanted: Vec<SignalType>,
    variants: VariantSet,
    limits: Limits,
    fast: bool,
}

/// What a locked process sees of an upload.
///
/// # Errors
/// Any of [`MediaError`]; where there is no such process, or no lock for it, `Unsupported`.
pub(super) fn look(
    bytes: &[u8],
    how: &Extract<'_>,
    wanted: Vec<SignalType>,
) -> Result<Sight, MediaError> {
    let asked = Asked {
        wanted,
        variants: how.variants,
        limits: how.limits.clone(),
        fast: how.fast,
    };
    let unwritten = |_| MediaError::Unsupported {
        what: "what cannot be asked of another process".to_owned(),
    };
    let line = serde_json::to_vec(&asked).map_err(unwritten)?;
    let length = (line.len() as u32).to_le_bytes();
    let limits = how.limits;
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
    hear(heard, &asked.wanted, how.fast)
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

/// Looks at an upload, if this program was executed for that: the answer is the exit code.
pub(in crate::gate) fn serve_if_asked() -> Option<i32> {
    asked(LOOK).map(|allowed| serve(allowed, look_here))
}

fn look_here(job: &[u8]) -> Result<(), Failure> {
    let no_job = || Failure(Kind::Damaged, "no job was given".to_owned());
    let (length, rest) = job.split_first_chunk::<4>().ok_or_else(no_job)?;
    let length = u32::from_le_bytes(*length) as usize;
    let (line, bytes) = rest.split_at_checked(length).ok_or_else(no_job)?;
    let asked: Asked = serde_json::from_slice(line).map_err(|_| no_job())?;
    let how = Extract {
        wanted: &asked.wanted,
        variants: asked.variants,
        limits: &asked.limits,
        fast: asked.fast,
        memory: None,
        isolation: Isolation::Unchecked,
    };
    let mut extractor = Extractor::default();
    let extraction = extractor.extract_with(bytes, &how);
    let pictures = extractor.held().to_vec();
    let sight = Sight {
        extraction,
        pictures,
    };
    let unwritten = |_| Failure(Kind::Damaged, "what was seen cannot be written".to_owned());
    answer(&sight.write().map_err(unwritten)?)
}

/// The signal types of these that are hashes of a picture.
pub(super) fn of_pictures(wanted: &[SignalType]) -> Vec<SignalType> {
    let wanted = wanted.iter().copied();
    wanted
        .filter(|kind| kind.family() != Family::Digest)
        .collect()
}
