//! `hashgate bench`: figures that anyone can have again on a machine of their own.
//!
//! This room makes data, asks the floors below, holds every answer against brute force or against
//! what was planted, and reports as text, as JSON and as a page. A wrong answer is an error, never
//! a figure. It refuses to change any home folder: its indexes live in temporary folders.

mod chart;
mod data;
mod distribution;
mod lists;
mod machine;
mod naive;
mod page;
mod pipeline;
mod pipeline_report;
mod random;
mod search;
mod search_report;
mod size;
mod stages;
mod timing;

pub(super) use chart::{Bars, bars};
pub(super) use page::{STYLE, escape};

use crate::cli::exit::Exit;
use crate::cli::output;
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Measure searching an index, of made hashes or of given ones
    Search(search::SearchArgs),
    /// Measure reading, decoding, hashing and searching files
    Pipeline(pipeline::PipelineArgs),
}

pub(crate) fn run(command: BenchCommand) -> anyhow::Result<Exit> {
    match command {
        BenchCommand::Search(args) => search::run(args),
        BenchCommand::Pipeline(args) => pipeline::run(args),
    }
}

/// How a report is written to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object
    Json,
}

/// Where a report goes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
struct ReportArgs {
    /// How to write the report to standard output
    #[arg(long, value_enum, default_value = "text")]
    format: Format,

    /// Write the report as JSON to a file too; it is replaced
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Write the report as a page with plots to a file too; it is replaced
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// What a benchmark has found out.
trait Report: Serialize {
    fn text(&self, out: &mut dyn Write) -> std::io::Result<()>;
    fn page(&self) -> String;
}

impl ReportArgs {
    /// Opens nothing, but says early that a file cannot be written: measuring takes long.
    fn check(&self) -> anyhow::Result<()> {
        for path in [&self.json, &self.html].into_iter().flatten() {
            output::file_or_stdout(Some(path))?;
        }
        Ok(())
    }

    fn write(&self, report: &impl Report) -> anyhow::Result<()> {
        let mut out = output::stdout();
        match self.format {
            Format::Text => report.text(&mut out)?,
            Format::Json => json(&mut out, report)?,
        }
        out.flush()?;
        if let Some(path) = &self.json {
            let mut file = output::file_or_stdout(Some(path))?;
            json(&mut file, report)?;
            file.flush()?;
        }
        if let Some(path) = &self.html {
            let mut file = output::file_or_stdout(Some(path))?;
            file.write_all(report.page().as_bytes())?;
            file.flush()?;
        }
        Ok(())
    }
}

fn json(out: &mut dyn Write, report: &impl Report) -> anyhow::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    writeln!(out)?;
    Ok(())
}
