//! `hashgate completions SHELL` and `hashgate man DIR`: what shells and readers of manuals need, made from
//! the arguments themselves.

use crate::cli::{exit::Exit, output};
use anyhow::Context;
use clap::{Args, Command};
use clap_complete::Shell;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    after_help = "bash: hashgate completions bash > ~/.local/share/bash-completion/completions/hashgate\n\
    zsh: hashgate completions zsh > a folder of $fpath, as _hashgate\n\
    fish: hashgate completions fish > ~/.config/fish/completions/hashgate.fish"
)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Folder for the pages; it is made where it is missing: `man -l DIR/hashgate.1` shows the first
    folder: PathBuf,
}

/// Prints a shell's completions.
pub(crate) fn completions(args: &CompletionsArgs, command: &mut Command) -> anyhow::Result<Exit> {
    // The generator writes to memory: it ends the process where its output goes away.
    let mut text = Vec::new();
    clap_complete::generate(args.shell, command, "hashgate", &mut text);
    let mut out = output::stdout();
    out.write_all(&text)?;
    out.flush()?;
    Ok(Exit::Clean)
}

/// Writes the manual pages.
pub(crate) fn man(args: &ManArgs, command: Command) -> anyhow::Result<Exit> {
    let cannot = || format!("cannot write manual pages to {}", args.folder.display());
    std::fs::create_dir_all(&args.folder).with_context(cannot)?;
    clap_mangen::generate_to(command.disable_help_subcommand(true), &args.folder)
        .with_context(cannot)?;
    Ok(Exit::Clean)
}
