//! `publish`, `audit` and `status`, through a node.

use crate::cli::output;
use crate::cli::remote::node::said;
use crate::curation::audit::AuditRecord;
use crate::service::asking::{Asking, escaped};
use crate::service::told::{Audited, PublishRequest, PublishTold};
use axum::http::Method;
use serde_json::Value;
use std::io::{self, Write};

/// Most entries that one request asks about.
const AT_ONCE: usize = 100;

pub(crate) fn publish(node: &Asking, full: bool) -> anyhow::Result<PublishTold> {
    let asked = PublishRequest { full };
    node.send((Method::POST, "/v1/publish"), &asked)
        .map_err(said)
}

pub(crate) fn audit(node: &Asking, names: &[String]) -> anyhow::Result<Vec<AuditRecord>> {
    let mut all = Vec::new();
    for some in names.chunks(AT_ONCE) {
        let asked: Vec<String> = some
            .iter()
            .map(|name| format!("entry={}", escaped(name)))
            .collect();
        let path = format!("/v1/audit?{}", asked.join("&"));
        let Audited { entries } = node.get((Method::GET, &path)).map_err(said)?;
        all.extend(entries);
    }
    Ok(all)
}

/// As `status --format jsonl` has it, without the folder.
pub(crate) fn status(node: &Asking) -> anyhow::Result<Value> {
    node.get((Method::GET, "/v1/store")).map_err(said)
}

/// A status for people.
pub(crate) fn say_status(status: &Value, out: &mut impl Write) -> io::Result<()> {
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let banks = status["banks"].as_array().map_or(&[][..], Vec::as_slice);
    let items: u64 = banks.iter().map(|bank| number(&bank["items"])).sum();
    writeln!(
        out,
        "store    revision {}, {}, {items} entries",
        number(&status["store"]["revision"]),
        output::plural(banks.len() as u64, "bank")
    )?;
    let index = &status["index"];
    writeln!(
        out,
        "index    generation {}, {}, {} bytes",
        number(&index["generation"]),
        output::plural(number(&index["segments"]), "segment"),
        number(&index["bytes"])
    )?;
    for (kind, hashes) in index["hashes"].as_object().into_iter().flatten() {
        writeln!(out, "           {kind:<16} {hashes} distinct")?;
    }
    let state = match status["up_to_date"].as_bool() {
        Some(true) => "up to date with the store",
        _ => "older than the store: the node publishes by itself",
    };
    writeln!(out, "         {state}")?;
    let policy = match status["policy"].as_str() {
        Some("in_force") => "in force",
        Some("changed") => "changed since the index was published: hashgate publish --server URL",
        _ => "cannot be put in force: see the node's log",
    };
    writeln!(out, "policy   {policy}")?;
    let text = |name: &str| status[name].as_str().unwrap_or("not told").to_owned();
    writeln!(out, "kernel   {}", text("kernel"))?;
    writeln!(out, "version  {}", text("program_version"))
}
