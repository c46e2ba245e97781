//! `hashgate policy check`: a policy file held against its words and the banks there are.

use crate::cli::{exit::Exit, home::Home, output};
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
    #[cfg(feature = "curation")]
    let (settings, banks) = {
        let found = crate::curation::banks::check_policy(home, &path)?;
        (found.settings, found.banks)
    };
    // The small command has no store whose banks it could hold the file against.
    #[cfg(not(feature = "curation"))]
    let (settings, banks) = {
        use crate::curation::policy;
        (policy::settings(&policy::read(&path)?), None::<usize>)
    };
    let said = output::plural(settings as u64, "setting");
    let mut out = output::stdout();
    match banks {
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
