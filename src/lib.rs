//! hashgate: a perceptual-hash matching engine for known abusive media.
//!
//! (overview follows)

pub mod bank;
pub mod hash;
