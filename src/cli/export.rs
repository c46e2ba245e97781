//! `hashgate export`: a bank as a list that others read, or as a feed that others follow.

use crate::bank::BankName;
use crate::cli::{exit::Exit, feed, home::Home, output, stop};
use crate::curation::export::{ExportError, ExportForm, ExportOptions, Exporter};
use anyhow::anyhow;
use clap::Args;
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Name of the bank
    #[arg(long, value_name = "NAME")]
    bank: BankName,

    /// Form of the list: tx, csv, jsonl, vics, stopncii (feedback on its hashes), or bundle, which can
    /// be signed
    #[arg(long, default_value = "jsonl", conflicts_with = "to")]
    format: ExportForm,

    /// File to write, closed to other users [default: standard output]
    #[arg(long, value_name = "FILE", conflicts_with = "to")]
    output: Option<PathBuf>,

    /// Entries that match nothing too, withdrawn and disputed ones, marked as withdrawn: jsonl and
    /// bundle only
    #[arg(long, conflicts_with = "to")]
    all: bool,

    /// What StopNCII.org is told about every hash
    #[arg(long, value_name = "VALUE", default_value = "Blocked")]
    feedback: String,

    /// For how many days a bundle is to be taken, or the head of a feed, which has 7 unless told
    #[arg(long, value_name = "DAYS")]
    expires: Option<u32>,

    #[command(flatten)]
    feed: feed::FeedArgs,
}

/// Why a bank was not exported, with what an option would change.
fn with_advice(error: ExportError) -> anyhow::Error {
    match error {
        ExportError::NoState { .. } => {
            anyhow!("--all: {error}: say --format jsonl or bundle, or leave --all away")
        }
        error => error.into(),
    }
}

pub(crate) fn run(args: &ExportArgs, home: &Home) -> anyhow::Result<Exit> {
    if let Some(done) = feed::publish(&args.feed, &args.bank, args.expires, home)? {
        return Ok(done);
    }
    let options = ExportOptions::new(args.bank.clone(), args.format)
        .all(args.all)
        .feedback(args.feedback.as_str())
        .expires_after_days(args.expires);
    let exporter = Exporter::open(home, options).map_err(with_advice)?;
    let stop = stop::on_request()?;
    let out = output::file_or_stdout(args.output.as_deref())?;
    let done = exporter
        .write(io::BufWriter::new(out), &*stop)
        .map_err(with_advice)?;
    // Standard output may be the list.
    let mut said = io::stderr().lock();
    writeln!(
        said,
        "{}: {} as {}, {} in all",
        args.bank,
        output::plural(done.items, "entry").replace("entrys", "entries"),
        args.format,
        output::plural(done.records, "record")
    )?;
    if done.inactive > 0 {
        writeln!(
            said,
            "{} withdrawn or disputed are left out: --all has them too",
            done.inactive
        )?;
    }
    if done.left_out > 0 {
        writeln!(
            said,
            "{} left out, of which this form can say nothing: jsonl says all",
            done.left_out
        )?;
    }
    Ok(Exit::Clean)
}
