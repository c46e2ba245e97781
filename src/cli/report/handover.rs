//! The hand-over file: what a channel needs to act, and nothing of the media.

use super::{Where, channels};
use crate::cli::audit::time;
use crate::cli::bank::now;
use crate::cli::{exit::Exit, output};
use anyhow::{Context, bail};
use clap::Args;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Most bytes of a line of a scan.
const MAX_LINE: u64 = 4 << 20;

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

pub(crate) fn make(args: &MakeArgs) -> anyhow::Result<Exit> {
    let file =
        File::open(&args.scan).with_context(|| format!("cannot open {}", args.scan.display()))?;
    let mut input = BufReader::new(file);
    let mut digest = Sha256::new();
    let (mut items, mut summary, mut number) = (Vec::new(), Value::Null, 0u64);
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut input).take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        number += 1;
        digest.update(&line);
        let record: Value = serde_json::from_slice(&line).with_context(|| {
            format!("{}:{number}: it is no line of a scan", args.scan.display())
        })?;
        if let Some(found) = record.get("summary") {
            summary = found.clone();
            continue;
        }
        let action = record
            .get("action")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let is_asked = match args.action.is_empty() {
            true => ["block", "review", "report"].contains(&action),
            false => args.action.iter().any(|asked| asked == action),
        };
        let is_match = record.get("outcome").and_then(Value::as_str) == Some("match");
        if is_match && is_asked {
            items.push(item(&record));
        }
    }
    if summary.is_null() {
        bail!(
            "{} has no summary: give the whole of what hashgate scan --format jsonl wrote",
            args.scan.display()
        );
    }
    let scanned = File::open(&args.scan).and_then(|file| file.metadata());
    let scanned = scanned.and_then(|facts| facts.modified()).ok();
    let scanned = scanned.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let count = items.len();
    let report = json!({
        "hashgate_report": 1,
        "made": time(now()),
        "by": args.by,
        "program_version": env!("CARGO_PKG_VERSION"),
        "media_included": false,
        "channels": channels(&args.place)?,
        "custody": [
            {
                "step": "scan",
                "file": args.scan.display().to_string(),
                "sha256": hex(&digest.finalize()),
                "written": scanned.map(|since| time(since.as_secs())),
                "program_version": summary.get("program_version"),
                "index_generation": summary.get("index_generation"),
            },
            {
                "step": "report",
                "at": time(now()),
                "by": args.by,
                "files_looked_at": "read once more, for their digests, sizes and times only",
            },
        ],
        "scan_summary": summary,
        "items": items,
    });
    let mut out = output::file_or_stdout(args.output.as_deref())?;
    serde_json::to_writer_pretty(&mut out, &report)?;
    writeln!(out)?;
    out.flush()?;
    let said = output::plural(count as u64, "match").replace("matchs", "matches");
    output::warn(format_args!(
        "hashgate: {said} in the report. Do not send the media itself unless the channel asks for it in a way of its own."
    ));
    Ok(Exit::of(count > 0, false))
}

/// What of a match goes into the report: the scan's words, and the file as it is now.
fn item(record: &Value) -> Value {
    let get = |name: &str| record.get(name).cloned().unwrap_or(Value::Null);
    let path = record
        .get("path")
        .and_then(Value::as_str)
        .unwrap_or_default();
    json!({
        "path": path,
        "path_hex": get("path_hex"),
        "action": get("action"),
        "bytes": get("bytes"),
        "signals": get("signals"),
        "quality": get("quality"),
        "mode": get("mode"),
        "matches": get("matches"),
        "file_now": facts(Path::new(path)).unwrap_or_else(|error| json!({
            "unreadable": error.to_string(),
        })),
    })
}

/// Digest, size and time of a file.
fn facts(path: &Path) -> std::io::Result<Value> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        // A FIFO that has come in the file's place would be waited for without end.
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    let mut file = options.open(path)?;
    let facts = file.metadata()?;
    if !facts.is_file() {
        return Err(std::io::Error::other("it is no regular file"));
    }
    let (mut digest, mut bytes) = (Sha256::new(), 0u64);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else {
            break;
        };
        digest.update(part);
        bytes += read as u64;
    }
    let modified = facts.modified().ok();
    let modified = modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    Ok(json!({
        "sha256": hex(&digest.finalize()),
        "bytes": bytes,
        "modified": modified.map(|since| time(since.as_secs())),
    }))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
