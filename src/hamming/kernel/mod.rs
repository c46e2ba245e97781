//! Kernels: one algorithm over each instruction set that the processor may have.
//!
//! The processor is asked once ([`Kernel::detect`]); the environment variable `HASHGATE_KERNEL`
//! forces one, for tests and for comparisons. Every kernel answers the same, bit by bit.
//!
//! The operations are those of a near index: scan rows of hashes ([`Kernel::scan`]; for many queries
//! [`Kernel::scan_turned`]), scan buckets
//! of 16-bit sibling chunks ([`Kernel::scan_buckets`]), and verify candidates ([`Kernel::verify`]);
//! the latter two also for many queries at a time ([`Kernel::scan_shared`] where they
//! are sorted by bucket, [`Kernel::scan_around`] where they are not, [`Kernel::verify_shared`]).

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod generic;
#[cfg(target_arch = "aarch64")]
mod neon;
mod prefetch;
mod scalar;
mod shared;
mod turned;

pub use generic::{Candidate, Column, Found, PROBES_AHEAD, Probe, Row, Survivor};
pub use prefetch::prefetch;
pub use shared::{Around, BUCKETS, Met, SharedFound, SharedProbe};
pub use turned::Turned;

use std::ops::Range;
use std::sync::OnceLock;

/// An implementation of the distance operations for one instruction set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kernel {
    /// Portable code, for any processor.
    Scalar,
    /// x86-64 with AVX2.
    Avx2,
    /// x86-64 with AVX-512 F, BW, VL, BITALG and VPOPCNTDQ.
    Avx512,
    /// AArch64 with NEON.
    Neon,
}

/// Why a kernel that was asked for cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// No kernel goes by that name.
    #[error(
        "HASHGATE_KERNEL={given:?} is not a kernel; known are scalar, avx2, avx512, neon (or unset \
         it to let hashgate choose)"
    )]
    Unknown {
        /// The name that was given.
        given: String,
    },
    /// This processor lacks the kernel's instructions.
    #[error(
        "HASHGATE_KERNEL={name} asks for instructions that this processor lacks; here are \
         available: {available} (or unset it to let hashgate choose)"
    )]
    Unavailable {
        /// The kernel's name.
        name: &'static str,
        /// The names of those that would work.
        available: String,
    },
}

impl Kernel {
    /// Every kernel, from the slowest to the fastest.
    pub const ALL: [Self; 4] = [Self::Scalar, Self::Neon, Self::Avx2, Self::Avx512];

    /// The name, as `HASHGATE_KERNEL` and `status` have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Neon => "neon",
        }
    }

    /// Whether this processor has the instructions.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512bitalg")
                    && is_x86_feature_detected!("avx512vpopcntdq")
                    && is_x86_feature_detected!("popcnt")
            }
            #[cfg(target_arch = "aarch64")]
            Self::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            _ => false,
        }
    }

    /// The kernels that this processor can run, from the slowest to the fastest.
    #[must_use]
    pub fn available() -> Vec<Self> {
        Self::ALL
            .into_iter()
            .filter(|kernel| kernel.is_available())
            .collect()
    }

    /// The kernel to use: the one that `HASHGATE_KERNEL` names, else the fastest available.
    ///
    /// The environment and the processor are asked once in the life of the process.
    ///
    /// # Errors
    /// [`KernelError`] where `HASHGATE_KERNEL` names no kernel, or one that this processor lacks.
    pub fn detect() -> Result<Self, KernelError> {
        static CHOSEN: OnceLock<Result<Kernel, KernelError>> = OnceLock::new();
        CHOSEN
            .get_or_init(|| {
                let asked = std::env::var_os("HASHGATE_KERNEL");
                let asked = asked.map(|name| name.to_string_lossy().into_owned());
                let chosen = Self::choose(asked.as_deref());
                if let Ok(kernel) = &chosen {
                    tracing::debug!(kernel = kernel.name(), "distance kernel chosen");
                }
                chosen
            })
            .clone()
    }

    /// The kernel that a value of `HASHGATE_KERNEL` stands for; the fastest for `None` or empty.
    ///
    /// # Errors
    /// As [`Kernel::detect`].
    pub fn choose(asked: Option<&str>) -> Result<Self, KernelError> {
        let available = Self::available();
        let Some(given) = asked.filter(|name| !name.is_empty()) else {
            return Ok(available.last().copied().unwrap_or(Self::Scalar));
        };
        let kernel = Self::ALL
            .into_iter()
            .find(|kernel| kernel.name().eq_ignore_ascii_case(given))
            .ok_or_else(|| KernelError::Unknown {
                given: given.to_owned(),
            })?;
        if kernel.is_available() {
            return Ok(kernel);
        }
        let names: Vec<_> = available.into_iter().map(Self::name).collect();
        Err(KernelError::Unavailable {
            name: kernel.name(),
            available: names.join(", "),
        })
    }
}

/// Calls `$function` of the module that serves the kernel.
///
/// A kernel that the processor lacks falls back to the scalar one: `Kernel` is a plain value that
/// anyone can write down, and availability is what the vector modules' safety rests on.
macro_rules! dispatch {
    ($kernel:expr, $function:ident $(::<$generic:ty>)? ( $($argument:expr),* $(,)? )) => {
        match $kernel {
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512 if Kernel::Avx512.is_available() => {
                avx512::$function$(::<$generic>)?($($argument),*)
            }
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 if Kernel::Avx2.is_available() => {
                avx2::$function$(::<$generic>)?($($argument),*)
            }
            #[cfg(target_arch = "aarch64")]
            Kernel::Neon if Kernel::Neon.is_available() => {
                neon::$function$(::<$generic>)?($($argument),*)
            }
            _ => scalar::$function$(::<$generic>)?($($argument),*),
        }
    };
}

impl Kernel {
    /// Appends to `found` every row within `radius` bits of `query`, in order; `base` is the
    /// number of the first row.
    pub fn scan<R: Row>(
        self,
        rows: &[R],
        base: u32,
        query: &R,
        radius: u32,
        found: &mut Vec<Found>,
    ) {
        dispatch!(self, scan::<R>(rows, base, query, radius, found));
    }

    /// Turns rows for [`Kernel::scan_turned`]; `None` where this kernel scans them as fast as they are.
    pub fn turn(self, rows: &[[u32; 8]], turned: &mut Vec<Turned>) -> Option<()> {
        #[cfg(target_arch = "x86_64")]
        if self == Self::Avx2 {
            turned::turn(rows, turned);
            return Some(());
        }
        turned.clear();
        None
    }

    /// As [`Kernel::scan`], of rows that were also [turned](Kernel::turn): for many queries over the same rows.
    pub fn scan_turned(
        self,
        (rows, turned): (&[[u32; 8]], &[Turned]),
        base: u32,
        query: &[u32; 8],
        radius: u32,
        found: &mut Vec<Found>,
    ) {
        dispatch!(self, scan_turned(rows, turned, base, query, radius, found));
    }

    /// Scans the buckets that a part of the `probes` names and puts the entries whose sibling chunk
    /// is within the probe's bounds into `survivors`, until a probe's entries might not fit.
    /// Returns the number of the first probe that was not scanned, and the number of survivors.
    /// The ids of survivors are asked for, and the buckets of up to [`PROBES_AHEAD`] probes ahead,
    /// those behind the part too.
    ///
    /// `columns` holds the entries of each table. Entries outside a column are not met.
    ///
    /// # Panics
    /// Where a probe has more entries than there are `survivors`.
    pub fn scan_buckets(
        self,
        columns: &[Column<'_>],
        probes: &[Probe],
        part: Range<usize>,
        survivors: &mut [Survivor],
    ) -> (usize, usize) {
        dispatch!(self, scan_buckets(columns, probes, part, survivors))
    }

    /// Appends to `found` the candidates that lie within `radius` of `query` and whose own word
    /// is the first that lies within its threshold, so that no hash is found twice.
    ///
    /// `thresholds` holds one value a word, -1 for a word that is not asked. Candidates outside
    /// `rows` are left out.
    pub fn verify<R: Row>(
        self,
        rows: &[R],
        candidates: &[Candidate],
        query: &R,
        thresholds: &[i32; 8],
        radius: u32,
        found: &mut Vec<Found>,
    ) {
        dispatch!(
            self,
            verify::<R>(rows, candidates, query, thresholds, radius, found)
        );
    }

    /// As [`Kernel::scan_buckets`] over the column of one table, for many queries. Probes of one
    /// bucket that stand side by side share the reading of it.
    ///
    /// # Panics
    /// Where a probe has more entries than there are `survivors`.
    pub fn scan_shared(
        self,
        column: &[u16],
        probes: &[SharedProbe],
        from: usize,
        survivors: &mut [Met],
    ) -> (usize, usize) {
        dispatch!(self, scan_shared(column, probes, from, survivors))
    }

    /// Scans, for one of many queries that go through a table together, the buckets that `flips` of its chunk
    /// lead to, from number `from` on: no list of them is made. Puts the entries whose sibling chunk is within
    /// bounds into `survivors`, until a bucket's entries might not fit. Returns the number of the first flip that
    /// was not asked, and the number of survivors.
    ///
    /// Buckets of more than [`Around::longest`] entries are not scanned: they are put into `long`. `column` holds
    /// the table's entries, `offsets` where its buckets begin. Entries outside the column are not met.
    ///
    /// # Panics
    /// Where there is less room for survivors than [`Around::longest`].
    #[expect(clippy::too_many_arguments, reason = "columns in, columns out")]
    pub fn scan_around(
        self,
        column: &[u16],
        offsets: &[u32; BUCKETS + 1],
        flips: &[u16],
        around: &Around,
        from: usize,
        survivors: &mut [Met],
        long: &mut Vec<SharedProbe>,
    ) -> (usize, usize) {
        assert!(
            survivors.len() >= around.longest as usize,
            "there is too little room"
        );
        dispatch!(
            self,
            scan_around(column, offsets, flips, around, from, survivors, long)
        )
    }

    /// As [`Kernel::verify`], for candidates of many queries that were all found by `word`.
    #[expect(clippy::too_many_arguments, reason = "columns in, columns out")]
    pub fn verify_shared<R: Row>(
        self,
        rows: &[R],
        queries: &[R],
        candidates: &[Met],
        word: u32,
        thresholds: &[i32; 8],
        radius: u32,
        found: &mut Vec<SharedFound>,
    ) {
        dispatch!(
            self,
            verify_shared::<R>(rows, queries, candidates, word, thresholds, radius, found)
        );
    }
}

#[cfg(test)]
mod tests;
