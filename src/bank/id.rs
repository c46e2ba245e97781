//! A bank's number.
//!
//! Owned here: the number as a value. Not owned: which number a bank gets (the store gives it).

use serde::{Deserialize, Serialize};

/// The number of a bank: given once by the store, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BankId(pub u32);
