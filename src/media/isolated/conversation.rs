//! A process that was asked something: how its answers and its silence are taken. Nothing that it says is believed.

use std::time::Duration;

use super::job::{ANSWER_BYTES, Answer, Kind, MOST_WORDS, READY};
use super::lock::Allowed;
use super::process::{Process, Silence, Voice, signal};
use super::program::program;
use crate::media::error::Quantity;
use crate::media::{Format, MediaError};

/// On a busy machine a process may have to wait for its turn.
const PATIENCE: u64 = 4;

/// What a process is executed for.
#[derive(Clone, Copy)]
pub(crate) struct Errand<'a> {
    /// The first argument of the program.
    pub(crate) mark: &'static str,
    /// What the input is, where that is known.
    pub(crate) format: Option<Format>,
    /// What the process may use.
    pub(crate) allowed: Allowed,
    /// The limit on memory that an error names.
    pub(crate) limit: u64,
    /// What stands in its standard input, part by part.
    pub(crate) job: &'a [&'a [u8]],
}

/// A process that was asked something.
pub(crate) struct Conversation {
    format: Option<Format>,
    voice: Box<dyn Voice>,
    limit: u64,
    seconds: u64,
}

impl Conversation {
    /// Executes the program that was named, and hears that it is locked.
    pub(crate) fn begin(errand: Errand<'_>) -> Result<Self, MediaError> {
        let Errand {
            mark,
            format,
            allowed,
            limit,
            job,
        } = errand;
        let program = program().ok_or_else(|| {
            MediaError::variant(format, "no program was named that decodes in isolation")
        })?;
        let seconds = allowed.seconds;
        let patience = Duration::from_secs(seconds.saturating_mul(PATIENCE));
        let process = Process::begin(&program, mark, allowed, patience, job).map_err(|error| {
            MediaError::variant(format, format_args!("no process to decode it: {error}"))
        })?;
        Self::with(Box::new(process), format, limit, seconds)
    }

    /// Hears that whoever speaks is locked.
    pub(super) fn with(
        voice: Box<dyn Voice>,
        format: Option<Format>,
        limit: u64,
        seconds: u64,
    ) -> Result<Self, MediaError> {
        let mut begun = Self {
            format,
            voice,
            limit,
            seconds,
        };
        begun.hear_that_it_is_locked()?;
        Ok(begun)
    }

    fn hear_that_it_is_locked(&mut self) -> Result<(), MediaError> {
        let mut ready = [0; READY.len()];
        match self.voice.read(&mut ready) {
            Ok(()) => {}
            Err(Silence::Ended(status)) if signal(status).is_none() => {
                let what = "the program named ended before it was locked";
                return Err(MediaError::variant(self.format, what));
            }
            Err(silence) => return Err(self.ended(silence)),
        }
        match ready {
            READY => Ok(()),
            // Anything else but the beginning of a failure is no program of this kind.
            [b'F', ..] => {
                let mut answer = [0; ANSWER_BYTES];
                let (first, rest) = answer.split_at_mut(ready.len());
                first.copy_from_slice(&ready);
                self.read(rest)?;
                Err(self.failure(Answer::read(answer)))
            }
            _ => Err(MediaError::variant(
                self.format,
                "the program named does not decode in isolation",
            )),
        }
    }

    /// The next answer that is no failure.
    pub(crate) fn answer(&mut self) -> Result<Answer, MediaError> {
        let mut answer = [0; ANSWER_BYTES];
        self.read(&mut answer)?;
        match Answer::read(answer) {
            None | Some(Answer::Failure(..)) => Err(self.failure(Answer::read(answer))),
            Some(answer) => Ok(answer),
        }
    }

    /// Fills these bytes with what follows.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> Result<(), MediaError> {
        let silence = self.voice.read(into);
        silence.map_err(|silence| self.ended(silence))
    }

    /// Ends the process, unless it has ended.
    pub(crate) fn end(&mut self) {
        self.voice.end();
    }

    fn failure(&mut self, answer: Option<Answer>) -> MediaError {
        let Some(Answer::Failure(kind, length)) = answer else {
            return self.breach("it answered what is no answer");
        };
        let mut words = [0; MOST_WORDS];
        let Some(words) = words.get_mut(..length as usize) else {
            return self.breach("it answered at too great a length");
        };
        if let Err(error) = self.read(words) {
            return error;
        }
        of_failure(
            self.format,
            self.limit,
            kind,
            &String::from_utf8_lossy(words),
        )
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
                Some(libc::SIGABRT) => MediaError::out_of_memory(self.limit),
                Some(libc::SIGSYS) => self.breach("it called the system for what is forbidden"),
                Some(libc::SIGSEGV | libc::SIGBUS | libc::SIGILL) => {
                    self.breach("it used memory that is not its own")
                }
                _ => MediaError::damaged(self.format, "its decoder ended early"),
            },
        }
    }

    /// The isolation held something back that should never have been tried.
    pub(crate) fn breach(&self, what: &'static str) -> MediaError {
        tracing::error!(
            format = self.format.map_or("unknown", Format::name),
            what,
            "an isolated decoder was taken over or is broken: the file that did it should be kept and looked into"
        );
        MediaError::damaged(self.format, "its decoder broke out, and was stopped")
    }
}

/// What a failure in a locked process means.
pub(super) fn of_failure(
    format: Option<Format>,
    limit: u64,
    kind: Kind,
    words: &str,
) -> MediaError {
    match kind {
        Kind::Damaged => MediaError::damaged(format, words),
        Kind::Unsupported => MediaError::variant(format, words),
        Kind::Memory => MediaError::out_of_memory(limit),
        Kind::Unlocked => MediaError::variant(
            format,
            format_args!("no isolation to decode it in: {words}"),
        ),
    }
}
