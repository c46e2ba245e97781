//! The side that asks. It believes nothing that comes back.

use std::time::Duration;

use super::job::{ANSWER_BYTES, Answer, Kind, MOST_WORDS, READY, header};
use super::lock::Allowed;
use super::process::{Process, Silence, signal};
use super::{MARK, program};
use crate::media::coded::{Coded, Decoded};
use crate::media::error::Quantity;
use crate::media::{Format, Limits, MediaError};

/// What a process needs beside the pictures: the program itself, its stack, its heap's edges.
const MEMORY_BESIDE: u64 = 512 << 20;
/// Seconds of processor time for any job, and pixels that one more second is for.
const SECONDS: u64 = 10;
const PIXELS_OF_A_SECOND: u64 = 1 << 20;
/// On a busy machine a process may have to wait for its turn.
const PATIENCE: u64 = 4;

/// Pictures that a process decodes.
struct Answers {
    format: Format,
    process: Process,
    limits: Limits,
    /// The pictures that are still expected: their sizes, and the bytes of a pixel.
    expected: std::vec::IntoIter<(u32, u32, usize)>,
    seconds: u64,
    is_done: bool,
}

/// Begins a process that decodes these streams.
pub(in crate::media) fn decode<'a>(
    format: Format,
    streams: &[Coded<'_>],
    limits: &Limits,
) -> Result<Box<dyn Decoded + 'a>, MediaError> {
    let program = program().ok_or_else(|| {
        MediaError::variant(format, "no program was named that decodes in isolation")
    })?;
    let mut expected = Vec::new();
    let mut bytes = 0_u64;
    let mut pixels = 0_u64;
    for stream in streams {
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
    let seconds = SECONDS.saturating_add(pixels / PIXELS_OF_A_SECOND);
    let allowed = Allowed {
        memory: MEMORY_BESIDE
            .saturating_add(limits.max_decoder_bytes)
            .saturating_add(bytes.saturating_mul(3)),
        seconds,
    };
    let header = header(streams);
    let pieces = streams.iter().flat_map(|stream| &stream.pieces);
    let job: Vec<&[u8]> = std::iter::once(header.as_slice())
        .chain(pieces.map(|piece| &**piece))
        .collect();
    let patience = Duration::from_secs(seconds.saturating_mul(PATIENCE));
    let process = Process::begin(&program, MARK, allowed, patience, &job).map_err(|error| {
        MediaError::variant(format, format_args!("no process to decode it: {error}"))
    })?;
    let mut answers = Answers {
        format,
        process,
        limits: limits.clone(),
        expected: expected.into_iter(),
        seconds,
        is_done: false,
    };
    answers.begin()?;
    Ok(Box::new(answers))
}

impl Answers {
    /// Hears that the process is locked.
    fn begin(&mut self) -> Result<(), MediaError> {
        let mut ready = [0; READY.len()];
        self.read(&mut ready)?;
        match ready {
            READY => Ok(()),
            // Anything else but the beginning of a failure is no program of this kind.
            [b'F', ..] => {
                let mut rest = [0; 1];
                self.read(&mut rest)?;
                let mut answer = [0; ANSWER_BYTES];
                answer[..8].copy_from_slice(&ready);
                answer[8] = rest[0];
                Err(self.failure(Answer::read(answer)))
            }
            _ => Err(MediaError::variant(
                self.format,
                "the program named does not decode in isolation",
            )),
        }
    }

    fn read(&mut self, into: &mut [u8]) -> Result<(), MediaError> {
        let silence = self.process.read(into);
        silence.map_err(|silence| self.ended(silence))
    }

    fn answer(&mut self) -> Result<Option<Vec<u8>>, MediaError> {
        let mut answer = [0; ANSWER_BYTES];
        self.read(&mut answer)?;
        match Answer::read(answer) {
            Some(Answer::Picture(width, height)) => {
                let (across, down, each) = match self.expected.next() {
                    Some(expected) if (expected.0, expected.1) == (width, height) => expected,
                    _ => return Err(self.breach("it answered with a picture nobody asked for")),
                };
                // By what was asked for and admitted, not by what was answered.
                let bytes = u64::from(across) * u64::from(down) * each as u64;
                self.limits.admit_bytes(bytes)?;
                let mut samples = vec![0; bytes as usize];
                self.read(&mut samples)?;
                Ok(Some(samples))
            }
            Some(Answer::Done) => Ok(None),
            answer => Err(self.failure(answer)),
        }
    }

    fn failure(&mut self, answer: Option<Answer>) -> MediaError {
        let Some(Answer::Failure(kind, length)) = answer else {
            return self.breach("it answered what is no answer");
        };
        let length = length as usize;
        if length > MOST_WORDS {
            return self.breach("it answered at too great a length");
        }
        let mut words = [0; MOST_WORDS];
        let Some(words) = words.get_mut(..length) else {
            return self.breach("it answered at too great a length");
        };
        if let Err(error) = self.read(words) {
            return error;
        }
        let words = String::from_utf8_lossy(words);
        match kind {
            Kind::Damaged => MediaError::damaged(self.format, words),
            Kind::Unsupported => MediaError::variant(self.format, words),
            Kind::Memory => MediaError::out_of_memory(self.limits.max_decoder_bytes),
            Kind::Unlocked => MediaError::variant(
                self.format,
                format_args!("no isolation to decode it in: {words}"),
            ),
        }
    }

    fn ended(&mut self, silence: Silence) -> MediaError {
        let late = MediaError::TooLarge {
            what: Quantity::Seconds,
            got: self.seconds.saturating_add(1),
            limit: self.seconds,
        };
        match silence {
            Silence::Late => late,
            Silence::Failed(error) => {
                MediaError::variant(self.format, format_args!("its decoder was lost: {error}"))
            }
            Silence::Ended(status) => match signal(status) {
                Some(libc::SIGXCPU | libc::SIGKILL) => late,
                Some(libc::SIGABRT) => MediaError::out_of_memory(self.limits.max_decoder_bytes),
                Some(libc::SIGSYS) => self.breach("it called the system for what is forbidden"),
                Some(libc::SIGSEGV | libc::SIGBUS | libc::SIGILL) => {
                    self.breach("it used memory that is not its own")
                }
                _ => MediaError::damaged(self.format, "its decoder ended early"),
            },
        }
    }

    /// The isolation held something back that should never have been tried.
    fn breach(&self, what: &'static str) -> MediaError {
        tracing::error!(
            format = self.format.name(),
            what,
            "an isolated decoder was taken over or is broken: the file that did it should be kept and looked into"
        );
        MediaError::damaged(self.format, "its decoder broke out, and was stopped")
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
            self.process.end();
        }
        answer
    }
}
