//! hashgate: a perceptual-hash matching engine for known abusive media.
//!
//! (overview follows)

pub mod bank;
pub mod hamming;
pub mod hash;
pub mod hashset;
pub mod index;
#[cfg(feature = "decode")]
pub mod media;
pub mod segment;
pub mod signal;
#[cfg(feature = "store")]
pub mod store;
