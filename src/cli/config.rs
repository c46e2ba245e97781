//! `config.toml` in the home folder: read, and laid over what the store has.

use crate::bank::{Bank, BankName};
use crate::cli::home::Home;
use crate::gate::Shadow;
use crate::index::{Carried, Index};
use crate::policy::PolicyFile;
use anyhow::{Context, bail};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// The home folder's policy file; where there is none it says nothing.
pub(crate) fn load(home: &Home) -> anyhow::Result<PolicyFile> {
    let path = home.config();
    match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(PolicyFile::default()),
        _ => read(&path),
    }
}

/// A policy file. Messages call it by its path, rules by its name.
pub(crate) fn read(path: &Path) -> anyhow::Result<PolicyFile> {
    let shown = path.display().to_string();
    let open = || -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let most = PolicyFile::MAX_BYTES as u64 + 1;
        File::open(path)?.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = open().with_context(|| format!("cannot read {shown}"))?;
    let text = String::from_utf8(bytes).with_context(|| format!("{shown} is no UTF-8"))?;
    let mut file = PolicyFile::parse(&shown, &text)?;
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    file.name = name.unwrap_or(shown);
    Ok(file)
}

/// Lays a policy file over the banks, which must be all that it speaks of.
pub(crate) fn lay_over(file: &PolicyFile, banks: &mut [Bank]) -> anyhow::Result<Carried> {
    if let Some((name, line)) = file.unknown_banks(banks).first() {
        let known: Vec<String> = banks.iter().map(|bank| bank.name.to_string()).collect();
        let known = match known.is_empty() {
            true => "there is none yet".to_owned(),
            false => format!("there are {}", known.join(", ")),
        };
        bail!("{}:{line}: there is no bank {name}; {known}", file.name);
    }
    for bank in banks.iter_mut() {
        bank.policy = file.lay_over(bank);
        (bank.policy.check()).with_context(|| format!("{}: bank {}", file.name, bank.name))?;
    }
    Carried::by(banks, &file.carry_labels, file.carry_sources).with_context(|| file.name.clone())
}

/// Fails where the policy file sets something of a bank, so that setting it in the store would have
/// no effect.
pub(crate) fn must_not_set(home: &Home, bank: &Bank, settings: &[&str]) -> anyhow::Result<()> {
    let file = load(home)?;
    for setting in settings {
        if let Some(line) = file.line_of(bank, setting) {
            bail!(
                "{}:{line} sets {setting} of bank {}, and outweighs what is set here: change it there",
                home.config().display(),
                bank.name
            );
        }
    }
    Ok(())
}

/// Whether the policy file says anything of a bank.
pub(crate) fn speaks_of(file: &PolicyFile, bank: &Bank) -> bool {
    file.lay_over(bank).layer.is_some()
}

/// The banks of these names; all where none is named.
pub(crate) fn chosen(banks: Vec<Bank>, names: &[BankName]) -> anyhow::Result<Vec<Bank>> {
    for name in names {
        if !banks.iter().any(|bank| bank.name == *name) {
            bail!("there is no bank {name}");
        }
    }
    let is_chosen = |bank: &Bank| names.is_empty() || names.contains(&bank.name);
    Ok(banks.into_iter().filter(is_chosen).collect())
}

/// A policy file as other policies for an index, to see what they would decide.
pub(crate) fn shadow(index: &Index, path: &Path) -> anyhow::Result<Shadow> {
    let file = read(path)?;
    let mut banks = index.banks().to_vec();
    lay_over(&file, &mut banks)?;
    Shadow::new(index, banks).with_context(|| path.display().to_string())
}
