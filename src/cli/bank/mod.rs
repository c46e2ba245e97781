//! `hashgate bank …`: one file for what fills a bank, one for what describes it.

mod add;
mod manage;
mod withdraw;

pub(crate) use crate::clock::now;
pub(crate) use add::say_withdrawn;
pub(crate) use manage::{PUBLISH_HINT, calibrated};

use crate::cli::{exit::Exit, home::Home};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum BankCommand {
    /// Create an empty bank
    Create(manage::CreateArgs),
    /// List all banks with their policies and sizes
    List(manage::ListArgs),
    /// Show one bank: policy, sizes and its first entries
    Show(manage::ShowArgs),
    /// Change a bank's policy
    Set(manage::SetArgs),
    /// Delete a bank with all its entries
    Delete(manage::DeleteArgs),
    /// Take entries out of matching by hand, for good (no list brings them back) or until a date
    Withdraw(withdraw::WithdrawArgs),
    /// Undo a withdrawal by hand
    Reinstate(withdraw::EntriesArgs),
    /// Hash pictures, exactly, into entries of a bank
    Add(add::AddArgs),
}

pub(crate) fn run(command: BankCommand, home: &Home) -> anyhow::Result<Exit> {
    match command {
        BankCommand::Create(args) => manage::create(&args, home),
        BankCommand::List(args) => manage::list(&args, home),
        BankCommand::Show(args) => manage::show(&args, home),
        BankCommand::Set(args) => manage::set(&args, home),
        BankCommand::Delete(args) => manage::delete(&args, home),
        BankCommand::Withdraw(args) => withdraw::withdraw(&args, home),
        BankCommand::Reinstate(args) => withdraw::reinstate(&args, home),
        BankCommand::Add(args) => add::run(&args, home),
    }
}
