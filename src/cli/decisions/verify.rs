//! `hashgate decisions verify`: whether the log is what was written.

use super::{log::LogArgs, show::Format};
use crate::cli::{exit::Exit, home::Home, output, progress::Progress};
use crate::decisions::{self, LineHash, Report, VerifyOptions};
use clap::Args;
use serde_json::json;
use std::io::{self, Write};

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(super) log: LogArgs,

    /// A hash that was noted elsewhere (show --head): that line, and so all before it, must be there
    #[arg(long, value_name = "HASH")]
    expect: Option<LineHash>,

    /// Begin with this file: those before it were put elsewhere
    #[arg(long, value_name = "N", default_value_t = 1)]
    first_file: u64,

    /// How to write what was found
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &VerifyArgs, home: &Home) -> anyhow::Result<Exit> {
    let progress = Progress::of_work("checking the log of decisions");
    let options = VerifyOptions {
        first_file: args.first_file,
        expect: args.expect,
    };
    let report = decisions::verify(args.log.folder(home), options)?;
    drop(progress);
    let is_sound = report.is_as_expected(&options);
    let mut out = output::stdout();
    match args.format {
        Format::Text => {
            describe(&report, &mut out)?;
            match (args.expect, report.expected) {
                (Some(hash), Some(n)) => {
                    writeln!(out, "decisions: line {n} has the hash {hash}, as noted")?;
                }
                (Some(hash), None) => writeln!(
                    out,
                    "decisions: DAMAGED: no line has the hash {hash}: the log was written anew after \
                     that was noted, or it is another log"
                )?,
                (None, _) => {}
            }
        }
        Format::Jsonl => {
            for finding in &report.findings {
                // By way of a value: its keys are sorted.
                writeln!(out, "{}", serde_json::to_value(finding)?)?;
            }
            let summary = json!({ "summary": {
                "decisions": report.decisions,
                "files": report.files,
                "n": report.last.n,
                "sha256": report.last.sha256.to_string(),
                "log": report.head.as_ref().map(|head| &head.log),
                "faults": report.findings.len() as u64 + report.findings_left_out,
                "expected": args.expect.map(|_| report.expected),
                "sound": is_sound,
            }});
            writeln!(out, "{summary}")?;
        }
    }
    out.flush()?;
    Ok(Exit::of(false, !is_sound))
}

/// Says what was found.
pub(crate) fn describe(report: &Report, out: &mut impl Write) -> io::Result<()> {
    for finding in &report.findings {
        writeln!(out, "decisions: DAMAGED: {finding}")?;
    }
    if report.findings_left_out > 0 {
        writeln!(
            out,
            "decisions: and {} faults more",
            report.findings_left_out
        )?;
    }
    if report.is_sound() {
        writeln!(
            out,
            "decisions: {} in {}, line {} has {}: every hash and every link holds",
            output::plural(report.decisions, "decision"),
            output::plural(report.files, "file"),
            report.last.n,
            report.last.sha256
        )?;
    }
    Ok(())
}
