//! `hashgate policy check`: a policy file held against its words and the banks there are.

use crate::cli::{exit::Exit, home::Home, output};
use crate::curation::banks;
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
    let found = banks::check_policy(home, &path)?;
    let said = output::plural(found.settings as u64, "setting");
    let mut out = output::stdout();
    match found.banks {
        Some(of) => {
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
