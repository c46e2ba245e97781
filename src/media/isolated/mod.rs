//! Decoders that are locked into a process of their own.
//!
//! Some decoders have code in them whose memory safety no compiler has checked. A fault in one must not reach the
//! program that asks. So they run in another process: the same program executed again, which gives up all it might
//! do (open, connect, execute, signal) *before* it reads a byte of the input. It reads the coded pictures from
//! sealed memory, and writes samples into a pipe, that is all.
//!
//! Owned here: that process ([`serve_if_asked`]), what it is locked by, and its client. The client believes nothing
//! that comes back: each field is held against what was asked for, memory is taken by that alone, and a deadline
//! ends a process that does not answer. Where there is no such lock to be had the files are
//! [`Unsupported`](super::MediaError::Unsupported): never decoded without it.
//!
//! # For a service
//!
//! The program that is executed must call [`serve_if_asked`] first thing in `main`; the command `hashgate` does. A
//! service names one at its start:
//!
//! ```no_run
//! // The service's own program, which begins with `serve_if_asked`:
//! if let Some(code) = hashgate::media::isolated::serve_if_asked() {
//!     std::process::exit(code);
//! }
//! hashgate::media::isolated::use_program("/proc/self/exe");
//! // Or the command `hashgate`, where it is installed beside:
//! hashgate::media::isolated::use_program("/usr/bin/hashgate");
//! ```
//!
//! Until a program is named, the formats that need one are unsupported.
#![cfg_attr(
    not(feature = "avif"),
    allow(dead_code, unused_imports, reason = "AVIF alone is decoded so, yet")
)]

#[cfg(feature = "avif")]
mod av1;
mod client;
#[cfg(feature = "avif")]
mod colours;
mod job;
mod lock;
mod process;
mod worker;

use std::path::PathBuf;
use std::sync::RwLock;

pub(super) use client::decode;

/// The first argument of a program that is executed to decode.
const MARK: &str = "decode-in-isolation";

/// The program to execute.
static PROGRAM: RwLock<Option<PathBuf>> = RwLock::new(None);

/// Names the program that decodes in isolation, for this whole process. It must call [`serve_if_asked`] first thing
/// in `main`. `/proc/self/exe` is the program that runs.
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

/// Decodes, if this program was executed for that: the answer is the exit code, to exit with at once. `None` in any
/// other case, where nothing has happened.
///
/// Call it first thing in `main`, while there is one thread: it locks only the thread that calls.
#[must_use]
pub fn serve_if_asked() -> Option<i32> {
    // Of other calls they may be no text at all.
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != MARK {
        return None;
    }
    let mut number = || arguments.next()?.to_str()?.parse().ok();
    let allowed = lock::Allowed {
        memory: number()?,
        seconds: number()?,
    };
    Some(worker::serve(allowed))
}
