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
//! Decoding streams of pictures is one job (`client::decode`); looking at whole uploads is another, which
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
mod here;
mod job;
mod lock;
mod process;
mod program;
mod worker;

pub(crate) use client::allowed;
pub(super) use client::decode;
pub(crate) use conversation::{Conversation, Errand};
pub(crate) use job::{Answer, Failure, Kind};
pub(crate) use program::asked;
pub use program::use_program;
pub(crate) use worker::{answer, serve};

/// Decodes streams, if this program was executed for that: the answer is the exit code.
pub(crate) fn serve_streams() -> Option<i32> {
    asked(program::DECODE).map(|allowed| serve(allowed, worker::decode))
}

/// What a fuzzer says in the place of a process, for whoever asks. Not for any other use.
#[cfg(fuzzing)]
pub(crate) mod said {
    use super::Conversation;
    use super::client::Answers;
    use super::process::{Silence, Voice};
    use crate::media::coded::Decoded;
    use crate::media::{Limits, MediaError};
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
