//! `bank withdraw` and `bank reinstate`: people's word on single entries.

use super::PUBLISH_HINT;
use crate::bank::BankName;
#[cfg(feature = "service")]
use crate::cli::remote::{self, ServerArgs};
use crate::cli::{exit::Exit, home::Home, output};
use crate::clock;
use crate::curation::entries::EntryName;
use crate::curation::withdraw::{Turn, TurnError, Turned, turn};
use clap::Args;
use std::io::{self, Write};

#[derive(Debug, Args)]
pub(crate) struct EntriesArgs {
    /// Name of the bank
    name: BankName,

    /// Entries: their numbers, as scan and bank show print them, or hashes (pdq:HEX, md5:HEX, …)
    #[arg(required = true, value_name = "ID|SIGNAL")]
    entries: Vec<String>,

    #[cfg(feature = "service")]
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Args)]
pub(crate) struct WithdrawArgs {
    #[command(flatten)]
    entries: EntriesArgs,

    /// Only until then: YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ (UTC). They match again by themselves,
    /// where nobody publishes again too
    #[arg(long, value_name = "DATE", value_parser = clock::date)]
    until: Option<u64>,
}

/// Takes entries out, for good or until a date.
pub(crate) fn withdraw(args: &WithdrawArgs, home: &Home) -> anyhow::Result<Exit> {
    let until = args.until.map(Turn::PauseUntil);
    run(&args.entries, until.unwrap_or(Turn::Withdraw), home)
}

/// Brings entries back.
pub(crate) fn reinstate(args: &EntriesArgs, home: &Home) -> anyhow::Result<Exit> {
    run(args, Turn::Reinstate, home)
}

fn run(args: &EntriesArgs, how: Turn, home: &Home) -> anyhow::Result<Exit> {
    let names = args.entries.iter().map(|text| text.parse::<EntryName>());
    let names: Vec<EntryName> = names.collect::<Result<_, _>>()?;
    let mut out = output::stdout();
    #[cfg(feature = "service")]
    if let Some(node) = args.server.asked()? {
        let done = remote::turn(&node, &args.name, &args.entries, how)?;
        say(&done, how, &mut out)?;
        out.flush()?;
        return Ok(Exit::Clean);
    }
    let done = match turn(home, &args.name, &names, how) {
        Ok(done) => done,
        Err(TurnError::Partly { done, source }) => {
            say(&done, how, &mut out)?;
            out.flush()?;
            return Err(source.into());
        }
        Err(error) => return Err(error.into()),
    };
    say(&done, how, &mut out)?;
    if done.iter().any(|one| one.is_changed || one.is_pause_ended) {
        writeln!(out, "{PUBLISH_HINT}")?;
    }
    out.flush()?;
    Ok(Exit::Clean)
}

fn say(done: &[Turned], how: Turn, out: &mut impl Write) -> io::Result<()> {
    for one in done {
        let what = match (how, one.is_changed, one.is_pause_ended) {
            (Turn::PauseUntil(until), is_changed, _) => {
                let already = if is_changed { "" } else { " already" };
                let until = clock::time(until);
                writeln!(out, "#{}: matches nothing until {until}{already}", one.id)?;
                continue;
            }
            (Turn::Withdraw, true, _) => "withdrawn by hand",
            (Turn::Withdraw, false, _) => "withdrawn by hand already",
            (Turn::Reinstate, _, true) => "no longer out until a date",
            (Turn::Reinstate, true, false) => "no longer withdrawn by hand",
            (Turn::Reinstate, false, false) => "not withdrawn by hand",
        };
        writeln!(out, "#{}: {what}, {}", one.id, one.state.name())?;
    }
    Ok(())
}
