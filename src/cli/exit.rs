//! The three exit codes.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done, and nothing matched.
    Clean,
    /// 1: there was a match.
    Match,
    /// 2: something could not be judged or failed.
    Failed,
}

impl Exit {
    /// A match weighs most: whoever stops at "not 0" and whoever looks for 1 both learn of it.
    pub(crate) const fn of(matched: bool, failed: bool) -> Self {
        match (matched, failed) {
            (true, _) => Self::Match,
            (false, true) => Self::Failed,
            (false, false) => Self::Clean,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Clean => 0,
            Exit::Match => 1,
            Exit::Failed => 2,
        })
    }
}
