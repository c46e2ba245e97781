//! `bank add`: pictures, hashed exactly, into content items.

use crate::bank::BankName;
use crate::cli::bank::manage::PUBLISH_HINT;
use crate::cli::inputs::{FileArgs, LimitArgs};
use crate::cli::observer::Terminal;
#[cfg(feature = "service")]
use crate::cli::remote::{self, ServerArgs};
use crate::cli::{exit::Exit, home::Home, output, progress::Progress, publish, stop};
use crate::curation::add::{AddPlan, add};
use crate::gate::Forms;
use crate::hash::SignalType;
use crate::scan::WalkOptions;
#[cfg(feature = "service")]
use crate::service::sending::{self, SendError};
use clap::Args;
use std::io::Write;

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// Name of the bank; it must exist
    name: BankName,

    #[command(flatten)]
    files: FileArgs,

    /// A label for every entry; may be given several times
    #[arg(long, value_name = "TEXT")]
    label: Vec<String>,

    /// Forms of each picture whose hashes are kept beside its own where they lie more than 8 bits
    /// from those: none, standard (displayed, over_black, copies), all, or a list of these, dihedral,
    /// crops and frames (every picture of the file: a plain first one is left out then)
    #[arg(long, value_name = "SET", default_value = "standard")]
    forms: Forms,

    /// The same as --forms none
    #[arg(long, conflicts_with = "forms")]
    no_forms: bool,

    /// Hashes that are kept besides pdq, md5, sha1 and sha256, joined by commas: ahash, dhash, phash,
    /// blockhash, `imghash_mean`, `imghash_gradient`, `imghash_dct`
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    signals: Vec<SignalType>,

    /// Publish the index afterwards
    #[arg(long)]
    publish: bool,

    #[command(flatten)]
    limits: LimitArgs,

    #[cfg(feature = "service")]
    #[command(flatten)]
    server: ServerArgs,
}

pub(crate) fn run(args: &AddArgs, home: &Home) -> anyhow::Result<Exit> {
    let stop = stop::on_request()?;
    let options = args.files.options(true);
    let walk = WalkOptions {
        follow_links: options.follow_links,
        sorted: true,
    };
    let forms = if args.no_forms {
        Forms::NONE
    } else {
        args.forms
    };
    let plan = AddPlan::new(&args.files.paths)
        .jobs(options.jobs)
        .follow_links(options.follow_links)
        .labels(&args.label)
        .forms(forms)
        .signals(args.signals.iter().copied())
        .limits(args.limits.limits());
    let terminal = Terminal::of_files(Progress::of_files(&args.files.paths, walk)).stop_on(&stop);
    #[cfg(feature = "service")]
    let asked = (args.server.asked()?).map(|node| {
        let done = sending::add(&node, &args.name, &plan, &terminal);
        done.map_err(|error| match error {
            SendError::Node(error) => remote::said(error),
            error => error.into(),
        })
    });
    #[cfg(feature = "service")]
    let (is_here, outcome) = match asked {
        Some(done) => (false, done?),
        None => (true, add(home, &args.name, &plan, &terminal)?),
    };
    #[cfg(not(feature = "service"))]
    let (is_here, outcome) = (true, add(home, &args.name, &plan, &terminal)?);
    drop(terminal);
    let mut out = output::stdout();
    writeln!(
        out,
        "bank {}: {} added, {} updated, {} already there, {} rejected",
        outcome.bank.name, outcome.added, outcome.updated, outcome.already_there, outcome.rejected
    )?;
    say_withdrawn(outcome.withdrawn, &mut out)?;
    if outcome.low_quality > 0 {
        writeln!(
            out,
            "{} of too little quality to be matched by PDQ: only files with the same bytes will match",
            output::plural(outcome.low_quality, "picture")
        )?;
    }
    if outcome.is_interrupted {
        writeln!(out, "interrupted: run it again for the rest")?;
    }
    // A node publishes by itself.
    if args.publish && is_here && !outcome.is_interrupted {
        out.flush()?;
        publish::publish(home, false, None, &mut out)?;
    } else if is_here && outcome.added + outcome.updated > 0 {
        writeln!(out, "{PUBLISH_HINT}")?;
    }
    out.flush()?;
    Ok(Exit::of(
        false,
        outcome.rejected > 0 || outcome.is_interrupted,
    ))
}

/// Says that entries were given again that people have taken back.
pub(crate) fn say_withdrawn(withdrawn: u64, out: &mut impl Write) -> std::io::Result<()> {
    match withdrawn {
        0 => Ok(()),
        withdrawn => writeln!(
            out,
            "{withdrawn} of them withdrawn by hand before: they stay so, and match nothing"
        ),
    }
}
