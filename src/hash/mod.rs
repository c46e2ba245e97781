//! Floor 0: the values that everything else speaks of.
//!
//! A **hash** is the value, a [`SignalType`] the kind of hash, a [`Signal`] both together. This
//! room parses, prints and orders them and knows how many bits they have. It refuses to compute
//! a hash (that is `signal`), to compare two (that is `hamming`) or to know what a bank is.

mod digest;
mod distance;
mod form;
mod hash64;
pub mod hex;
mod pattern;
mod pdq;
mod quality;
mod reach;
mod signal;
mod signal_type;
mod variant;

pub use digest::{Md5Digest, Sha1Digest, Sha256Digest};
pub use distance::{Distance, Threshold};
pub use form::{Form, FormError};
pub use hash64::Hash64;
pub use hex::HexError;
pub use pdq::PdqHash;
pub use quality::{Quality, QualityError};
pub use reach::Reach;
pub use signal::{Signal, SignalError};
pub use signal_type::{Family, SignalType, UnknownSignalType};
pub use variant::{Edge, Frame, Sides, Transform, Variant, VariantError, View};
