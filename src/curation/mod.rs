//! Floor 6: what is done to banks, for whoever keeps them: a command, a service, a program.
//!
//! This room owns the workspace folder and the operations on it: creating banks, adding pictures,
//! importing lists, publishing, withdrawing, auditing, exporting. Each operation returns a typed outcome
//! and reports to an [`Observer`]. It refuses to know a terminal: it prints nothing, and it reads no
//! arguments.
//!
//! The workspace's paths and the policy file need no store. The operations come with the feature
//! `curation`, which brings RocksDB.

mod workspace;

pub use crate::watch::{Notice, Observer, Progress, Silent, Unit};
pub use workspace::{Workspace, WorkspaceError};
