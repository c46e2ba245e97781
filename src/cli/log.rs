//! Where the program's log goes: to standard error, as much of it as was asked for.
//!
//! Refuses to decide what is logged.

use std::io::IsTerminal;
use tracing::Level;

const fn level(verbose: u8) -> Level {
    match verbose {
        0 => Level::WARN,
        1 => Level::INFO,
        _ => Level::DEBUG,
    }
}

/// A file and a log of the system must be plain text; nor does everybody want colours (`NO_COLOR`).
fn has_colours() -> bool {
    let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|said| !said.is_empty());
    std::io::stderr().is_terminal() && !is_unwanted
}

/// Logs to standard error.
pub(crate) fn to_stderr(verbose: u8) {
    tracing_subscriber::fmt()
        .with_max_level(level(verbose))
        .with_writer(std::io::stderr)
        .with_ansi(has_colours())
        .with_target(false)
        .without_time()
        .init();
}

/// Logs to standard error, and sends traces for as long as what is given back is kept.
#[cfg(feature = "otlp")]
pub(crate) fn to_stderr_and_collector(
    verbose: u8,
    collector: &crate::service::Collector,
) -> anyhow::Result<crate::service::Traces> {
    use tracing_subscriber::filter::LevelFilter;
    use tracing_subscriber::prelude::*;
    let log = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(has_colours())
        .with_target(false)
        .without_time()
        .with_filter(LevelFilter::from_level(level(verbose)));
    let begun = crate::service::Traces::begin(collector);
    let (traces, layer) = begun.map_err(|problem| anyhow::anyhow!("traces: {problem}"))?;
    tracing_subscriber::registry().with(log).with(layer).init();
    Ok(traces)
}
