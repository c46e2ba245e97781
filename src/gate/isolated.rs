//! What of an upload is looked at in a process of its own, and how a program becomes that process.
//!
//! A process that looks is the program that [`use_program`] names, executed again. It gives up all it might do (open,
//! connect, execute, signal) *before* it reads a byte of the upload, and ends with it. Linux only. Where there is no such
//! process, or no lock for it, the outcome is [`Unsupported`](crate::gate::Outcome::Unsupported): nothing that is to
//! run isolated ever runs without.
//!
//! # For a service
//!
//! The program that is executed must call `serve_if_asked` first thing in `main`; the command `hashgate` does. A
//! service names one at its start:
//!
#![cfg_attr(all(feature = "isolated", target_os = "linux"), doc = "```no_run")]
#![cfg_attr(not(all(feature = "isolated", target_os = "linux")), doc = "```ignore")]
//! use hashgate::gate::isolated::{Isolation, serve_if_asked, use_program};
//! use hashgate::gate::{Gate, GateOptions};
//! // The service's own program, which begins with `serve_if_asked`:
//! if let Some(code) = serve_if_asked() {
//!     std::process::exit(code);
//! }
//! use_program("/proc/self/exe");
//! // Or the command `hashgate`, where it is installed beside:
//! use_program("/usr/bin/hashgate");
//! let options = GateOptions::default().isolation(Isolation::Everything);
//! let gate = Gate::open_with("index", options)?;
//! # Ok::<(), hashgate::gate::GateError>(())
//! ```
//!
//! Until a program is named, what is to run isolated is unsupported.

use std::fmt;
use std::str::FromStr;

#[cfg(all(feature = "isolated", target_os = "linux"))]
pub use crate::media::isolated::use_program;

/// What of an upload is looked at in a process of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Isolation {
    /// What decoders work on that have much code whose memory safety no compiler has checked: AVIF.
    #[default]
    Unchecked,
    /// The whole upload. Its bytes are read by nothing but digests in the process that asks, save that of a JPEG its
    /// header is looked at. Each upload costs a process of its own, and the memory that its decoder may take is
    /// reserved whole where there is a budget.
    Everything,
}

/// A text that names no [`Isolation`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not unchecked or everything")]
pub struct IsolationError {
    /// What was given.
    pub given: String,
}

impl Isolation {
    /// The name, as it is written on a command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unchecked => "unchecked",
            Self::Everything => "everything",
        }
    }
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Isolation {
    type Err = IsolationError;

    fn from_str(text: &str) -> Result<Self, IsolationError> {
        let all = [Self::Unchecked, Self::Everything].into_iter();
        let mut named = all.filter(|one| one.name() == text);
        named.next().ok_or_else(|| IsolationError {
            given: text.to_owned(),
        })
    }
}

/// Decodes or looks, if this program was executed for that: the answer is the exit code, to exit with at once. `None` in
/// any other case, where nothing has happened.
///
/// Call it first thing in `main`, while there is one thread: it locks only the thread that calls.
#[cfg(all(feature = "isolated", target_os = "linux"))]
#[must_use]
pub fn serve_if_asked() -> Option<i32> {
    crate::media::isolated::serve_streams().or_else(crate::gate::look::apart::serve_if_asked)
}

/// Takes bytes for the answers of a process, which then ends so: for the fuzzer, and for nothing else.
#[cfg(all(fuzzing, feature = "isolated", target_os = "linux"))]
#[doc(hidden)]
pub fn take_for_answers(bytes: &[u8], end: i32) {
    use crate::gate::look::apart::hear;
    use crate::hash::SignalType;
    use crate::media::isolated::said;
    if let Ok(pictures) = said::pictures(bytes, end) {
        assert_eq!(pictures, [45, 4]);
    }
    let wanted = [SignalType::Pdq, SignalType::Dhash];
    let Ok(heard) = said::conversation(bytes, end) else {
        return;
    };
    if let Ok(sight) = hear(heard, &wanted, false) {
        let extraction = sight.extraction;
        assert!(!extraction.fast && sight.pictures.len() <= 4);
        let signals = extraction.signals.iter().map(|signal| signal.signal_type());
        let queries = extraction
            .queries
            .iter()
            .map(|query| query.signal.signal_type());
        assert!(signals.chain(queries).all(|kind| wanted.contains(&kind)));
    }
}
