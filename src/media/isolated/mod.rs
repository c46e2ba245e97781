//! Decoders that are locked into a process of their own.
//!
//! Some decoders have code in them whose memory safety no compiler has checked. A fault in one must not reach the
//! program that asks. So they run in another process: the same program executed again, which gives up all it might
//! do (open, connect, execute, signal) *before* it reads a byte of the input. It reads its job from sealed memory, and
//! writes its answers into a pipe, that is all.
//!
//! Owned here: that process, what it is locked by, and the conversation with it. Who asks believes nothing that comes
//! back: each field is held against what was asked for, memory is taken by that alone, and a deadline ends a process
//! that does not answer. Where there is no such lock to be had the files are
//! [`Unsupported`](super::MediaError::Unsupported): never decoded without it.
//!
//! Decoding streams of pictures is one job ([`decode`](client::decode)); looking at whole uploads is another, which
//! `gate` brings along.
//!
//! # One process for each file
//!
//! A process ends with its file. One that went on to the next could, once a file has taken it over, answer for all that
//! come after: a missed match for each. So what a process costs to begin is paid for each file. It is measured in the
//! book (`docs/src/measured.md`).
#![cfg_attr(
    not(feature = "avif"),
    allow(
        dead_code,
        unused_imports,
        reason = "no stream of AVIF is decoded then"
    )
)]

#[cfg(feature = "avif")]
mod av1;
mod client;
#[cfg(feature = "avif")]
mod colours;
mod conversation;
mod job;
mod lock;
mod process;
mod worker;

use std::path::PathBuf;
use std::sync::RwLock;

pub(crate) use client::allowed;
pub(super) use client::decode;
pub(crate) use conversation::{Conversation, Errand};
pub(crate) use job::{Answer, Failure, Kind};
pub(crate) use lock::Allowed;
pub(crate) use worker::{answer, serve};

use super::coded::{Coded, Decoded};
use super::{Format, Limits, MediaError};

/// The first argument of a program that is executed to decode streams.
const DECODE: &str = "decode-in-isolation";

/// The program to execute.
static PROGRAM: RwLock<Option<PathBuf>> = RwLock::new(None);

/// Names the program that decodes in isolation, for this whole process: `/proc/self/exe` is the program that runs, and
/// the command `hashgate` does as well. It must call [`serve_if_asked`](crate::gate::isolated::serve_if_asked) first
/// thing in `main`; see there.
pub fn use_program(program: impl Into<PathBuf>) {
    // Nothing can panic while it is held.
    *PROGRAM
        .write()
        .unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(program.into());
}

fn program() -> Option<PathBuf> {
    let program = PROGRAM.read();
    program
        .unwrap_or_else(|poisoned| poisoned.into_inner())
        .clone()
}

/// What this program may use, if it was executed with this mark.
pub(crate) fn asked(mark: &str) -> Option<Allowed> {
    // Of other calls they may be no text at all.
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != mark {
        return None;
    }
    let mut number = || arguments.next()?.to_str()?.parse().ok();
    Some(Allowed {
        memory: number()?,
        seconds: number()?,
    })
}

/// Decodes streams, if this program was executed for that: the answer is the exit code.
pub(crate) fn serve_streams() -> Option<i32> {
    asked(DECODE).map(|allowed| serve(allowed, worker::decode))
}

/// Decodes streams in this process, which is locked.
#[cfg(feature = "avif")]
fn here<'a>(
    format: Format,
    streams: Vec<Coded<'a>>,
    limits: &Limits,
) -> Result<Box<dyn Decoded + 'a>, MediaError> {
    struct Here<'a>(av1::Pictures<'a>, Format, u64);
    impl Decoded for Here<'_> {
        fn next(&mut self) -> Result<Option<Vec<u8>>, MediaError> {
            let Self(pictures, format, limit) = self;
            let next = pictures.next().map_err(|Failure(kind, words)| {
                conversation::of_failure(Some(*format), *limit, kind, &words)
            })?;
            Ok(next.map(|picture| picture.samples))
        }
    }
    let pictures = av1::Pictures::new(streams);
    Ok(Box::new(Here(pictures, format, limits.max_decoder_bytes)))
}

#[cfg(not(feature = "avif"))]
fn here<'a>(
    format: Format,
    _: Vec<Coded<'a>>,
    _: &Limits,
) -> Result<Box<dyn Decoded + 'a>, MediaError> {
    Err(MediaError::variant(
        format,
        "coded in no way that is built in",
    ))
}

/// What a fuzzer says in the place of a process, for whoever asks. Not for any other use.
#[cfg(fuzzing)]
pub(crate) mod said {
    use super::client::Answers;
    use super::process::{Silence, Voice};
    use super::{Conversation, Decoded, Limits, MediaError};
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    struct Said {
        bytes: Vec<u8>,
        at: usize,
        end: i32,
    }

    impl Voice for Said {
        fn read(&mut self, into: &mut [u8]) -> Result<(), Silence> {
            let end = self.at + into.len();
            match self.bytes.get(self.at..end) {
                Some(bytes) => into.copy_from_slice(bytes),
                None => return Err(Silence::Ended(ExitStatus::from_raw(self.end))),
            }
            self.at = end;
            Ok(())
        }

        fn end(&mut self) -> Option<ExitStatus> {
            None
        }
    }

    /// A process that says these bytes, and ends so.
    pub(crate) fn conversation(bytes: &[u8], end: i32) -> Result<Conversation, MediaError> {
        let said = Said {
            bytes: bytes.to_vec(),
            at: 0,
            end,
        };
        Conversation::with(Box::new(said), None, 1 << 20, 10)
    }

    /// Takes them for pictures of 5 by 3 and 2 by 2 pixels: how many bytes each has.
    pub(crate) fn pictures(bytes: &[u8], end: i32) -> Result<Vec<usize>, MediaError> {
        let heard = conversation(bytes, end)?;
        let expected = vec![(5, 3, 3), (2, 2, 1)];
        let mut answers = Answers::new(heard, expected, &Limits::default());
        let mut all = Vec::new();
        while let Some(samples) = answers.next()? {
            all.push(samples.len());
        }
        Ok(all)
    }
}
