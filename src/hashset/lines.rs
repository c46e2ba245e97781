//! Lines of bounded length out of a stream of text, as `text` gives it: each ends with `\n`.

use crate::bank::ContentSignal;
use crate::hashset::record::{Sink, Tally};
use crate::hashset::{BadLine, HashsetError, ListRecord, legacy};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::{BufRead, ErrorKind, Read};

/// Most bytes of one row, its line end not counted: 64 KiB. What is longer is a bad line.
pub const MAX_LINE: usize = 64 * 1024;

/// What a line holds.
pub(super) struct Parsed {
    pub(super) signal: ContentSignal,
    pub(super) metadata: Option<String>,
}

/// One line without its end.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// From 1.
    pub(super) number: u64,
    /// At most [`MAX_LINE`] bytes of it.
    pub(super) bytes: Vec<u8>,
    /// Whether there were more.
    pub(super) cut: bool,
}

impl Line {
    /// Its text, where it is short enough and UTF-8.
    pub(super) fn text(&self) -> Result<&str, String> {
        if self.cut {
            return Err(format!("longer than {MAX_LINE} bytes"));
        }
        std::str::from_utf8(&self.bytes).map_err(|error| {
            format!(
                "not UTF-8 text at byte {} of the line",
                error.valid_up_to() + 1
            )
        })
    }

    /// Its text, where it is short enough, whether it is UTF-8 or not.
    pub(super) fn any_text(&self) -> Result<Cow<'_, str>, String> {
        match self.cut {
            true => Err(format!("longer than {MAX_LINE} bytes")),
            false => Ok(legacy::text(&self.bytes)),
        }
    }

    /// Whether nothing stands on it.
    pub(super) fn is_blank(&self) -> bool {
        !self.cut && self.bytes.trim_ascii_start().is_empty()
    }

    /// Whether nothing is to be read from it: it is blank or a comment.
    pub(super) fn is_skipped(&self) -> bool {
        self.is_blank() || self.bytes.trim_ascii_start().first() == Some(&b'#')
    }
}

/// The lines of an input, one at a time.
pub(super) struct Lines<R> {
    input: R,
    read: u64,
    current: Line,
    /// Lines given back, to be read again before the input goes on.
    again: VecDeque<Line>,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            read: 0,
            current: Line::default(),
            again: VecDeque::new(),
        }
    }

    /// Lines taken from the input.
    pub(super) fn read(&self) -> u64 {
        self.read
    }

    /// The line that [`Lines::advance`] went to.
    pub(super) fn current(&self) -> &Line {
        &self.current
    }

    /// Takes the current line out.
    pub(super) fn take(&mut self) -> Line {
        std::mem::take(&mut self.current)
    }

    /// Gives lines back that were taken out, the first to be read again first.
    pub(super) fn give_back(&mut self, lines: impl DoubleEndedIterator<Item = Line>) {
        for line in lines.rev() {
            self.again.push_front(line);
        }
    }

    /// Goes to the next line; false at the end.
    pub(super) fn advance(&mut self) -> Result<bool, HashsetError> {
        if let Some(line) = self.again.pop_front() {
            self.current = line;
            return Ok(true);
        }
        self.advance_input().map_err(|source| HashsetError::Io {
            line: self.read,
            source,
        })
    }

    fn advance_input(&mut self) -> std::io::Result<bool> {
        let bytes = &mut self.current.bytes;
        bytes.clear();
        // Room for the longest line and its end.
        let room = MAX_LINE as u64 + 1;
        if Read::take(&mut self.input, room).read_until(b'\n', bytes)? == 0 {
            return Ok(false);
        }
        let ended = bytes.last() == Some(&b'\n');
        if ended {
            bytes.pop();
        }
        self.current.cut = bytes.len() > MAX_LINE;
        bytes.truncate(MAX_LINE);
        if self.current.cut && !ended {
            self.skip_line()?;
        }
        self.read += 1;
        self.current.number = self.read;
        Ok(true)
    }

    /// Reads away what is left of a line.
    fn skip_line(&mut self) -> std::io::Result<()> {
        loop {
            let buffer = match self.input.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if buffer.is_empty() {
                return Ok(());
            }
            let end = buffer.iter().position(|&byte| byte == b'\n');
            let used = end.map_or(buffer.len(), |position| position + 1);
            self.input.consume(used);
            if end.is_some() {
                return Ok(());
            }
        }
    }
}

/// Reads a format with one record a line.
pub(super) fn read(
    input: impl BufRead,
    parse: impl Fn(&str) -> Result<Parsed, String>,
    sink: &mut Sink<'_>,
) -> Result<Tally, HashsetError> {
    let mut lines = Lines::new(input);
    let mut tally = Tally::default();
    while lines.advance()? {
        tally.lines = lines.read();
        let line = lines.current();
        if line.is_skipped() {
            tally.skipped += 1;
            continue;
        }
        let row = match line.text().and_then(|text| parse(text.trim())) {
            Ok(parsed) => {
                tally.used += 1;
                Ok(ListRecord {
                    line: line.number,
                    signals: vec![parsed.signal],
                    metadata: parsed.metadata,
                    ..ListRecord::default()
                })
            }
            Err(reason) => {
                tally.bad += 1;
                Err(BadLine::new(line.number, reason, &line.bytes))
            }
        };
        if sink(row).is_break() {
            break;
        }
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(input: &[u8]) -> Vec<(u64, Vec<u8>, bool)> {
        // A small buffer, so that lines cross its ends.
        let input = std::io::BufReader::with_capacity(7, input);
        let mut lines = Lines::new(crate::hashset::text::reader(input));
        let mut all = Vec::new();
        while lines.advance().unwrap() {
            let line = lines.current();
            all.push((line.number, line.bytes.clone(), line.cut));
        }
        all
    }

    #[test]
    fn line_ends_and_the_mark_are_taken_off() {
        let got = lines(b"\xef\xbb\xbfone\r\n\ntwo\r\xef\xbb\xbfthree");
        let want: [(u64, &[u8]); 4] = [
            (1, b"one"),
            (2, b""),
            (3, b"two"),
            (4, b"\xef\xbb\xbfthree"),
        ];
        let want: Vec<_> = want.map(|(n, b)| (n, b.to_vec(), false)).into();
        assert_eq!(got, want);
        assert_eq!(lines(b""), []);
    }

    #[test]
    fn a_line_of_the_limit_is_whole_and_a_longer_one_is_cut() {
        for (end, mark) in [
            ("\n", ""),
            ("\r\n", ""),
            ("\r", ""),
            ("", ""),
            ("\r\n", "\u{feff}"),
        ] {
            for over in [0, 1, 2, 3, 5, 100_000] {
                let mut input = mark.as_bytes().to_vec();
                input.resize(input.len() + MAX_LINE + over, b'x');
                input.extend(end.as_bytes());
                input.extend(b"next");
                if end.is_empty() {
                    input.truncate(input.len() - 4);
                }
                let got = lines(&input);
                assert_eq!(got[0].1.len(), MAX_LINE);
                assert_eq!(got[0].2, over > 0, "{over} bytes over, end {end:?}");
                if !end.is_empty() {
                    assert_eq!(got[1], (2, b"next".to_vec(), false));
                }
            }
        }
    }

    #[test]
    fn lines_given_back_come_again_in_their_order() {
        let mut source = Lines::new(b"1\n2\n3\n".as_slice());
        let mut taken = Vec::new();
        for _ in 0..2 {
            source.advance().unwrap();
            taken.push(source.take());
        }
        source.give_back(taken.into_iter());
        let mut numbers = Vec::new();
        while source.advance().unwrap() {
            numbers.push(source.current().number);
        }
        assert_eq!(numbers, [1, 2, 3]);
        assert_eq!(source.read(), 3);
    }

    #[test]
    fn an_input_that_fails_says_where() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("gone"))
            }
        }
        let input = std::io::BufReader::new(b"a\nb\n".chain(Broken));
        let mut lines = Lines::new(input);
        assert!(lines.advance().unwrap() && lines.advance().unwrap());
        let error = lines.advance().unwrap_err();
        assert!(error.to_string().contains("after line 2: gone"), "{error}");
    }
}
