//! Which log is meant, and what is said of one that is not whole.

use crate::cli::{home::Home, output};
use crate::decisions::{Finding, Torn};
use clap::Args;
use std::path::PathBuf;

/// Which log.
#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// Folder of the log [default: decisions in the home folder]
    #[arg(long = "log", value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}

impl LogArgs {
    pub(super) fn folder(&self, home: &Home) -> PathBuf {
        self.folder.clone().unwrap_or_else(|| home.decisions())
    }
}

/// Says what a crash has left of a log.
pub(crate) fn warn_of_torn(torn: &[Torn]) {
    for torn in torn {
        output::warn(format_args!(
            "hashgate: warning: the last write to {} was cut off: {} bytes that were no whole line are \
             now in {}; what was acknowledged is there",
            torn.file.display(),
            torn.bytes,
            torn.kept_as.display()
        ));
    }
}

/// Says what is wrong with a log that was read for another reason.
pub(super) fn warn_of(findings: &[Finding]) {
    for finding in findings.iter().take(3) {
        output::warn(format_args!("hashgate: warning: {finding}"));
    }
    if !findings.is_empty() {
        output::warn("hashgate: the log is not whole: run hashgate decisions verify");
    }
}
