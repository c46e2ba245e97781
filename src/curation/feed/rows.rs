//! The entries that a feed has: the bundle, and over it the deltas that lead on from it.
//!
//! Owned here: reading them entry by entry, in the order of their numbers, in memory that does not grow with them.

use serde::Deserialize;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

/// Most bytes of a line.
const MOST_LINE: u64 = 1 << 20;

/// What a line says that matters here.
#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow, default)]
    id: Option<&'a str>,
    #[serde(borrow, default)]
    status: Option<&'a str>,
}

/// An entry as a file has it.
struct Entry {
    id: u64,
    is_given: bool,
    /// The line, its end included.
    line: Vec<u8>,
}

/// The rows of one file.
struct Rows {
    reader: BufReader<File>,
    next: Option<Entry>,
    last: u64,
}

fn damaged(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

impl Rows {
    fn of(file: File) -> io::Result<Self> {
        let mut rows = Self {
            reader: BufReader::new(file),
            next: None,
            last: 0,
        };
        rows.go_on()?;
        Ok(rows)
    }

    /// Reads the next entry; lines of a bundle's frame are passed over.
    fn go_on(&mut self) -> io::Result<()> {
        loop {
            let mut line = Vec::new();
            let read = (&mut self.reader).take(MOST_LINE);
            if { read }.read_until(b'\n', &mut line)? == 0 {
                self.next = None;
                return Ok(());
            }
            if line.last() != Some(&b'\n') {
                return Err(damaged("a line of what was published is cut off"));
            }
            let row: Row<'_> = serde_json::from_slice(&line)
                .map_err(|_| damaged("a line of what was published is no entry"))?;
            let Some(id) = row.id else { continue };
            let id = id.parse();
            let id = id.map_err(|_| damaged("an entry of what was published has no number"))?;
            if id <= self.last {
                return Err(damaged(
                    "the entries of what was published are not in order",
                ));
            }
            self.last = id;
            let is_given = row.status.is_none();
            self.next = Some(Entry { id, is_given, line });
            return Ok(());
        }
    }
}

/// The entries that a feed gives.
pub(super) struct Published {
    /// The newest first.
    files: Vec<Rows>,
}

impl Published {
    /// Of a bundle and the deltas behind it, in their order.
    pub(super) fn of(files: Vec<File>) -> io::Result<Self> {
        let files: io::Result<Vec<Rows>> = files.into_iter().rev().map(Rows::of).collect();
        Ok(Self { files: files? })
    }

    /// The next entry that the feed gives, by number: its number and its line.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Vec<u8>)>> {
        loop {
            let ids = self
                .files
                .iter()
                .filter_map(|rows| Some(rows.next.as_ref()?.id));
            let Some(id) = ids.min() else {
                return Ok(None);
            };
            let mut newest: Option<Entry> = None;
            for rows in &mut self.files {
                if rows.next.as_ref().is_some_and(|next| next.id == id) {
                    let entry = rows.next.take();
                    newest = newest.or(entry);
                    rows.go_on()?;
                }
            }
            if let Some(entry) = newest.filter(|entry| entry.is_given) {
                return Ok(Some((entry.id, entry.line)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek, SeekFrom, Write};

    fn file(text: &str) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        file
    }

    fn all(files: &[&str]) -> io::Result<Vec<(u64, String)>> {
        let mut published = Published::of(files.iter().map(|text| file(text)).collect())?;
        let mut all = Vec::new();
        while let Some((id, line)) = published.next()? {
            all.push((id, String::from_utf8(line).unwrap().trim_end().to_owned()));
        }
        Ok(all)
    }

    #[test]
    fn the_newest_that_is_said_of_an_entry_counts() {
        let whole = "{\"hashgate_bundle\":1}\n{\"id\":\"1\",\"a\":1}\n{\"id\":\"2\",\"a\":1}\n{\"id\":\"10\",\"a\":1}\n{\"bundle_end\":{}}\n";
        let first = "{\"id\":\"2\",\"status\":\"withdrawn\"}\n{\"id\":\"11\",\"a\":2}\n";
        let second = "{\"id\":\"1\",\"a\":3}\n{\"id\":\"11\",\"status\":\"withdrawn\"}\n";
        let found = all(&[whole, first, second]).unwrap();
        let want = [
            (1, "{\"id\":\"1\",\"a\":3}".to_owned()),
            (10, "{\"id\":\"10\",\"a\":1}".to_owned()),
        ];
        assert_eq!(found, want);
        assert_eq!(all(&[whole]).unwrap().len(), 3);
    }

    #[test]
    fn what_is_no_list_of_entries_in_order_is_refused() {
        for bad in [
            "{\"id\":\"2\"}\n{\"id\":\"1\"}\n",
            "{\"id\":\"2\"}\n{\"id\":\"2\"}\n",
            "{\"id\":\"a\"}\n",
            "{\"id\":\"1\"}",
            "no\n",
        ] {
            assert!(all(&[bad]).is_err(), "{bad}");
        }
    }
}
