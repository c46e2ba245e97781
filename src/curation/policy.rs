//! The workspace's policy file, `config.toml`: read, and laid over the banks that the store or an index
//! has.
//!
//! Owns where the file stands and what a bank's policy becomes by it. Refuses to know the file's words
//! (that is the room `policy`) and to keep policies (that is `store`). It needs no store.

use crate::bank::{Bank, BankName, Policy, PolicyError, UnreadPolicy};
use crate::curation::Workspace;
use crate::gate::{Shadow, ShadowError};
use crate::index::{Carried, Index, TooManyLabels};
use crate::policy::{FileError, PolicyFile};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::string::FromUtf8Error;

/// Why a policy file cannot be put in force.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyFileError {
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is no text.
    #[error("{} is no UTF-8", path.display())]
    NoText {
        /// The file.
        path: PathBuf,
        /// Where it is none.
        source: FromUtf8Error,
    },
    /// It says something that is not known or cannot be.
    #[error(transparent)]
    Faulty(#[from] FileError),
    /// It speaks of a bank that is not there.
    #[error("{file}:{line}: there is no bank {bank}; {}", known_banks(known))]
    UnknownBank {
        /// The file's name.
        file: String,
        /// The line.
        line: u32,
        /// The bank that it speaks of.
        bank: String,
        /// The banks that there are.
        known: Vec<BankName>,
    },
    /// A bank's policy would be out of its bounds.
    #[error("{file}: bank {bank}")]
    Policy {
        /// The file's name.
        file: String,
        /// The bank.
        bank: BankName,
        /// What is out of bounds.
        source: PolicyError,
    },
    /// Its rules name more labels than an index carries.
    #[error("{file}")]
    Labels {
        /// The file's name.
        file: String,
        /// How many.
        source: TooManyLabels,
    },
    /// It sets something of a bank, so that setting it in the store would have no effect.
    #[error(
        "{}:{line} sets {setting} of bank {bank}, and outweighs what is set here: change it there",
        path.display()
    )]
    Outweighs {
        /// The file.
        path: PathBuf,
        /// The line.
        line: u32,
        /// The setting.
        setting: &'static str,
        /// The bank.
        bank: BankName,
    },
    /// What it asks for cannot be tried out on the index.
    #[error("{}", path.display())]
    Shadow {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: ShadowError,
    },
}

fn known_banks(known: &[BankName]) -> String {
    let names: Vec<&str> = known.iter().map(BankName::as_str).collect();
    match names.is_empty() {
        true => "there is none yet".to_owned(),
        false => format!("there are {}", names.join(", ")),
    }
}

/// A bank was named that is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no bank {name}")]
pub struct UnknownBank {
    /// The name.
    pub name: BankName,
}

/// A bank's policy, as `policy show --format jsonl` writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRecord {
    /// The bank.
    pub bank: BankName,
    /// Its policy, with what the policy file lays over it.
    pub policy: Policy,
}

/// Policies, and what an index must carry of its entries for them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policies {
    /// The banks with their policies.
    pub banks: Vec<Bank>,
    /// What is done about uploads that pass, where a part of them was not looked at; `None` where nothing is said.
    pub unread: Option<UnreadPolicy>,
    /// What the index carries.
    pub carried: Carried,
}

impl Policies {
    /// The policies that are in force in an index.
    #[must_use]
    pub fn in_force(index: &Index) -> Self {
        Self {
            banks: index.banks().to_vec(),
            unread: index.unread(),
            carried: index.carried().clone(),
        }
    }

    /// Keeps the banks of these names; all where none is named.
    ///
    /// # Errors
    /// [`UnknownBank`] where one of them is not there.
    pub fn only(mut self, names: &[BankName]) -> Result<Self, UnknownBank> {
        for name in names {
            if !self.banks.iter().any(|bank| bank.name == *name) {
                return Err(UnknownBank { name: name.clone() });
            }
        }
        (self.banks).retain(|bank| names.is_empty() || names.contains(&bank.name));
        Ok(self)
    }
}

/// The workspace's policy file. Where there is none it says nothing.
///
/// # Errors
/// [`PolicyFileError`].
pub fn load(workspace: &Workspace) -> Result<PolicyFile, PolicyFileError> {
    let path = workspace.config();
    match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(PolicyFile::default()),
        _ => read(&path),
    }
}

/// A policy file. Messages about it give its path, rules give its name.
///
/// # Errors
/// [`PolicyFileError`].
pub fn read(path: &Path) -> Result<PolicyFile, PolicyFileError> {
    let shown = path.display().to_string();
    let open = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let most = PolicyFile::MAX_BYTES as u64 + 1;
        File::open(path)?.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = open().map_err(|source| PolicyFileError::Read {
        path: path.to_owned(),
        source,
    })?;
    let text = String::from_utf8(bytes).map_err(|source| PolicyFileError::NoText {
        path: path.to_owned(),
        source,
    })?;
    let mut file = PolicyFile::parse(&shown, &text)?;
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    file.name = name.unwrap_or(shown);
    Ok(file)
}

/// How many settings a policy file has.
#[must_use]
pub fn settings(file: &PolicyFile) -> usize {
    let of_sections = file.sections.iter().map(|section| section.say.len());
    of_sections.sum::<usize>() + usize::from(file.unread.is_some())
}

/// Lays a policy file over banks, which must be all that it speaks of, and says what an index must
/// carry for it.
///
/// # Errors
/// [`PolicyFileError`].
pub fn lay_over(file: &PolicyFile, banks: &mut [Bank]) -> Result<Carried, PolicyFileError> {
    if let Some((name, line)) = file.unknown_banks(banks).first() {
        return Err(PolicyFileError::UnknownBank {
            file: file.name.clone(),
            line: *line,
            bank: (*name).to_owned(),
            known: banks.iter().map(|bank| bank.name.clone()).collect(),
        });
    }
    for bank in banks.iter_mut() {
        bank.policy = file.lay_over(bank);
        let checked = bank.policy.check();
        checked.map_err(|source| PolicyFileError::Policy {
            file: file.name.clone(),
            bank: bank.name.clone(),
            source,
        })?;
    }
    Carried::by(banks, &file.carry_labels, file.carry_sources).map_err(|source| {
        PolicyFileError::Labels {
            file: file.name.clone(),
            source,
        }
    })
}

/// Fails where the workspace's policy file sets one of these settings of a bank: setting it in the store
/// would have no effect.
///
/// # Errors
/// [`PolicyFileError::Outweighs`], and where the file cannot be used.
pub fn must_not_set(
    workspace: &Workspace,
    bank: &Bank,
    settings: &[&'static str],
) -> Result<(), PolicyFileError> {
    let file = load(workspace)?;
    for setting in settings {
        if let Some(line) = file.line_of(bank, setting) {
            return Err(PolicyFileError::Outweighs {
                path: workspace.config(),
                line,
                setting,
                bank: bank.name.clone(),
            });
        }
    }
    Ok(())
}

/// Whether a policy file says anything of a bank.
#[must_use]
pub fn speaks_of(file: &PolicyFile, bank: &Bank) -> bool {
    file.lay_over(bank).layer.is_some()
}

/// A policy file as other policies for an index, to see what they would decide.
///
/// # Errors
/// [`PolicyFileError`].
pub fn shadow(index: &Index, path: &Path) -> Result<Shadow, PolicyFileError> {
    let file = read(path)?;
    let mut banks = index.banks().to_vec();
    lay_over(&file, &mut banks)?;
    let shadow = Shadow::new(index, banks).map_err(|source| PolicyFileError::Shadow {
        path: path.to_owned(),
        source,
    })?;
    Ok(shadow.unread(file.unread))
}
