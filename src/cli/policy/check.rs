//! `hashgate policy check`: a policy file held against its words and the banks there are.

use crate::cli::{config, exit::Exit, home::Home, output};
use crate::store::{BankStore, StoreError};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The file [default: config.toml in the home folder]
    file: Option<PathBuf>,
}

pub(crate) fn run(args: &CheckArgs, home: &Home) -> anyhow::Result<Exit> {
    let path = args.file.clone().unwrap_or_else(|| home.config());
    let file = config::read(&path)?;
    let banks = match BankStore::open_read_only(&home.store()) {
        Ok(store) => Some(store.banks()?),
        Err(StoreError::Missing { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let mut out = output::stdout();
    let said: usize = file.sections.iter().map(|section| section.say.len()).sum();
    let said = output::plural(said as u64, "setting");
    match banks {
        Some(mut banks) => {
            config::lay_over(&file, &mut banks)?;
            let of: usize = banks
                .iter()
                .filter(|bank| bank.policy.layer.is_some())
                .count();
            let of = output::plural(of as u64, "bank");
            writeln!(out, "{}: sound, {said}, for {of}", path.display())?;
        }
        None => writeln!(
            out,
            "{}: sound, {said}; there is no store yet to hold its banks against",
            path.display()
        )?,
    }
    out.flush()?;
    Ok(Exit::Clean)
}
