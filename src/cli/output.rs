//! Standard output and output files.

use anyhow::Context;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

pub(crate) use crate::pages::number::plural;

/// Standard output with a buffer; every command prints through it, so that an output that goes
/// away is an error like any other, never a panic.
pub(crate) fn stdout() -> BufWriter<io::Stdout> {
    BufWriter::new(io::stdout())
}

/// A file to write results to, closed to other users, or standard output.
pub(crate) fn file_or_stdout(path: Option<&Path>) -> anyhow::Result<Box<dyn Write>> {
    let Some(path) = path else {
        return Ok(Box::new(stdout()));
    };
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options
        .open(path)
        .with_context(|| format!("cannot write to {}", path.display()))?;
    Ok(Box::new(BufWriter::new(file)))
}

/// A value as one JSON object over several lines, as reports are written.
pub(crate) fn json(out: &mut dyn Write, value: &impl serde::Serialize) -> anyhow::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)?;
    Ok(())
}

/// A file for a page, closed to other users even where it was there before and open to them.
pub(crate) fn private_file(path: &Path) -> anyhow::Result<Box<dyn Write>> {
    let file = file_or_stdout(Some(path))?;
    #[cfg(unix)]
    if std::fs::metadata(path).is_ok_and(|known| known.is_file()) {
        let closed = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(path, closed)
            .with_context(|| format!("cannot close {} to other users", path.display()))?;
    }
    Ok(file)
}

/// Writes a page to a file.
pub(crate) fn page(path: &Path, html: &str) -> anyhow::Result<()> {
    let mut file = private_file(path)?;
    let written = file.write_all(html.as_bytes()).and_then(|()| file.flush());
    written.with_context(|| format!("cannot write to {}", path.display()))
}

/// A record as one JSON object in one line, its keys in alphabetical order.
pub(crate) fn json_line(out: &mut impl Write, record: &impl serde::Serialize) -> io::Result<()> {
    writeln!(out, "{}", serde_json::to_value(record)?)
}

/// A line for people on standard error. Where nobody can read it the work goes on: standard error
/// may be a pipe whose reader has left.
pub(crate) fn warn(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Whether people read standard output right now.
pub(crate) fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether standard output takes colours.
pub(crate) fn colour() -> bool {
    stdout_is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Whether an error comes from a reader of our output that has left.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
            || cause
                .downcast_ref::<serde_json::Error>()
                .is_some_and(|error| error.io_error_kind() == Some(io::ErrorKind::BrokenPipe))
    })
}
