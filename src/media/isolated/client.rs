//! The side that asks for coded pictures. It takes memory by what was asked for, never by what is answered.

use super::conversation::{Conversation, Errand};
use super::here::here;
use super::job::{Answer, header};
use super::lock::{Allowed, is_locked};
use super::program::DECODE;
use crate::media::coded::{Coded, Decoded};
use crate::media::{Format, Limits, MediaError};

/// What a process needs beside the pictures: the program itself, its stack, its heap's edges.
const MEMORY_BESIDE: u64 = 512 << 20;
/// Seconds of processor time for any job, and pixels that one more second is for.
const SECONDS: u64 = 10;
const PIXELS_OF_A_SECOND: u64 = 1 << 20;

/// What a process may use that decodes so many bytes to so many pixels.
pub(crate) fn allowed(limits: &Limits, bytes: u64, pixels: u64) -> Allowed {
    Allowed {
        memory: MEMORY_BESIDE
            .saturating_add(limits.max_decoder_bytes)
            .saturating_add(bytes.saturating_mul(3)),
        seconds: SECONDS.saturating_add(pixels / PIXELS_OF_A_SECOND),
    }
}

/// A picture that is expected: its size, and the bytes of a pixel.
pub(super) type Expected = (u32, u32, usize);

/// Pictures that a process decodes.
pub(super) struct Answers {
    conversation: Conversation,
    limits: Limits,
    /// The pictures that are still expected.
    expected: std::vec::IntoIter<Expected>,
    is_done: bool,
}

/// Begins a process that decodes these streams; in a process that is locked already, that one does.
pub(in crate::media) fn decode<'a>(
    format: Format,
    streams: Vec<Coded<'a>>,
    limits: &Limits,
) -> Result<Box<dyn Decoded + 'a>, MediaError> {
    if is_locked() {
        return here(format, streams, limits);
    }
    let mut expected = Vec::new();
    let mut bytes = 0_u64;
    let mut pixels = 0_u64;
    for stream in &streams {
        for piece in &stream.pieces {
            if u32::try_from(piece.len()).is_err() {
                return Err(MediaError::damaged(format, "its stream is too long"));
            }
            expected.push((stream.width, stream.height, stream.wanted.bytes()));
            bytes = bytes.saturating_add(piece.len() as u64);
            let area = u64::from(stream.width) * u64::from(stream.height);
            pixels = pixels.saturating_add(area);
        }
    }
    let header = header(&streams);
    let pieces = streams.iter().flat_map(|stream| &stream.pieces);
    let job: Vec<&[u8]> = std::iter::once(header.as_slice())
        .chain(pieces.map(|piece| &**piece))
        .collect();
    let conversation = Conversation::begin(Errand {
        mark: DECODE,
        format: Some(format),
        allowed: allowed(limits, bytes, pixels),
        limit: limits.max_decoder_bytes,
        job: &job,
    })?;
    Ok(Box::new(Answers::new(conversation, expected, limits)))
}

impl Answers {
    pub(super) fn new(
        conversation: Conversation,
        expected: Vec<Expected>,
        limits: &Limits,
    ) -> Self {
        Self {
            conversation,
            limits: limits.clone(),
            expected: expected.into_iter(),
            is_done: false,
        }
    }

    fn answer(&mut self) -> Result<Option<Vec<u8>>, MediaError> {
        let heard = &mut self.conversation;
        match heard.answer()? {
            Answer::Picture(width, height) => {
                let (across, down, each) = match self.expected.next() {
                    Some(expected) if (expected.0, expected.1) == (width, height) => expected,
                    _ => return Err(heard.breach("it answered with a picture nobody asked for")),
                };
                // By what was asked for and admitted, not by what was answered.
                let bytes = u64::from(across) * u64::from(down) * each as u64;
                self.limits.admit_bytes(bytes)?;
                let mut samples = vec![0; bytes as usize];
                heard.read(&mut samples)?;
                Ok(Some(samples))
            }
            Answer::Done if self.expected.len() == 0 => Ok(None),
            _ => Err(heard.breach("it answered what was not asked")),
        }
    }
}

impl Decoded for Answers {
    fn next(&mut self) -> Result<Option<Vec<u8>>, MediaError> {
        if self.is_done {
            return Ok(None);
        }
        let answer = self.answer();
        if !matches!(answer, Ok(Some(_))) {
            self.is_done = true;
            self.conversation.end();
        }
        answer
    }
}
