//! Floor 6: what is done to banks, for whoever keeps them: a command, a service, a program.
//!
//! This room owns the workspace folder and the operations on it: creating banks, adding pictures,
//! importing lists, publishing, withdrawing, auditing, exporting. Each operation returns a typed outcome
//! and reports to an [`Observer`]. It refuses to know a terminal: it prints nothing, and it reads no
//! arguments.
//!
//! The workspace's paths and the policy file need no store. The operations come with the feature
//! `curation`, which brings RocksDB.
//!
#![cfg_attr(feature = "curation", doc = "```")]
#![cfg_attr(not(feature = "curation"), doc = "```ignore")]
//! use hashgate::bank::{Action, Policy};
//! use hashgate::curation::publish::{PublishPlan, publish};
//! use hashgate::curation::verify::verify;
//! use hashgate::curation::{Silent, Workspace, banks};
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path().join("home");
//! let workspace = Workspace::at(folder)?;
//! banks::create(&workspace, &"known".parse()?, Policy::new(Action::Block))?;
//! let outcome = publish(&workspace, &PublishPlan::default(), &Silent)?;
//! assert_eq!((outcome.published().generation, outcome.banks), (1, 1));
//! assert!(verify(&workspace, &Silent).is_sound());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod workspace;

#[cfg(feature = "curation")]
pub mod add;
#[cfg(feature = "curation")]
pub mod audit;
#[cfg(feature = "curation")]
pub mod banks;
#[cfg(feature = "curation")]
pub mod bundle;
#[cfg(all(feature = "evaluate", feature = "scan"))]
pub mod calibrate;
#[cfg(feature = "curation")]
pub mod entries;
#[cfg(feature = "curation")]
pub mod exchange;
#[cfg(all(feature = "decode", feature = "policy"))]
pub mod explain;
#[cfg(all(feature = "decode", feature = "policy"))]
mod explain_text;
#[cfg(feature = "curation")]
pub mod export;
#[cfg(feature = "curation")]
pub mod feed;
#[cfg(feature = "curation")]
pub mod import;
#[cfg(feature = "curation")]
pub mod ledger;
#[cfg(feature = "curation")]
pub mod lint;
#[cfg(feature = "policy")]
pub mod policy;
#[cfg(feature = "curation")]
pub mod publish;
#[cfg(feature = "curation")]
pub mod reaches;
#[cfg(any(feature = "curation", all(feature = "evaluate", feature = "scan")))]
mod sample;
#[cfg(feature = "curation")]
pub mod status;
pub mod verify;
#[cfg(feature = "curation")]
pub mod withdraw;

pub use crate::watch::{FileLeftOut, Notice, Observer, Progress, Silent, Unit};
pub use workspace::{Workspace, WorkspaceError};
