//! Which program is executed to decode, and how it knows that it was.

use std::path::PathBuf;
use std::sync::RwLock;

use super::lock::Allowed;

/// The first argument of a program that is executed to decode streams.
pub(super) const DECODE: &str = "decode-in-isolation";

/// What the program must be a build of: both sides speak the same words then.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The program to execute.
static PROGRAM: RwLock<Option<PathBuf>> = RwLock::new(None);

/// Names the program that decodes in isolation, for this whole process: `/proc/self/exe` is the program that runs, and
/// `hashgate-worker`, which is built with this crate, starts sooner. It must be of this crate's version and call [`serve_if_asked`](crate::gate::isolated::serve_if_asked) first
/// thing in `main`; see there.
pub fn use_program(program: impl Into<PathBuf>) {
    // Nothing can panic while it is held.
    *PROGRAM
        .write()
        .unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(program.into());
}

pub(super) fn program() -> Option<PathBuf> {
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
    let allowed = Allowed {
        memory: number()?,
        seconds: number()?,
    };
    (arguments.next()? == VERSION).then_some(allowed)
}
