//! Reading a file of the log line by line, in bounded memory.

use crate::decisions::chain::MAX_LINE;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// A piece of a file of records.
pub(super) enum Piece<'a> {
    /// A line, without its line feed.
    Line(&'a [u8]),
    /// What stands behind the last line feed.
    Tail,
    /// A line longer than any that is written.
    Overlong,
}

/// The lines of one file.
pub(super) struct Lines {
    input: BufReader<File>,
    line: Vec<u8>,
    /// Where the piece that was read last begins, and where the next one does.
    pub(super) begin: u64,
    pub(super) end: u64,
}

impl Lines {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            input: BufReader::with_capacity(1 << 17, File::open(path)?),
            line: Vec::new(),
            begin: 0,
            end: 0,
        })
    }

    /// The next piece; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Piece<'_>>> {
        self.begin = self.end;
        self.line.clear();
        let most = MAX_LINE as u64 + 1;
        let read = (&mut self.input)
            .take(most)
            .read_until(b'\n', &mut self.line)?;
        self.end += read as u64;
        if read == 0 {
            return Ok(None);
        }
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
            return Ok(Some(Piece::Line(&self.line)));
        }
        if read as u64 == most {
            self.end += self.input.skip_until(b'\n')? as u64;
            return Ok(Some(Piece::Overlong));
        }
        Ok(Some(Piece::Tail))
    }
}
