//! `hashgate export`: a bank as a list that others read.

use crate::bank::{BankName, ContentItem, ContentState, Policy};
use crate::cli::bank::now;
use crate::cli::{exit::Exit, home::Home, output, stop};
use crate::hashset::{
    BundleHead, BundleWriter, ExportFormat, Exported, ListWriter, UnknownListFormat,
};
use crate::store::BankStore;
use anyhow::bail;
use clap::Args;
use std::io::{self, Write};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::atomic::Ordering;

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Name of the bank
    #[arg(long, value_name = "NAME")]
    bank: BankName,

    /// Form of the list: tx, csv, jsonl, vics, stopncii (feedback on its hashes), or bundle, which can
    /// be signed
    #[arg(long, default_value = "jsonl")]
    format: Form,

    /// File to write, closed to other users [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Entries that match nothing too, withdrawn and disputed ones, marked as withdrawn: jsonl and
    /// bundle only
    #[arg(long)]
    all: bool,

    /// What StopNCII.org is told of every hash
    #[arg(long, value_name = "VALUE", default_value = "Blocked")]
    feedback: String,

    /// For how many days a bundle is to be taken
    #[arg(long, value_name = "DAYS")]
    expires: Option<u32>,
}

/// A form of lists, or a bundle.
#[derive(Debug, Clone, Copy)]
enum Form {
    List(ExportFormat),
    Bundle,
}

impl FromStr for Form {
    type Err = UnknownListFormat;
    fn from_str(text: &str) -> Result<Self, UnknownListFormat> {
        match text.eq_ignore_ascii_case("bundle") {
            true => Ok(Self::Bundle),
            false => text.parse().map(Self::List).map_err(|error| {
                let UnknownListFormat { given, known } = error;
                UnknownListFormat {
                    given,
                    known: known + ", bundle",
                }
            }),
        }
    }
}

enum Writer<'a, W: Write> {
    List(ListWriter<'a, W>),
    Bundle(BundleWriter<W>),
}

impl<W: Write> Writer<'_, W> {
    fn item(&mut self, item: &ContentItem) -> io::Result<()> {
        match self {
            Self::List(writer) => writer.item(item),
            Self::Bundle(writer) => writer.item(item),
        }
    }

    fn finish(self) -> io::Result<Exported> {
        match self {
            Self::List(writer) => writer.finish(),
            Self::Bundle(writer) => writer.finish(),
        }
    }
}

pub(crate) fn run(args: &ExportArgs, home: &Home) -> anyhow::Result<Exit> {
    if let Form::List(format) = args.format
        && args.all
        && !format.has_state()
    {
        bail!(
            "--all: {format} cannot say that an entry matches nothing, so that it would match where \
             it is read: say --format jsonl or bundle, or leave --all away"
        );
    }
    let store = BankStore::open_read_only(&home.store())?;
    let bank = store.bank(&args.bank)?;
    let stop = stop::on_request()?;
    let out = output::file_or_stdout(args.output.as_deref())?;
    let out = io::BufWriter::new(out);
    let snapshot = store.snapshot()?;
    let mut writer = match args.format {
        Form::List(format) => Writer::List(ListWriter::new(out, format, &args.feedback)?),
        Form::Bundle => Writer::Bundle(BundleWriter::new(
            out,
            &BundleHead {
                version: 1,
                name: args.bank.to_string(),
                sequence: snapshot.revision,
                created: now(),
                expires: args.expires.map(|days| now() + 86_400 * u64::from(days)),
                policy: exported(&bank.policy),
            },
        )?),
    };
    let mut inactive = 0u64;
    for item in snapshot.items(bank.id) {
        let item = item?;
        if item.state != ContentState::Active && !args.all {
            inactive += 1;
            continue;
        }
        writer.item(&item)?;
        if stop.load(Ordering::Relaxed) {
            bail!("interrupted: the list is not whole");
        }
    }
    let done = writer.finish()?;
    // Standard output may be the list.
    let mut said = io::stderr().lock();
    writeln!(
        said,
        "{}: {} as {}, {} in all",
        args.bank,
        output::plural(done.items, "entry").replace("entrys", "entries"),
        match args.format {
            Form::List(format) => format.name(),
            Form::Bundle => "bundle",
        },
        output::plural(done.records, "record")
    )?;
    if inactive > 0 {
        writeln!(
            said,
            "{inactive} withdrawn or disputed are left out: --all has them too"
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

/// A policy as others may read it: entries are known by other numbers elsewhere.
fn exported(policy: &Policy) -> Policy {
    Policy {
        paused: Vec::new(),
        ..policy.without_layer()
    }
}
