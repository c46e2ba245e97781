//! `hashgate report`: what to do with a match, for those who are no experts.
//!
//! Arguments and printing; the report, the table of channels and the texts are in [`handover`].

use crate::cli::{exit::Exit, output};
use crate::handover::{Language as Text, Place, Report, ReportOptions, uploader_text};
use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum ReportCommand {
    /// Make a hand-over file of a scan's matches: hashes, times, file facts, chain of custody; no media
    Make(MakeArgs),
    /// Show where matches are reported, by country
    Channels(ChannelsArgs),
    /// Print the text that an uploader is shown when an upload is stopped
    Text(TextArgs),
}

/// Where to report.
#[derive(Debug, Args)]
struct Where {
    /// Country, by its two letters (ISO 3166): PK, US, GB, …
    #[arg(long, value_name = "CC")]
    country: Option<String>,

    /// Further channels: a JSON file in the form of the table that is built in
    #[arg(long, value_name = "FILE")]
    channels: Option<PathBuf>,
}

impl Where {
    fn place(self) -> Place {
        let mut place = Place::everywhere();
        place.country = self.country;
        place.further = self.channels;
        place
    }
}

#[derive(Debug, Args)]
pub(crate) struct MakeArgs {
    #[command(flatten)]
    place: Where,

    /// Who hands it over, for the chain of custody
    #[arg(long, value_name = "TEXT")]
    by: Option<String>,

    /// Files with this action only; may be given several times [default: block, review and report]
    #[arg(long, value_name = "ACTION")]
    action: Vec<String>,

    /// File to write, closed to other users [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// What hashgate scan --format jsonl wrote
    #[arg(value_name = "SCAN.jsonl")]
    scan: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ChannelsArgs {
    #[command(flatten)]
    place: Where,

    /// As JSON, in the form that --channels reads
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TextArgs {
    #[command(flatten)]
    place: Where,

    /// Language of the text
    #[arg(long, value_enum, default_value = "en")]
    language: Language,

    /// A text of your own, in which {channels} stands where the channels go
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Language {
    /// English
    En,
    /// Urdu
    Ur,
}

pub(crate) fn run(command: ReportCommand) -> anyhow::Result<Exit> {
    match command {
        ReportCommand::Make(args) => make(args),
        ReportCommand::Channels(args) => list(args),
        ReportCommand::Text(args) => text(args),
    }
}

fn make(args: MakeArgs) -> anyhow::Result<Exit> {
    let options = ReportOptions::new(args.place.place())
        .by(args.by)
        .actions(args.action);
    let report = Report::of_scan(&args.scan, &options)?;
    let mut out = output::file_or_stdout(args.output.as_deref())?;
    // By way of a value: its keys are sorted.
    output::json(&mut out, &serde_json::to_value(&report)?)?;
    out.flush()?;
    let count = report.items.len();
    let said = output::plural(count as u64, "match").replace("matchs", "matches");
    output::warn(format_args!(
        "hashgate: {said} in the report. Do not send the media itself unless the channel asks for it in a way of its own."
    ));
    Ok(Exit::of(count > 0, false))
}

fn list(args: ChannelsArgs) -> anyhow::Result<Exit> {
    let channels = args.place.place().channels()?;
    let mut out = output::stdout();
    if args.json {
        output::json(&mut out, &channels)?;
    } else {
        for one in channels {
            let country = match one.is_anywhere() {
                true => "any country",
                false => one.country.as_str(),
            };
            let web = match one.web.is_empty() {
                true => "no verified address",
                false => one.web.as_str(),
            };
            writeln!(out, "{country}: {} ({}): {web}", one.name, one.kind)?;
            writeln!(out, "  in {}; {}", one.languages.join(", "), one.note)?;
        }
    }
    out.flush()?;
    Ok(Exit::Clean)
}

fn text(args: TextArgs) -> anyhow::Result<Exit> {
    let template = match (&args.template, args.language) {
        (Some(path), _) => std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?,
        (None, Language::En) => Text::English.template().to_owned(),
        (None, Language::Ur) => Text::Urdu.template().to_owned(),
    };
    let channels = args.place.place().channels()?;
    let mut out = output::stdout();
    write!(out, "{}", uploader_text(&template, &channels))?;
    out.flush()?;
    Ok(Exit::Clean)
}
