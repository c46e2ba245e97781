//! `hashgate follow`: an index folder that is kept as a publisher elsewhere has it.
//!
//! Exit code 0, or 2 where it failed.

use crate::cli::observer::Terminal;
use crate::cli::{exit::Exit, output, stop};
use crate::clock;
use crate::fleet::{FleetError, FollowOptions, Followed, Follower, Place};
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How it is told what came into force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object for each generation that comes into force
    Jsonl,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Credentials come from the environment, by the names that each cloud's own tools have: AWS_ACCESS_KEY_ID, \
    AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL (and AWS_ALLOW_HTTP=true for one without TLS), \
    GOOGLE_APPLICATION_CREDENTIALS, AZURE_STORAGE_ACCOUNT_NAME and their kin.\nWhat was seen stands beside the folder, in \
    FOLDER.followed: nothing older is believed after it. One follower serves all programs of a machine."
)]
pub(crate) struct FollowArgs {
    /// Where the publisher publishes to: s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX
    #[arg(value_name = "URL")]
    address: String,

    /// Index folder to keep; nobody else may write into it
    #[arg(long, value_name = "DIR")]
    index: PathBuf,

    /// Whose generations are taken: a public key of minisign's, or a file that holds it; may be given several times
    #[arg(long, value_name = "KEY", required = true)]
    public_key: Vec<String>,

    /// Seconds between two looks; each is up to a fifth sooner or later
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds, conflicts_with = "once")]
    every: f64,

    /// Look once, and end
    #[arg(long)]
    once: bool,

    /// How to tell what came into force
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

fn seconds(given: &str) -> Result<f64, String> {
    match given.parse::<f64>() {
        Ok(seconds) if (0.1..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("0.1 to 86400 seconds".to_owned()),
    }
}

/// How often trouble of one kind is told.
const TELL: Duration = Duration::from_secs(300);

/// A line of JSON.
#[derive(Serialize)]
struct Line {
    /// When it came into force here: seconds since 1970-01-01 UTC.
    at: u64,
    generation: u64,
    sequence: u64,
    fetched: usize,
    fetched_bytes: u64,
    issued: u64,
    expires: u64,
}

pub(crate) fn run(args: &FollowArgs) -> anyhow::Result<Exit> {
    let stop = stop::on_request()?;
    let options = {
        let mut options = FollowOptions::new(&args.index, "");
        options.keys.clone_from(&args.public_key);
        options
    };
    let place = Place::open(&args.address)?;
    let mut follower = Follower::begin(&options)?;
    let mut look = || -> Result<Followed, FleetError> {
        let terminal = Terminal::of_work("looking").stop_on(&stop);
        follower.look(&place, &terminal)
    };
    if args.once {
        let followed = look()?;
        tell(args.format, &followed)?;
        warn_if_expired(&followed);
        return Ok(Exit::Clean);
    }
    let mut trouble: Option<(std::mem::Discriminant<FleetError>, Instant)> = None;
    let mut is_expired = false;
    while !stop.load(Ordering::Relaxed) {
        match look() {
            Ok(followed) => {
                if trouble.take().is_some() {
                    output::warn("hashgate: following again");
                }
                if followed.is_new {
                    tell(args.format, &followed)?;
                }
                if followed.is_expired && !is_expired {
                    warn_if_expired(&followed);
                }
                is_expired = followed.is_expired;
            }
            Err(FleetError::Interrupted) => break,
            // What cannot get better by waiting.
            Err(error @ (FleetError::Key(_) | FleetError::Note { .. })) => return Err(error.into()),
            Err(error) => {
                let kind = std::mem::discriminant(&error);
                // The same kind of trouble at each look is told once in a while.
                let is_told = trouble.is_some_and(|(is, at)| is == kind && at.elapsed() < TELL);
                if !is_told {
                    output::warn(format_args!(
                        "hashgate: warning: {:#}; what is in force stays, and it is tried again",
                        anyhow::Error::from(error)
                    ));
                    trouble = Some((kind, Instant::now()));
                }
            }
        }
        wait(args.every, &stop);
    }
    Ok(Exit::Clean)
}

/// Waits so many seconds, a fifth more or less, so that many machines do not ask at one moment.
fn wait(seconds: f64, stop: &Arc<AtomicBool>) {
    let by_chance =
        (clock::now_ms() ^ u64::from(std::process::id())).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let share = (by_chance >> 40) as f64 / f64::from(1 << 24);
    let until = Instant::now() + Duration::from_secs_f64(seconds * (0.8 + 0.4 * share));
    while !stop.load(Ordering::Relaxed) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left.min(Duration::from_millis(100)));
    }
}

fn warn_if_expired(followed: &Followed) {
    if followed.is_expired {
        output::warn(format_args!(
            "hashgate: warning: what is in force expired at {}: nothing newer has come since; look whether the publisher still \
             publishes, and whether its bucket is the one that is asked",
            clock::time(followed.expires)
        ));
    }
}

fn tell(format: Format, followed: &Followed) -> anyhow::Result<()> {
    let mut out = output::stdout();
    match format {
        Format::Text => {
            let what = match followed.is_new {
                true => "came into force",
                false => "is in force",
            };
            writeln!(
                out,
                "generation {} {what} (sequence {}): {} fetched, {} bytes",
                followed.generation,
                followed.sequence,
                output::plural(followed.fetched as u64, "segment"),
                followed.fetched_bytes
            )?;
        }
        Format::Jsonl => {
            let line = Line {
                at: clock::now(),
                generation: followed.generation,
                sequence: followed.sequence,
                fetched: followed.fetched,
                fetched_bytes: followed.fetched_bytes,
                issued: followed.issued,
                expires: followed.expires,
            };
            serde_json::to_writer(&mut out, &line)?;
            writeln!(out)?;
        }
    }
    out.flush()?;
    Ok(())
}
