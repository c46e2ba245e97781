//! Floor 3: the policy file, `config.toml`: read, checked, laid over banks, written.
//!
//! This room owns the file's words and where in it each stands, so that a fault is named with
//! its line. What the words mean, and which of them win, is said by
//! [`Policy`](crate::bank::Policy). It refuses to open files, to keep policies (that is `store`) and to put
//! them in force (that is `index`).
//!
//! ```
//! use hashgate::bank::{Action, Bank, BankId, Policy};
//! use hashgate::hash::SignalType;
//! use hashgate::policy::PolicyFile;
//! let file = PolicyFile::parse("config.toml", r#"
//!     [bank.known]
//!     min_sources = 2
//!     [bank.known.label.doubtful]
//!     action = "review"
//! "#)?;
//! let own = Policy::new(Action::Block);
//! let laid = file.lay_over(&Bank { id: BankId(1), name: "known".parse()?, policy: own });
//! assert_eq!(laid.min_sources, 2);
//! let doubtful = laid.effective(SignalType::Pdq, |label| label == "doubtful");
//! assert_eq!(doubtful.action, Action::Review);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod file;
mod nearest;
mod parse;
mod write;

pub use crate::clock::{DateError, date, time};
pub use file::{PolicyFile, Section};
pub use parse::{Fault, FileError};
pub use write::write;
