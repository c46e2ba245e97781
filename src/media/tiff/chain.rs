//! The directories of a file: its pages one after the other, then what hangs below them.

use std::collections::HashSet;

use super::budget::Budget;
use super::content::{self, Content};
use super::directory::File;
use super::fault::damaged;
use super::tags;
use crate::media::MediaError;

/// More directories than this are not looked at.
const MOST_DIRECTORIES: usize = 1 << 16;

/// A directory of a file.
pub(super) struct Found {
    pub(super) place: u64,
    /// What it holds that is not decoded here, a camera's raw data, and how many bytes.
    pub(super) raw: Option<(&'static str, u64)>,
    /// Pixels, as far as headers tell.
    pub(super) pixels: u64,
}

/// A file's directories, and why there are no more where that is a fault.
pub(super) struct Chain {
    pub(super) found: Vec<Found>,
    pub(super) fault: Option<MediaError>,
}

/// Finds every directory. One that was met before ends its chain: nothing behind it is new.
pub(super) fn walk(file: &File<'_>, first: u64, budget: &mut Budget) -> Chain {
    let mut walker = Walker {
        met: HashSet::new(),
        chain: Chain {
            found: Vec::new(),
            fault: None,
        },
        below: Vec::new(),
    };
    let mut ended = walker.follow(file, first, budget);
    let mut at = 0;
    while let Some(&place) = walker.below.get(at)
        && ended.is_ok()
    {
        at += 1;
        ended = walker.follow(file, place, budget);
    }
    walker.chain.fault = ended.err();
    walker.chain
}

struct Walker {
    met: HashSet<u64>,
    chain: Chain,
    /// Directories that others name as theirs, in the order in which they were met.
    below: Vec<u64>,
}

impl Walker {
    fn follow(
        &mut self,
        file: &File<'_>,
        mut place: u64,
        budget: &mut Budget,
    ) -> Result<(), MediaError> {
        while place != 0 && self.met.insert(place) {
            if self.chain.found.len() >= MOST_DIRECTORIES {
                return Err(damaged(format!(
                    "it has more than {MOST_DIRECTORIES} directories"
                )));
            }
            let directory = file.directory(place, budget)?;
            // What is wrong with a page is told when it is its turn.
            let content = Content::of(file, &directory).ok();
            let raw = match content {
                Some(Content::Raw(what)) => {
                    Some((what, content::named_bytes(file, &directory, budget)))
                }
                _ => None,
            };
            self.chain.found.push(Found {
                place,
                raw,
                pixels: content.map_or(0, |content| content.pixels(&directory)),
            });
            if let Some(below) = directory.values(tags::BELOW)? {
                let room = MOST_DIRECTORIES.saturating_sub(self.below.len());
                self.below.extend(below.numbers().take(room));
            }
            place = directory.next;
        }
        Ok(())
    }
}
