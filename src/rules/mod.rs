//! Floor 0: the rules of evidence: every limit by which something beyond a threshold is judged, where each comes
//! from, and which version of them is in force.
//!
//! | file | what it is |
//! | --- | --- |
//! | `table.tsv` | every limit: value, unit, what it bounds, and where the value comes from |
//! | `data.tsv` | the data sets that limits come from, each with the SHA-256 of its manifest |
//! | `versions.tsv` | every version of the rules, with the digest of its values and what it changed |
//! | `values.rs` | the values as constants, made from these by `tests/rules.rs` |
//!
//! Code takes its limits from [`values`]: nothing is read while uploads are judged. `HASHGATE_RENEW=1 cargo test --test
//! rules` writes the constants anew after a change of the table, and the test fails until a new version has its row.
//!
//! This room refuses to judge, and to know what a limit does: that is said where it is used.

mod table;
#[doc(hidden)]
pub mod values;
mod version;

pub use table::{Basis, DataSet, Limit, RulesError, Table, Version};
pub use version::{Rules, RulesParseError};
