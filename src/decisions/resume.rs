//! Where a log ends that was stopped anywhere, and what of its end is not whole.
//!
//! What the note `HEAD` says was acknowledged and must be there, byte for byte. Behind it stands
//! what was written when the process ended: whole lines are kept, the rest is set aside, never
//! thrown away and never linked to.

use crate::decisions::chain::{self, LineKind, Link};
use crate::decisions::head::Head;
use crate::decisions::lines::{Lines, Piece};
use crate::decisions::log::Torn;
use crate::decisions::{DecisionError, files};
use crate::files::create_new;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// The end of a log.
#[derive(Debug)]
pub(super) struct End {
    /// The last file; 0 where there is none.
    pub(super) file: u64,
    /// Its bytes in whole lines.
    pub(super) len: u64,
    /// The last whole line.
    pub(super) link: Link,
    /// Bytes behind those.
    tail: u64,
    /// Files behind the last one that holds a whole line or is the only one.
    later: Vec<u64>,
}

/// Reads the last file, and those that came after the note was written.
pub(super) fn find_end(folder: &Path, numbers: &[u64], head: &Head) -> Result<End, DecisionError> {
    let lost = |reason: String| DecisionError::Lost {
        folder: folder.to_owned(),
        reason,
    };
    if head.file > 0 && !numbers.contains(&head.file) {
        return Err(lost(format!(
            "{}, which held line {}, is gone",
            files::name(head.file),
            head.link.n
        )));
    }
    let mut end = End {
        file: head.file,
        len: 0,
        link: Link::default(),
        tail: 0,
        later: Vec::new(),
    };
    // Before the first line of the first file that is read nothing is known.
    let mut before = (head.file == 0).then(Link::default);
    let mut is_there = head.link.n == 0;
    let first = head.file.max(1);
    let mut numbers = numbers.iter().copied().filter(|&number| number >= first);
    for (expected, number) in (first..).zip(numbers.by_ref()) {
        if number != expected {
            return Err(lost(format!("{} is gone", files::name(expected))));
        }
        let path = files::path(folder, number);
        let failed = |source| DecisionError::io("read", &path, source);
        let mut lines = Lines::open(&path).map_err(failed)?;
        (end.file, end.len) = (number, 0);
        let mut is_whole = true;
        while is_whole {
            let begins = lines.end == 0;
            let line = match lines.next().map_err(failed)? {
                None => break,
                Some(Piece::Line(line)) => chain::parse(line).ok(),
                Some(Piece::Tail | Piece::Overlong) => None,
            };
            let fits = |line: &chain::Line| {
                let follows = before
                    .is_none_or(|before| line.link.n == before.n + 1 && line.prev == before.sha256);
                line.is_sealed && follows && begins == (line.kind == LineKind::File)
            };
            match line.filter(fits) {
                Some(line) => {
                    (end.link, end.len) = (line.link, lines.end);
                    before = Some(line.link);
                    is_there |= line.link == head.link;
                }
                None => is_whole = false,
            }
        }
        let all = fs::metadata(&path).map_err(failed)?.len();
        end.tail = all - end.len.min(all);
        if !is_whole {
            break;
        }
    }
    end.later = numbers.collect();
    if !is_there {
        return Err(lost(format!(
            "line {} in {} is missing or was changed, or the lines before it were",
            head.link.n,
            files::name(first)
        )));
    }
    Ok(end)
}

impl End {
    /// Moves what is not whole into files of its own.
    pub(super) fn set_aside(&self, folder: &Path, sync: bool) -> Result<Vec<Torn>, DecisionError> {
        let mut torn = Vec::new();
        if self.tail > 0 {
            let path = files::path(folder, self.file);
            let kept_as = files::torn_path(folder, self.file);
            let cut = || -> io::Result<()> {
                let mut file = File::options().read(true).write(true).open(&path)?;
                file.seek(SeekFrom::Start(self.len))?;
                let mut copy = create_new(&kept_as)?;
                io::copy(&mut (&mut file).take(self.tail), &mut copy)?;
                files::sync_file(&copy, sync)?;
                files::sync(folder, sync)?;
                file.set_len(self.len)?;
                files::sync_file(&file, sync)
            };
            cut().map_err(|source| DecisionError::io("set aside the end of", &path, source))?;
            torn.push(Torn {
                file: path,
                bytes: self.tail,
                kept_as,
            });
        }
        for &number in &self.later {
            let path = files::path(folder, number);
            let kept_as = files::torn_path(folder, number);
            let moved = || -> io::Result<u64> {
                let bytes = fs::metadata(&path)?.len();
                fs::rename(&path, &kept_as)?;
                files::sync(folder, sync)?;
                Ok(bytes)
            };
            let bytes = moved().map_err(|source| DecisionError::io("set aside", &path, source))?;
            torn.push(Torn {
                file: path,
                bytes,
                kept_as,
            });
        }
        Ok(torn)
    }
}

/// Waits, where that is wanted, until a file, and that it is there, is on the disk.
pub(super) fn sync(folder: &Path, number: u64, wanted: bool) -> Result<(), DecisionError> {
    let path = files::path(folder, number);
    File::open(&path)
        .and_then(|file| files::sync_file(&file, wanted))
        .and_then(|()| files::sync(folder, wanted))
        .map_err(|source| DecisionError::io("sync", &path, source))
}
