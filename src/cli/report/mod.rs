//! `hashgate report`: what to do with a match, for those who are no experts.
//!
//! Owned here: the hand-over file for the proper channel, the table of channels per country, and the
//! text that an uploader is shown. Refused: to send anything, and to put any media into a report.
//!
//! The table and the texts are data (`channels.json`, `uploader.*.txt`); `--channels FILE` adds to the
//! table, and its entries come first. A field that could not be verified is empty, and the note says
//! so.

mod handover;

use crate::cli::{exit::Exit, output};
use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};

const CHANNELS: &str = include_str!("channels.json");
/// The places that a channel of any country is listed under.
const ANYWHERE: &str = "*";

#[derive(Debug, Subcommand)]
pub(crate) enum ReportCommand {
    /// Make a hand-over file of a scan's matches: hashes, times, file facts, chain of custody; no media
    Make(handover::MakeArgs),
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

/// A place to report to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Channel {
    /// Two letters (ISO 3166), or `*` for any country.
    country: String,
    name: String,
    /// `hotline`, `police` or `directory`.
    kind: String,
    /// Empty where it could not be verified.
    web: String,
    /// Languages that it takes reports in (ISO 639).
    languages: Vec<String>,
    note: String,
    /// What the entry was taken from.
    source: String,
}

pub(crate) fn run(command: ReportCommand) -> anyhow::Result<Exit> {
    match command {
        ReportCommand::Make(args) => handover::make(&args),
        ReportCommand::Channels(args) => list(&args),
        ReportCommand::Text(args) => text(&args),
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<Channel>> {
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text)
        .with_context(|| format!("{} is no table of channels", path.display()))
}

/// The channels of a country, those that are added first, and those for any country behind them;
/// without a country all.
fn channels(place: &Where) -> anyhow::Result<Vec<Channel>> {
    let mut all = match &place.channels {
        Some(path) => read(path)?,
        None => Vec::new(),
    };
    let built_in: Vec<Channel> = serde_json::from_str(CHANNELS)?;
    all.extend(built_in);
    if let Some(country) = &place.country {
        if country.len() != 2 || !country.chars().all(|c| c.is_ascii_alphabetic()) {
            bail!("{country:?} is no country: give its two letters, as in PK");
        }
        all.retain(|one| one.country == ANYWHERE || one.country.eq_ignore_ascii_case(country));
        all.sort_by_key(|one| one.country == ANYWHERE);
    }
    Ok(all)
}

fn list(args: &ChannelsArgs) -> anyhow::Result<Exit> {
    let channels = channels(&args.place)?;
    let mut out = output::stdout();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &channels)?;
        writeln!(out)?;
    } else {
        for one in channels {
            let country = match one.country == ANYWHERE {
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

fn text(args: &TextArgs) -> anyhow::Result<Exit> {
    let template = match (&args.template, args.language) {
        (Some(path), _) => std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?,
        (None, Language::En) => include_str!("uploader.en.txt").to_owned(),
        (None, Language::Ur) => include_str!("uploader.ur.txt").to_owned(),
    };
    let mut lines = String::new();
    for one in channels(&args.place)? {
        if !one.web.is_empty() {
            lines.push_str(&format!("- {}: {}\n", one.name, one.web));
        }
    }
    let mut out = output::stdout();
    write!(
        out,
        "{}",
        template
            .replace("{channels}\n", &lines)
            .replace("{channels}", &lines)
    )?;
    out.flush()?;
    Ok(Exit::Clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(country: Option<&str>) -> Where {
        Where {
            country: country.map(str::to_owned),
            channels: None,
        }
    }

    #[test]
    fn the_table_is_whole_and_says_what_is_not_verified() {
        let all = channels(&at(None)).unwrap();
        for one in &all {
            assert!(!one.name.is_empty() && !one.source.is_empty(), "{one:?}");
            assert!(!one.languages.is_empty());
            assert!(["hotline", "police", "directory"].contains(&one.kind.as_str()));
            assert!(one.web.is_empty() || one.web.starts_with("https://"));
            assert!(
                !one.web.is_empty() || one.note.contains("not verified"),
                "{one:?}"
            );
        }
    }

    #[test]
    fn a_country_has_its_own_channels_first() {
        let of = |country| -> Vec<String> {
            let found = channels(&at(Some(country))).unwrap();
            found.into_iter().map(|one| one.country).collect()
        };
        assert_eq!(of("pk"), ["PK", "*"]);
        assert_eq!(of("AQ"), ["*"]);
        assert!(channels(&at(Some("Pakistan"))).is_err());
    }
}
