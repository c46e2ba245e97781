//! `hashgate key`: who may call the service.

use crate::cli::home::Home;
use crate::cli::{exit::Exit, output};
use crate::clock;
use crate::service::{KeyFile, Role};
use anyhow::Context;
use clap::{Args, Subcommand};
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key and print it: the only time that it can be read
    Create(CreateArgs),
    /// List the keys: their names, scopes, rates and dates
    List(FileArg),
    /// Take a key out; services that use the file refuse it within a second
    Revoke(RevokeArgs),
}

/// Which file.
#[derive(Debug, Args)]
pub(crate) struct FileArg {
    /// The file of keys [default: keys.json in the home folder]
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

impl FileArg {
    fn path(&self, home: &Home) -> PathBuf {
        let own = || home.folder().join("keys.json");
        self.keys.clone().unwrap_or_else(own)
    }
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Its name: who uses it
    name: String,

    /// What it may ask for: gate, match, hash, metrics, curate, admin, remember
    #[arg(
        long,
        value_name = "ROLES",
        value_delimiter = ',',
        default_value = "gate,match,hash"
    )]
    scopes: Vec<Role>,

    /// Most requests a second [default: what the service says]
    #[arg(long, value_name = "N")]
    rate: Option<u32>,

    #[command(flatten)]
    file: FileArg,
}

#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// The key's name
    name: String,

    #[command(flatten)]
    file: FileArg,
}

impl KeyCommand {
    /// Whether a file is named, so that no home is needed.
    pub(crate) const fn names_file(&self) -> bool {
        match self {
            Self::Create(args) => args.file.keys.is_some(),
            Self::List(file) => file.keys.is_some(),
            Self::Revoke(args) => args.file.keys.is_some(),
        }
    }
}

pub(crate) fn run(command: &KeyCommand, home: &Home) -> anyhow::Result<Exit> {
    let mut out = output::stdout();
    match command {
        KeyCommand::Create(args) => {
            if args.file.keys.is_none() {
                home.create()?;
            }
            let path = args.file.path(home);
            let key = KeyFile::create(&path, &args.name, &args.scopes, args.rate)?;
            let printed = writeln!(out, "{key}").and_then(|()| out.flush());
            if let Err(error) = printed {
                // Nobody has read it, and nobody can.
                KeyFile::revoke(&path, &args.name)?;
                return Err(error).context("the key could not be printed, and is not kept");
            }
        }
        KeyCommand::List(file) => {
            for key in KeyFile::read(&file.path(home))?.keys {
                let scopes: Vec<&str> = key.scopes.iter().map(|role| role.name()).collect();
                let rate = key
                    .rate
                    .map_or_else(String::new, |rate| format!(", {rate} a second"));
                let (name, scopes) = (&key.name, scopes.join(","));
                writeln!(
                    out,
                    "{name}: {scopes}{rate}, made {}",
                    clock::time(key.created)
                )?;
            }
        }
        KeyCommand::Revoke(args) => {
            KeyFile::revoke(&args.file.path(home), &args.name)?;
            writeln!(out, "the key {} is good for nothing any more", args.name)?;
        }
    }
    out.flush()?;
    Ok(Exit::Clean)
}
