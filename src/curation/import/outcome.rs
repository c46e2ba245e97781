//! What became of a list.

use crate::bank::Votes;
use crate::hash::{Quality, SignalType};
use crate::hashset::{ListFormat, ListRecord};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;

/// What became of a list, or would become of it where it is a preview.
///
/// As JSON it is one object with these names; `format` is the name that [`ListFormat`] has, and
/// `not_whole` is `one_page` or `bad_rows`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ImportOutcome {
    /// The format it was read as; `None` where the import was stopped before that was known.
    #[serde(serialize_with = "format_name", deserialize_with = "format_named")]
    pub format: Option<ListFormat>,
    /// Nothing is changed: the numbers say what would be.
    pub preview: bool,
    /// The import was stopped. What was read before is in the bank, and the same list again brings the rest.
    pub interrupted: bool,
    /// New entries.
    pub added: u64,
    /// Entries that got something that they lacked.
    pub updated: u64,
    /// Rows that brought nothing new.
    pub already_there: u64,
    /// Of the entries that were there: withdrawn by people here, and still so.
    pub withdrawn: u64,
    /// Rows that were not taken. Whoever watches was told of the first ones.
    pub rejected: u64,
    /// Records that their source took back.
    pub taken_back: u64,
    /// Records that their source took back and that were not there.
    pub not_there: u64,
    /// Records that stand again.
    pub given_again: u64,
    /// Entries that matched and no longer do.
    pub stopped: u64,
    /// Entries that match again.
    pub restored: u64,
    /// Records of which somebody says that they are not what they are said to be.
    pub disputed: u64,
    /// Entries whose listed quality is under `min_quality`: they will not match by PDQ.
    pub low_quality: u64,
    /// The bank's minimum quality; `None` where nothing was read.
    pub min_quality: Option<Quality>,
    /// The list is one page of several.
    pub has_more: bool,
    /// Why a list that is said to be all that its source has is not, so that it took nothing back.
    pub not_whole: Option<NotWhole>,
    /// Hashes that were read, by their type.
    pub signals: BTreeMap<SignalType, u64>,
    /// Signals that were read and cannot be computed here, by their kind.
    pub opaque: BTreeMap<String, u64>,
}

/// Why what a list lacks cannot be told: a record that was cut off, malformed or on a page still to come
/// would look as if its source had taken it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NotWhole {
    /// It is one page, and its source has more.
    OnePage,
    /// Rows of it could not be read.
    BadRows,
}

impl fmt::Display for NotWhole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "it is not all that its source has, so nothing that it lacks is taken back: {}",
            match self {
                Self::OnePage =>
                    "it is one page, and its source has more: join all pages into one list",
                Self::BadRows =>
                    "records of it could not be read: get the list again, or mend them",
            }
        )
    }
}

impl ImportOutcome {
    /// Of an import that was stopped before anything of the list was known.
    pub(super) fn stopped_early(preview: bool) -> Self {
        Self {
            preview,
            interrupted: true,
            ..Self::default()
        }
    }

    /// How many entries and records are changed: 0 where it is a preview.
    #[must_use]
    pub fn changed(&self) -> u64 {
        match self.preview {
            true => 0,
            false => self.added + self.updated + self.taken_back + self.given_again,
        }
    }

    /// Whether the list was read to its end and nothing in it was understood: no row became an entry, is
    /// one already or takes one back. A page of an exchange may be empty, and has nothing only where rows
    /// of it were rejected.
    #[must_use]
    pub fn has_nothing(&self) -> bool {
        let may_be_empty = self.format.is_none_or(ListFormat::is_exchange) && self.rejected == 0;
        let taken_back = self.taken_back + self.not_there + self.given_again;
        let rows = self.added + self.updated + self.already_there + taken_back;
        let is_nothing = self.signals.is_empty() && self.opaque.is_empty() && rows == 0;
        is_nothing && !may_be_empty && !self.interrupted
    }

    /// Why it cannot be told what the list lacks, where that is so.
    pub(super) fn why_not_whole(&self) -> Option<NotWhole> {
        match (self.has_more, self.rejected) {
            (false, 0) => None,
            (true, _) => Some(NotWhole::OnePage),
            (false, _) => Some(NotWhole::BadRows),
        }
    }

    /// Counts what a record says of itself.
    pub(super) fn count(&mut self, record: &ListRecord) {
        for entry in &record.signals {
            *self.signals.entry(entry.signal.signal_type()).or_default() += 1;
        }
        for opaque in &record.opaque {
            match self.opaque.get_mut(&opaque.kind) {
                Some(count) => *count += 1,
                None => {
                    self.opaque.insert(opaque.kind.clone(), 1);
                }
            }
        }
        self.disputed += u64::from(Votes::of(&record.opinions).is_disputed());
        let mut qualities = record.signals.iter().filter_map(|entry| entry.quality);
        self.low_quality += u64::from(qualities.any(|quality| Some(quality) < self.min_quality));
    }
}

/// One line for people: what was read, and what became of it.
impl fmt::Display for ImportOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = self.format.map_or("nothing yet", ListFormat::name);
        write!(f, "read as {format}: ")?;
        match self.signals.is_empty() {
            true => write!(f, "no hashes")?,
            false => write!(f, "{}", in_words(self.signals.iter()))?,
        }
        for (count, before, what) in [
            (self.added, "; ", "added"),
            (self.updated, ", ", "updated"),
            (self.already_there, ", ", "already there"),
            (self.rejected, ", ", "rejected"),
        ] {
            write!(f, "{before}{count} {what}")?;
        }
        for (count, before, what) in [
            (self.taken_back, ", ", "taken back"),
            (self.given_again, ", ", "given again"),
            (self.not_there, ", ", "taken back that were not there"),
            (self.stopped, "; ", "no longer match"),
            (self.restored, "; ", "match again"),
            (self.disputed, "; ", "disputed: they match nothing"),
        ] {
            if count > 0 {
                write!(f, "{before}{count} {what}")?;
            }
        }
        if let Some(minimum) = self.min_quality.filter(|_| self.low_quality > 0) {
            write!(
                f,
                "; {} under the bank's minimum quality of {minimum}: they will not match by pdq",
                self.low_quality
            )?;
        }
        Ok(())
    }
}

impl ImportOutcome {
    /// What of the list is kept and cannot match, in words: the first eight kinds with their counts.
    #[must_use]
    pub fn unmatched(&self) -> String {
        in_words(self.opaque.iter().take(8))
    }
}

fn in_words<'a, K: fmt::Display>(counts: impl Iterator<Item = (K, &'a u64)>) -> String {
    let counts = counts.map(|(kind, count)| format!("{count} {kind}"));
    counts.collect::<Vec<_>>().join(", ")
}

#[expect(clippy::ref_option, reason = "serde asks for it")]
fn format_name<S: Serializer>(format: &Option<ListFormat>, to: S) -> Result<S::Ok, S::Error> {
    format.map(ListFormat::name).serialize(to)
}

fn format_named<'de, D: Deserializer<'de>>(from: D) -> Result<Option<ListFormat>, D::Error> {
    let name = Option::<String>::deserialize(from)?;
    let format = name.map(|name| name.parse().map_err(serde::de::Error::custom));
    format.transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_which_nothing_was_understood_has_nothing() {
        let of = |format, rejected| ImportOutcome {
            format: Some(format),
            rejected,
            ..ImportOutcome::default()
        };
        assert!(of(ListFormat::Csv, 0).has_nothing());
        assert!(of(ListFormat::Csv, 3).has_nothing());
        assert!(of(ListFormat::Vics, 0).has_nothing());
        assert!(of(ListFormat::StopNcii, 1).has_nothing());
        assert!(!of(ListFormat::StopNcii, 0).has_nothing());
        let held = ImportOutcome {
            already_there: 1,
            ..of(ListFormat::Csv, 3)
        };
        assert!(!held.has_nothing());
        let stopped = ImportOutcome {
            interrupted: true,
            ..of(ListFormat::Csv, 0)
        };
        assert!(!stopped.has_nothing());
    }
}
