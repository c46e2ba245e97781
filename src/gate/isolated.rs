//! How a program becomes the process that decodes or looks apart: see [`Isolation`](crate::gate::Isolation).
//!
//! A process that looks is the program that [`use_program`] names, executed again. It gives up all it might do (open,
//! connect, execute, signal) *before* it reads a byte of the upload, and ends with it. Linux only. Where there is no such
//! process, or no lock for it, the outcome is [`Unsupported`](crate::gate::Outcome::Unsupported): nothing that is to
//! run isolated ever runs without.
//!
//! # For a service
//!
//! The program `hashgate-worker`, which is built with this crate, is there for it. Any program of the same version will do
//! that calls [`serve_if_asked`] first thing in `main`; the command `hashgate` does. A service names one at its start:
//!
//! ```no_run
//! use hashgate::gate::isolated::{serve_if_asked, use_program};
//! use hashgate::gate::{Gate, GateOptions, Isolation};
//! // The service's own program, which begins with `serve_if_asked`:
//! if let Some(code) = serve_if_asked() {
//!     std::process::exit(code);
//! }
//! use_program("/proc/self/exe");
//! // Or the small one, where it was installed:
//! use_program("/usr/lib/my-service/hashgate-worker");
//! let options = GateOptions::default().isolation(Isolation::Everything);
//! let gate = Gate::open_with("index", options)?;
//! # Ok::<(), hashgate::gate::GateError>(())
//! ```
//!
//! Until a program is named, what is to run isolated is unsupported.

pub use crate::media::isolated::use_program;

/// Decodes or looks, if this program was executed for that: the answer is the exit code, to exit with at once. `None` in
/// any other case, where nothing has happened.
///
/// Call it first thing in `main`, while there is one thread: it locks only the thread that calls.
#[must_use]
pub fn serve_if_asked() -> Option<i32> {
    crate::media::isolated::serve_streams().or_else(crate::gate::look::locked::serve_if_asked)
}

/// Takes bytes for the answers of a process, which then ends so: for the fuzzer, and for nothing else.
#[cfg(fuzzing)]
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
