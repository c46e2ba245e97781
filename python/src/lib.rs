//! The Python interface of hashgate: what `pyhashgate` imports as `pyhashgate._native`.
//!
//! Owns how Python's values become hashgate's and back, which threads work, and what a fork of the process may find.
//! Refuses to decide anything: that is [`hashgate::gate`]. Everything that takes long runs without Python's lock.
//!
//! | file | what it owns |
//! | --- | --- |
//! | `gate` | `Gate`: uploads and hashes asked about |
//! | `verdict` | `Verdict` and `Match`, as Python reads them |
//! | `hashes` | hashes of a picture's bytes or pixels, and how far two are apart |
//! | `held` | `HashIndex`: hashes of the caller's own, searched in memory |
//! | `given` | what callers hand over: bytes, hashes, names |
//! | `working` | calls under way, the threads that work at them, and forks |
//! | `error` | errors with their causes |

mod error;
mod gate;
mod given;
mod hashes;
mod held;
mod verdict;
mod working;

use pyo3::prelude::*;

/// What `pyhashgate` is made of.
#[pymodule(name = "_native")]
mod native {
    #[pymodule_export]
    use super::error::{HashgateError, IndexFolderError, NotJudgedError};
    #[pymodule_export]
    use super::gate::Gate;
    #[pymodule_export]
    use super::hashes::{Comparison, Hashes, compare, distance, hash, hash_pixels, image_hash};
    #[pymodule_export]
    use super::held::HashIndex;
    #[pymodule_export]
    use super::verdict::{Match, Verdict};
    #[pymodule_export]
    use super::working::{after_fork, after_fork_in_child, before_fork, cores};

    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
