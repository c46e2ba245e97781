//! `hashgate exchange …`: lists of other organisations, fetched from their servers.

mod feedback;
mod fetch;
mod manage;
mod shown;

use crate::cli::{exit::Exit, home::Home};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum ExchangeCommand {
    /// Make an exchange, and a bank for what comes from it
    Add(manage::AddArgs),
    /// List the exchanges
    List(shown::ListArgs),
    /// Show how one is set; without a name, which kinds there are and what each is told
    Show(shown::ShowArgs),
    /// Change how one is set, or the credentials of its kind
    Set(manage::SetArgs),
    /// Ask the other side for one page, and keep nothing
    Test(fetch::TestArgs),
    /// Bring the banks to what the other sides have now, and publish
    Fetch(fetch::FetchArgs),
    /// Tell the other side what was decided about entries: seen, true, or false
    Feedback(feedback::FeedbackArgs),
    /// Show what the fetches did
    Status(shown::StatusArgs),
    /// Delete an exchange, and its bank with all that is in it
    Remove(manage::RemoveArgs),
}

pub(crate) fn run(command: ExchangeCommand, home: &Home) -> anyhow::Result<Exit> {
    match command {
        ExchangeCommand::Add(args) => manage::add(args, home),
        ExchangeCommand::List(args) => shown::list(&args, home),
        ExchangeCommand::Show(args) => shown::show(&args, home),
        ExchangeCommand::Set(args) => manage::set(args, home),
        ExchangeCommand::Test(args) => fetch::test(&args, home),
        ExchangeCommand::Fetch(args) => fetch::fetch(&args, home),
        ExchangeCommand::Feedback(args) => feedback::run(&args, home),
        ExchangeCommand::Status(args) => shown::status(&args, home),
        ExchangeCommand::Remove(args) => manage::remove(&args, home),
    }
}
