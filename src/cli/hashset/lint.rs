//! `hashgate hashset lint`: what is doubtful in banks.

use super::lint_page;
use crate::bank::BankName;
use crate::cli::observer::Terminal;
use crate::cli::{exit::Exit, home::Home, output};
use crate::curation::lint::{LintError, LintPlan, LintReport, lint};
use anyhow::{Context, Error};
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object a finding, then the summary
    Json,
    /// A page with plots, in the place of text: what --html was before it was there
    #[value(hide = true)]
    Html,
}

#[derive(Debug, Args)]
pub(crate) struct LintArgs {
    /// Only this bank; may be given several times [default: all]
    #[arg(long, value_name = "NAME")]
    bank: Vec<BankName>,

    /// A list of PDQ hashes of harmless pictures: entries that match one are named
    #[arg(long, value_name = "FILE")]
    benign: Vec<PathBuf>,

    /// From how many others within its bank's threshold on an entry is a cluster's, 1 to 10,000
    #[arg(long, value_name = "N", default_value_t = LintPlan::CLUSTER, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=LintPlan::MAX_CLUSTER as u64))]
    cluster: usize,

    /// How to write it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    /// File to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Write a page with plots to a file too; it is replaced
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// The last line of `--format json`.
#[derive(Serialize)]
struct Summary<'a> {
    summary: &'a LintReport,
}

pub(crate) fn run(args: &LintArgs, home: &Home) -> anyhow::Result<Exit> {
    if let Some(path) = &args.html {
        // Says early that the file cannot be written: the work takes long.
        output::file_or_stdout(Some(path))?;
    }
    let plan = LintPlan::default()
        .banks(args.bank.iter().cloned())
        .harmless(&args.benign)
        .cluster(args.cluster);
    let terminal = Terminal::of_work("looking at entries").with_warnings();
    let report = match lint(home, &plan, &terminal) {
        Err(LintError::Index { source }) => Err(Error::from(source))
            .context("entries are held against the published index: run hashgate publish first")?,
        report => report?,
    };
    drop(terminal);
    let mut out = output::file_or_stdout(args.output.as_deref())?;
    match args.format {
        Format::Text => text(&report, &mut out)?,
        Format::Json => {
            for finding in &report.findings {
                serde_json::to_writer(&mut out, finding)?;
                writeln!(out)?;
            }
            output::json_line(&mut out, &Summary { summary: &report })?;
        }
        Format::Html => out.write_all(lint_page::page(&report).as_bytes())?,
    }
    out.flush()?;
    if let Some(path) = &args.html {
        output::page(path, &lint_page::page(&report))?;
    }
    Ok(Exit::Clean)
}

fn text(report: &LintReport, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(
        out,
        "{} looked at",
        output::plural(report.entries, "entry").replace("entrys", "entries")
    )?;
    if report.counts.is_empty() {
        writeln!(out, "nothing doubtful")?;
    }
    for (kind, count) in &report.counts {
        writeln!(out, "\n{count}: {}", kind.text())?;
        let of_kind = report
            .findings
            .iter()
            .filter(|finding| finding.kind == *kind);
        for finding in of_kind.take(10) {
            let signal = finding.signal.as_deref().unwrap_or("no hash");
            let detail = finding.detail.as_deref().unwrap_or_default();
            writeln!(
                out,
                "  {} #{}  {signal}  {detail}",
                finding.bank, finding.content_id
            )?;
        }
        if *count > 10 {
            writeln!(out, "  … --format json lists more")?;
        }
    }
    Ok(())
}
