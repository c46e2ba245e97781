//! Floor 8: arguments as typed → plan → command → output → exit code.
//!
//! One subcommand, one file. This room knows terminals, home folders and exit codes; what a
//! command does to hashes, banks and files it leaves to the floors below.

mod advice;
#[cfg(feature = "curation")]
mod audit;
#[cfg(feature = "curation")]
mod bank;
mod bench;
mod benign;
mod calibrate;
mod compare;
mod complete;
mod decisions;
mod derive;
mod evaluate;
#[cfg(feature = "exchange")]
mod exchange;
mod exit;
#[cfg(feature = "curation")]
mod export;
#[cfg(feature = "curation")]
mod feed;
#[cfg(feature = "fleet")]
mod follow;
mod hash;
#[cfg(feature = "curation")]
mod hashset;
#[cfg(feature = "curation")]
mod held;
#[cfg(feature = "curation")]
mod history;
mod home;
#[cfg(feature = "curation")]
mod import;
mod inputs;
#[cfg(feature = "service")]
mod key;
mod known;
mod log;
mod matching;
#[cfg_attr(
    not(feature = "curation"),
    expect(dead_code, reason = "the small command watches fewer operations")
)]
mod observer;
#[cfg(not(feature = "curation"))]
mod only_full;
mod output;
mod panics;
mod policy;
#[cfg_attr(
    not(feature = "curation"),
    expect(dead_code, reason = "the small command watches fewer operations")
)]
mod progress;
#[cfg(feature = "curation")]
mod publish;
mod recorder;
#[cfg(all(feature = "curation", feature = "service"))]
mod remote;
mod report;
#[cfg(feature = "curation")]
mod retro;
mod scan;
#[cfg(feature = "service")]
mod serve;
#[cfg(feature = "curation")]
mod status;
mod stop;
mod strangers;
mod verify;

use clap::{CommandFactory, Parser, Subcommand};
use exit::Exit;
use std::path::PathBuf;
use std::process::ExitCode;

/// Stops known abusive media before anyone shares it.
///
/// Keeps banks of known hashes, publishes them as an index, and asks that index about files:
/// block, review, report, pass, or "could not be judged". Hashes only; no picture is ever kept.
#[derive(Debug, Parser)]
#[command(name = "hashgate", version, propagate_version = true)]
#[command(
    after_help = "Exit codes: 0 clean, 1 a match, 2 something could not be judged or failed.\n\
    Where there was a match, the code is 1 whatever else could not be judged: the summary tells."
)]
struct Cli {
    /// Folder of the store and the index [default: the platform's data folder]
    #[arg(long, global = true, env = "HASHGATE_HOME", value_name = "DIR")]
    home: Option<PathBuf>,

    /// Say more on standard error: -v what is done, -vv with details
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[cfg(feature = "curation")]
    /// Create, list, change, fill and delete banks
    #[command(subcommand)]
    Bank(bank::BankCommand),
    #[cfg(feature = "curation")]
    /// Read hash lists into a bank
    Import(import::ImportArgs),
    #[cfg(feature = "exchange")]
    /// Fetch the lists of other organisations from their servers
    #[command(subcommand)]
    Exchange(exchange::ExchangeCommand),
    #[cfg(feature = "curation")]
    /// Show what is known of entries, and since when a withdrawal is in force
    Audit(audit::AuditArgs),
    #[cfg(feature = "curation")]
    /// Write a bank as a list that others read
    Export(export::ExportArgs),
    #[cfg(feature = "curation")]
    /// Sign, check and look at hash set bundles; look for what is doubtful in banks
    #[command(subcommand)]
    Hashset(hashset::HashsetCommand),
    #[cfg(feature = "curation")]
    /// Build the next generation of the index from the store
    Publish(publish::PublishArgs),
    #[cfg(feature = "fleet")]
    /// Keep an index folder as a publisher elsewhere has it, through an object store
    Follow(follow::FollowArgs),
    /// Show and check what policy says, and explain what it decides
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Ask the index about every file below some paths
    Scan(scan::ScanArgs),
    #[cfg(feature = "service")]
    /// Answer over HTTP: judge uploads, look up hashes, hash, by an index folder that is followed
    Serve(serve::ServeArgs),
    #[cfg(feature = "service")]
    /// Make, list and revoke keys of those who may call the service
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Show what was decided and why, check that record, and decide anew
    #[command(subcommand)]
    Decisions(decisions::DecisionsCommand),
    #[cfg(feature = "curation")]
    /// Keep hashes of uploads for a time, where that is wanted
    #[command(subcommand)]
    History(history::HistoryCommand),
    #[cfg(feature = "curation")]
    /// Hold entries that arrived later against kept hashes of uploads
    Retro(retro::RetroArgs),
    /// Hand matches over to those who act on them: a file for the proper channel, and where that is
    #[command(subcommand)]
    Report(report::ReportCommand),
    /// Print the hashes of pictures
    Hash(hash::HashArgs),
    /// Ask the index about hashes
    Match(matching::MatchArgs),
    /// Show how far apart two files or hashes are
    Compare(compare::CompareArgs),
    /// Measure searching and scanning on this machine
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    /// Measure how many modified copies of pictures are found, and what is flagged wrongly
    Evaluate(evaluate::EvaluateArgs),
    /// Derive the limits of evidence again from pictures, and hold the table of limits to them
    Derive(derive::DeriveArgs),
    /// Count wrong flags on pictures that are asked about in lists of millions of hashes of others
    Strangers(strangers::StrangersArgs),
    /// Judge a bank's entries and thresholds by a sample of harmless pictures
    Calibrate(calibrate::CalibrateArgs),
    #[cfg(feature = "curation")]
    /// Show what is in the home folder and whether the index is up to date
    Status(status::StatusArgs),
    /// Check every byte of the store and of the index
    Verify(verify::VerifyArgs),
    /// Print a shell's completions for this command
    Completions(complete::CompletionsArgs),
    /// Write manual pages, one for each command, into a folder
    Man(complete::ManArgs),
}

/// The command line as clap knows it: for completions, manual pages and the
/// book's page of commands.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Reads the arguments. What the small command lacks is said as such.
fn parse() -> Cli {
    #[cfg(feature = "curation")]
    return Cli::parse();
    #[cfg(not(feature = "curation"))]
    Cli::try_parse().unwrap_or_else(|error| match only_full::explain(&error) {
        Some(text) => {
            output::warn(text);
            std::process::exit(2)
        }
        None => error.exit(),
    })
}

/// The program that decodes in isolation: the small one where it stands beside, for it starts soon; else this one.
#[cfg(target_os = "linux")]
fn worker() -> PathBuf {
    let own = std::env::current_exe();
    let small = own.map(|own| own.with_file_name("hashgate-worker"));
    match small {
        Ok(small) if small.is_file() => small,
        _ => "/proc/self/exe".into(),
    }
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = parse();
    close_new_files();
    panics::be_quiet_about_caught_ones();
    #[cfg(target_os = "linux")]
    crate::gate::isolated::use_program(worker());
    // It says first whether traces are sent too.
    #[cfg(feature = "service")]
    let logs_itself = matches!(cli.command, Command::Serve(_));
    #[cfg(not(feature = "service"))]
    let logs_itself = false;
    if !logs_itself {
        log::to_stderr(cli.verbose);
    }
    match run(cli) {
        Ok(exit) => exit.into(),
        Err(error) => {
            // Whoever read our output has left: nothing to say, but the work was not done.
            if !output::is_broken_pipe(&error) {
                #[cfg(feature = "curation")]
                let holder = held::by_whom(&error).unwrap_or_default();
                #[cfg(not(feature = "curation"))]
                let holder = "";
                output::warn(format_args!(
                    "hashgate: error: {}{holder}",
                    advice::Advised(&error)
                ));
            }
            Exit::Failed.into()
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<Exit> {
    let home = || home::locate(cli.home.as_deref());
    // An upload server that has a copy of an index needs no home.
    let home_or = |index_is_given: bool| match index_is_given {
        true => Ok(home::Home::nowhere()),
        false => home(),
    };
    match cli.command {
        #[cfg(feature = "curation")]
        Command::Bank(command) => bank::run(command, &home()?),
        #[cfg(feature = "curation")]
        Command::Import(args) => import::run(args, &home()?),
        #[cfg(feature = "exchange")]
        Command::Exchange(command) => exchange::run(command, &home()?),
        #[cfg(feature = "curation")]
        Command::Audit(args) => audit::run(&args, &home()?),
        #[cfg(feature = "curation")]
        Command::Export(args) => export::run(&args, &home()?),
        #[cfg(feature = "curation")]
        Command::Hashset(command) => hashset::run(command, home),
        #[cfg(feature = "curation")]
        Command::Publish(args) => publish::run(args, &home()?),
        #[cfg(feature = "fleet")]
        Command::Follow(args) => follow::run(&args),
        Command::Policy(command) => {
            let home = home_or(command.is_given_index())?;
            policy::run(command, &home)
        }
        Command::Scan(args) => {
            let brings_its_own = args.index.is_given() || args.known.is_given();
            let home = home_or(brings_its_own && !args.needs_home())?;
            scan::run(args, &home)
        }
        #[cfg(feature = "service")]
        Command::Serve(args) => {
            let home = home_or(args.needs_no_home())?;
            serve::run(&args, &home, cli.verbose)
        }
        #[cfg(feature = "service")]
        Command::Key(command) => {
            let home = home_or(command.names_file())?;
            key::run(&command, &home)
        }
        Command::Decisions(command) => {
            let home = home_or(command.needs_no_home())?;
            decisions::run(command, &home)
        }
        #[cfg(feature = "curation")]
        Command::History(command) => history::run(command, &home()?),
        #[cfg(feature = "curation")]
        Command::Retro(args) => retro::run(&args, &home()?),
        Command::Report(command) => report::run(command),
        Command::Hash(args) => hash::run(args),
        Command::Match(args) => {
            let home = home_or(args.index.is_given() && !args.decisions.needs_home())?;
            matching::run(args, &home)
        }
        Command::Compare(args) => compare::run(&args),
        Command::Bench(command) => bench::run(command),
        Command::Evaluate(args) => evaluate::run(args),
        Command::Derive(args) => derive::run(&args),
        Command::Strangers(args) => strangers::run(&args),
        Command::Calibrate(args) => {
            let home = home_or(args.index.is_given())?;
            calibrate::run(args, &home)
        }
        #[cfg(feature = "curation")]
        Command::Status(args) => status::run(args, &home()?),
        Command::Verify(args) => {
            let home = home_or(args.index.is_some())?;
            verify::run(args, &home)
        }
        Command::Completions(args) => complete::completions(&args, &mut command()),
        Command::Man(args) => complete::man(&args, command()),
    }
}

/// Closes every file that this process makes to other users, RocksDB's included.
fn close_new_files() {
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}

#[cfg(test)]
mod tests {
    #[test]
    fn arguments_are_consistent() {
        super::command().debug_assert();
    }
}
