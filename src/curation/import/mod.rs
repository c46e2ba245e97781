//! Lists into banks: planned, looked at where they may change much, brought in, completed.
//!
//! | file | owns |
//! | --- | --- |
//! | `options` | what is asked for |
//! | `source` | where the bytes come from: a file, or anything that reads |
//! | `plan` | the format of a list, and what the options come to for it |
//! | `pass` | one pass over a list, into the bank or only counted |
//! | `lane` | writing to the store while the list is read on |
//! | `guard` | how much a list may change |
//! | `row` | a row that was left out |
//! | `outcome`, `error` | what became of it |
//! | `importer` | the order of all that |
//!
//! How a list's rows are read is `hashset`'s, and what they make of the items that are there is `store`'s.
//!
//! ```
//! use hashgate::bank::{Action, Policy};
//! use hashgate::curation::import::{ImportOptions, ListSource, import};
//! use hashgate::curation::{Silent, Workspace};
//! use hashgate::store::BankStore;
//! # let folder = tempfile::tempdir()?;
//! let workspace = Workspace::at(folder.path().join("home"))?;
//! workspace.create()?;
//! BankStore::open(&workspace.store())?.create_bank(&"known".parse()?, Policy::new(Action::Block))?;
//! let list = ListSource::reader("a list", "md5 d41d8cd98f00b204e9800998ecf8427e\n".as_bytes());
//! let outcome = import(&workspace, ImportOptions::new("known".parse()?), list, &Silent)?;
//! assert_eq!((outcome.added, outcome.rejected), (1, 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod guard;
mod importer;
mod lane;
mod options;
mod outcome;
mod pass;
mod plan;
mod row;
mod source;

pub use error::ImportError;
pub use guard::TooMuchChange;
pub use importer::{Importer, import};
pub use options::ImportOptions;
pub use outcome::{ImportOutcome, NotWhole};
pub use row::LeftOutRow;
pub use source::{ListSource, Waiting};
