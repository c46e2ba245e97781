//! A row of a list that was not taken, as whoever watches is told of it.
//!
//! Owns where the row is and why it was left out. It refuses to count rows, and to say what an option of a
//! command would change.

use crate::bank::SourceStatus;
use crate::hashset::BadLine;
use std::fmt;

/// A row of a list that was not taken.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum LeftOutRow<'a> {
    /// It cannot be understood.
    Bad {
        /// What messages call the list.
        list: &'a str,
        /// Where it is and what is wrong with it.
        line: &'a BadLine,
    },
    /// Its source takes it back or does not stand by it, and the list is not imported by its source's
    /// ids, so that it cannot be told which entry is meant.
    TakenBack {
        /// What messages call the list.
        list: &'a str,
        /// Its line, from 1.
        line: u64,
        /// Which record of the list it is, from 1, in formats whose records are no lines.
        number: Option<u64>,
        /// What its source says of it.
        status: SourceStatus,
        /// The source's own id of it, or nothing.
        id: &'a str,
    },
    /// Its entry would hold more than one entry may.
    Refused {
        /// What the source of the list is called.
        source: &'a str,
        /// The source's own id of the record, or where it stands in the list, or nothing.
        record: &'a str,
        /// What would be too much.
        reason: &'a dyn fmt::Display,
    },
}

impl LeftOutRow<'_> {
    /// Where it is: `list.txt:3`, or `list.json:record 2, line 1`; of one that was refused its source and its
    /// id, as the list has them.
    #[must_use]
    pub fn place(&self) -> String {
        let (list, line, number) = match *self {
            Self::Bad { list, line } => (list, line.line, line.number),
            Self::TakenBack {
                list, line, number, ..
            } => (list, line, number),
            Self::Refused { source, record, .. } => return format!("{source}:{record}"),
        };
        match number {
            Some(number) => format!("{list}:record {number}, line {line}"),
            None => format!("{list}:{line}"),
        }
    }
}

impl fmt::Display for LeftOutRow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: not imported: ", self.place())?;
        match self {
            Self::Bad { line, .. } => write!(f, "{}: {}", line.reason, line.excerpt),
            Self::TakenBack { status, id, .. } => write!(
                f,
                "it is {} by its source, and the list is not imported by its source's ids: {id}",
                status.name()
            ),
            Self::Refused { reason, .. } => reason.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_says_where_it_is_and_why() {
        let mut line = BadLine {
            line: 3,
            number: None,
            reason: "no hash".into(),
            excerpt: "oops".into(),
        };
        let said = LeftOutRow::Bad {
            list: "a.txt",
            line: &line,
        };
        assert_eq!(said.to_string(), "a.txt:3: not imported: no hash: oops");
        line.number = Some(2);
        let said = LeftOutRow::TakenBack {
            list: "a.json",
            line: line.line,
            number: line.number,
            status: SourceStatus::Withdrawn,
            id: "x7",
        };
        assert_eq!(
            said.to_string(),
            "a.json:record 2, line 3: not imported: it is withdrawn by its source, \
             and the list is not imported by its source's ids: x7"
        );
        let said = LeftOutRow::Refused {
            source: "daily",
            record: "17",
            reason: &"too many labels",
        };
        assert_eq!(said.to_string(), "daily:17: not imported: too many labels");
    }
}
