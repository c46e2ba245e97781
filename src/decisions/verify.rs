//! Whether the log is whole: every line, every link, every file, and its end.

use crate::decisions::DecisionError;
use crate::decisions::chain::{LineHash, Link};
use crate::decisions::head::Head;
use crate::decisions::walk::{Entry, Finding, Met, walk};
use std::ops::ControlFlow;
use std::path::Path;

/// What was found out about a log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The end as the note `HEAD` has it, where it can be read.
    pub head: Option<Head>,
    /// Files that were read.
    pub files: u64,
    /// Decisions that can be read.
    pub decisions: u64,
    /// The last line.
    pub last: Link,
    /// The faults, in order; at most [`Report::MAX_FINDINGS`].
    pub findings: Vec<Finding>,
    /// How many faults more there were.
    pub findings_left_out: u64,
    /// The number of the line that has the hash that was asked for.
    pub expected: Option<u64>,
}

impl Report {
    /// Most faults that are listed.
    pub const MAX_FINDINGS: usize = 100;

    /// Whether there is no fault, and the line that was asked for, if one was, is there.
    #[must_use]
    pub const fn is_as_expected(&self, options: &VerifyOptions) -> bool {
        self.is_sound() && (options.expect.is_none() || self.expected.is_some())
    }

    /// Whether there is no fault.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }
}

/// What to look at.
#[derive(Debug, Clone, Copy, Default)]
pub struct VerifyOptions {
    /// The file to begin with, where those before it were put elsewhere; 0 and 1 mean the first.
    pub first_file: u64,
    /// The hash of a line that must be there: a head that was noted elsewhere.
    pub expect: Option<LineHash>,
}

/// Reads all of the log. A writer may be at it meanwhile.
///
/// # Errors
/// Where there is no log, or a file of it cannot be read. Faults of the log are no errors: they are
/// in the report.
pub fn verify(folder: impl AsRef<Path>, options: VerifyOptions) -> Result<Report, DecisionError> {
    let folder = folder.as_ref();
    let mut report = Report {
        head: None,
        files: 0,
        decisions: 0,
        last: Link::default(),
        findings: Vec::new(),
        findings_left_out: 0,
        expected: None,
    };
    let walked = walk(folder, options.first_file, options.expect, true, |met| {
        match met {
            Met::Entry(..) => report.decisions += 1,
            Met::Other => {}
            Met::Fault(finding) => add(&mut report, finding),
        }
        ControlFlow::Continue(())
    })?;
    report.head = walked.head;
    report.files = walked.files;
    report.last = walked.last;
    report.expected = walked.expected;
    Ok(report)
}

fn add(report: &mut Report, finding: Finding) {
    if report.findings.len() < Report::MAX_FINDINGS {
        report.findings.push(finding);
    } else {
        report.findings_left_out += 1;
    }
}

/// Gives every decision of the log, oldest first, to `take`, with its line as it is written, until
/// that says to stop; returns the faults that were met on the way, at most 100 of them.
///
/// # Errors
/// As [`verify`]; and what `take` says.
pub fn for_each<E: From<DecisionError>>(
    folder: &Path,
    mut take: impl FnMut(&Entry, &[u8]) -> Result<ControlFlow<()>, E>,
) -> Result<Vec<Finding>, E> {
    let mut findings = Vec::new();
    let mut failed = None;
    walk(folder, 0, None, true, |met| match met {
        Met::Entry(entry, line) => match take(&entry, line) {
            Ok(flow) => flow,
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        },
        Met::Other => ControlFlow::Continue(()),
        Met::Fault(finding) => {
            if findings.len() < Report::MAX_FINDINGS {
                findings.push(finding);
            }
            ControlFlow::Continue(())
        }
    })?;
    match failed {
        Some(error) => Err(error),
        None => Ok(findings),
    }
}

/// Where the log ends, as its note has it.
///
/// # Errors
/// Where there is no log, or its note is missing or damaged.
pub fn head(folder: &Path) -> Result<Head, DecisionError> {
    use crate::decisions::{files, head as note};
    let reason = match note::read(folder)? {
        note::Said::Head { head, .. } => return Ok(head),
        note::Said::Nothing if !folder.is_dir() || files::list(folder)?.numbers.is_empty() => {
            return Err(DecisionError::Missing {
                folder: folder.to_owned(),
            });
        }
        note::Said::Nothing => "is missing",
        note::Said::Damaged => "is damaged",
    };
    Err(DecisionError::Head {
        path: folder.join(files::HEAD_FILE),
        reason,
    })
}
