//! What both benchmarks share: where the report goes, and who watches the measurement.

use crate::cli::progress::Progress;
use crate::cli::{exit::Exit, output, stop};
use crate::measure::{Machine, MeasureError, Report, Watch};
use clap::{Args, ValueEnum};
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;

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
pub(super) struct ReportArgs {
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

impl ReportArgs {
    /// Says early that a file cannot be written: measuring takes long.
    fn check(&self) -> anyhow::Result<()> {
        for path in [&self.json, &self.html].into_iter().flatten() {
            output::file_or_stdout(Some(path))?;
        }
        Ok(())
    }

    fn write(&self, report: &impl Report) -> anyhow::Result<()> {
        let mut out = output::stdout();
        match self.format {
            Format::Text => report.write_text(&mut out)?,
            Format::Json => output::json(&mut out, report)?,
        }
        out.flush()?;
        if let Some(path) = &self.json {
            let mut file = output::file_or_stdout(Some(path))?;
            output::json(&mut file, report)?;
            file.flush()?;
        }
        if let Some(path) = &self.html {
            output::page(path, &report.page())?;
        }
        Ok(())
    }
}

/// Measures on this machine, with a line of progress, until it is done or somebody asks to stop; then
/// writes the report.
pub(super) fn measured<R: Report>(
    out: &ReportArgs,
    begin: &'static str,
    measure: impl FnOnce(Machine, Watch<'_>) -> Result<R, MeasureError>,
) -> anyhow::Result<Exit> {
    out.check()?;
    let machine = Machine::look(command())?;
    let stop = stop::on_request()?;
    let progress = Progress::of_work(begin);
    let watch = Watch {
        stop: &stop,
        say: &|what| progress.say(what),
    };
    let report = measure(machine, watch)?;
    drop(progress);
    out.write(&report)?;
    Ok(Exit::Clean)
}

/// The numbers as given, without repeats side by side; one thread and one for each core where none is given.
pub(super) fn threads(given: &[NonZeroUsize]) -> Vec<usize> {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let mut threads: Vec<usize> = given.iter().map(|number| number.get()).collect();
    if threads.is_empty() {
        threads = vec![1, cores];
    }
    threads.dedup();
    threads
}

/// The command line as typed; an argument that a shell would divide is quoted.
fn command() -> String {
    let words = std::env::args_os().skip(1).map(|word| {
        let word = word.to_string_lossy().into_owned();
        let plain = |c: char| c.is_alphanumeric() || "-_./,:=+@%~".contains(c);
        if !word.is_empty() && word.chars().all(plain) {
            word
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    });
    std::iter::once("hashgate".to_owned())
        .chain(words)
        .collect::<Vec<_>>()
        .join(" ")
}
