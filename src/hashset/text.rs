//! A list as UTF-8 text whose lines end with `\n`, however it was saved.
//!
//! Owned here: byte-order marks, UTF-16, and line ends. Excel's "Unicode text" is UTF-16, old Mac
//! programs end lines with `\r` alone, and Windows with `\r\n`. Whoever reads a list below this file
//! knows nothing of that.
//!
//! | the list begins with | it is read as |
//! | --- | --- |
//! | `EF BB BF` | UTF-8, the mark taken off |
//! | `FF FE`, `FE FF` | UTF-16, little or big endian, the mark taken off |
//! | no mark, and a zero in every other byte | UTF-16 |
//! | anything else | UTF-8 |
//!
//! Nothing is collected: what comes in goes out through buffers of fixed size. A half character of
//! UTF-16 becomes U+FFFD, so that the row it stands in shows it.

use std::io::{self, BufRead, Chain, Cursor, ErrorKind, Read};

/// How much of a list is looked at to tell its encoding.
const LOOK: usize = 1024;
/// Bytes of UTF-16 that are turned into UTF-8 at once.
const PIECE: usize = 8 * 1024;

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";
const LITTLE_MARK: &[u8] = b"\xff\xfe";
const BIG_MARK: &[u8] = b"\xfe\xff";

/// The list as text.
pub(super) fn reader<'a>(input: impl BufRead + 'a) -> Box<dyn BufRead + 'a> {
    let (front, input) = look(input);
    let (encoding, mark) = Encoding::of(&front);
    let mut front = Cursor::new(front);
    front.set_position(mark as u64);
    let input = front.chain(input);
    match encoding {
        Encoding::Utf8 => Box::new(LineEnds::new(input)),
        Encoding::Utf16(order) => Box::new(LineEnds::new(Utf16::new(input, order))),
    }
}

/// The beginning of a list as text. Its end may be cut off within a character.
pub(super) fn front(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len());
    // Memory does not fail to be read.
    let _ = reader(bytes).read_to_end(&mut text);
    text
}

/// Takes the beginning out. Where the input fails within it, what came before is there, and the
/// failure comes behind it.
fn look<R: BufRead>(mut input: R) -> (Vec<u8>, Chain<Failure, R>) {
    let mut front = Vec::with_capacity(LOOK);
    let mut failure = Failure(None);
    while front.len() < LOOK {
        let used = match input.fill_buf() {
            Ok([]) => break,
            Ok(buffer) => {
                let used = buffer.len().min(LOOK - front.len());
                front.extend(buffer.iter().take(used));
                used
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => {
                failure = Failure(Some(error));
                break;
            }
        };
        input.consume(used);
    }
    (front, failure.chain(input))
}

/// An input that fails once, or is empty.
struct Failure(Option<io::Error>);

impl Read for Failure {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

impl BufRead for Failure {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.take().map_or(Ok(&[]), Err)
    }

    fn consume(&mut self, _: usize) {}
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16(Order),
}

impl Encoding {
    /// The encoding that the beginning of a list tells, and how long its mark is.
    fn of(front: &[u8]) -> (Self, usize) {
        for (mark, encoding) in [
            (UTF8_MARK, Self::Utf8),
            (LITTLE_MARK, Self::Utf16(Order::Little)),
            (BIG_MARK, Self::Utf16(Order::Big)),
        ] {
            if front.starts_with(mark) {
                return (encoding, mark.len());
            }
        }
        let (mut pairs, mut even, mut odd) = (0, 0, 0);
        for pair in front.chunks_exact(2) {
            pairs += 1;
            even += usize::from(pair.first() == Some(&0));
            odd += usize::from(pair.get(1) == Some(&0));
        }
        // Text in UTF-8 has no zeros at all. In UTF-16 each digit of a hash has one, always on the same
        // side; on the other side they are as rare as U+3000.
        let is_utf16 =
            |zeros: usize, others: usize| pairs >= 2 && 2 * zeros > pairs && 8 * others <= zeros;
        let encoding = if is_utf16(odd, even) {
            Self::Utf16(Order::Little)
        } else if is_utf16(even, odd) {
            Self::Utf16(Order::Big)
        } else {
            Self::Utf8
        };
        (encoding, 0)
    }
}

/// UTF-16 as UTF-8.
struct Utf16<R> {
    input: R,
    order: Order,
    /// What was turned into UTF-8, and how much of it was taken.
    text: Vec<u8>,
    taken: usize,
    /// The first byte of a unit whose second is not there yet.
    half: Option<u8>,
    /// The first unit of a character whose second is not there yet.
    high: Option<u16>,
}

impl<R: BufRead> Utf16<R> {
    fn new(input: R, order: Order) -> Self {
        Self {
            input,
            order,
            text: Vec::with_capacity(2 * PIECE),
            taken: 0,
            half: None,
            high: None,
        }
    }

    /// Turns the next piece into UTF-8; nothing at the end.
    fn refill(&mut self) -> io::Result<()> {
        self.text.clear();
        self.taken = 0;
        while self.text.is_empty() {
            let buffer = self.input.fill_buf()?;
            let piece = buffer.get(..PIECE).unwrap_or(buffer);
            let used = piece.len();
            if used == 0 {
                if self.half.take().is_some() | self.high.take().is_some() {
                    put(&mut self.text, char::REPLACEMENT_CHARACTER);
                }
                return Ok(());
            }
            for &byte in piece {
                let Some(first) = self.half.take() else {
                    self.half = Some(byte);
                    continue;
                };
                let unit = match self.order {
                    Order::Little => u16::from_le_bytes([first, byte]),
                    Order::Big => u16::from_be_bytes([first, byte]),
                };
                unit_into(unit, &mut self.high, &mut self.text);
            }
            self.input.consume(used);
        }
        Ok(())
    }
}

/// Adds one unit of UTF-16 to the text.
fn unit_into(unit: u16, high: &mut Option<u16>, text: &mut Vec<u8>) {
    let units = [high.take(), Some(unit)];
    for decoded in char::decode_utf16(units.into_iter().flatten()) {
        match decoded {
            Ok(character) => put(text, character),
            // The first half of a character whose second may come next.
            Err(lone) if lone.unpaired_surrogate() == unit && unit < 0xdc00 => *high = Some(unit),
            Err(_) => put(text, char::REPLACEMENT_CHARACTER),
        }
    }
}

fn put(text: &mut Vec<u8>, character: char) {
    text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

impl<R: BufRead> BufRead for Utf16<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken >= self.text.len() {
            self.refill()?;
        }
        Ok(self.text.get(self.taken..).unwrap_or_default())
    }

    fn consume(&mut self, used: usize) {
        self.taken = self.taken.saturating_add(used).min(self.text.len());
    }
}

/// Text whose lines all end with `\n`.
struct LineEnds<R> {
    input: R,
    /// Bytes that come next and are known to hold no `\r`.
    plain: usize,
    /// The next byte is a `\r`.
    at_return: bool,
    /// The byte before was a `\r`: a `\n` that follows belongs to it.
    after_return: bool,
}

impl<R: BufRead> LineEnds<R> {
    fn new(input: R) -> Self {
        Self {
            input,
            plain: 0,
            at_return: false,
            after_return: false,
        }
    }
}

impl<R: BufRead> BufRead for LineEnds<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.plain == 0 && !self.at_return {
            if self.after_return {
                let is_rest = self.input.fill_buf()?.first() == Some(&b'\n');
                self.input.consume(usize::from(is_rest));
                self.after_return = false;
            }
            let buffer = self.input.fill_buf()?;
            self.plain = memchr::memchr(b'\r', buffer).unwrap_or(buffer.len());
            self.at_return = self.plain == 0 && !buffer.is_empty();
        }
        if self.at_return {
            return Ok(b"\n");
        }
        let buffer = self.input.fill_buf()?;
        Ok(buffer.get(..self.plain).unwrap_or(buffer))
    }

    fn consume(&mut self, used: usize) {
        if self.at_return {
            if used > 0 {
                self.input.consume(1);
                self.at_return = false;
                self.after_return = true;
            }
        } else {
            let used = used.min(self.plain);
            self.input.consume(used);
            self.plain -= used;
        }
    }
}

macro_rules! read_by_buffer {
    ($($reader:ident)*) => {$(
        impl<R: BufRead> Read for $reader<R> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let read = self.fill_buf()?.read(buffer)?;
                self.consume(read);
                Ok(read)
            }
        }
    )*};
}
read_by_buffer! { Utf16 LineEnds }

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    /// The text of a list, the same however much is read at once.
    fn text(list: &[u8]) -> String {
        let mut all = Vec::new();
        for at_once in [1, 2, 3, 7, 1 << 16] {
            let mut text = String::new();
            let input = BufReader::with_capacity(at_once, list);
            reader(input).read_to_string(&mut text).unwrap();
            all.push(text);
        }
        assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
        all.swap_remove(0)
    }

    fn utf16(text: &str, order: Order) -> Vec<u8> {
        let units = text.encode_utf16();
        match order {
            Order::Little => units.flat_map(u16::to_le_bytes).collect(),
            Order::Big => units.flat_map(u16::to_be_bytes).collect(),
        }
    }

    #[test]
    fn every_line_end_becomes_one() {
        for (list, want) in [
            ("", ""),
            ("a", "a"),
            ("a\rb\r", "a\nb\n"),
            ("a\r\nb\r\n", "a\nb\n"),
            ("a\n\rb", "a\n\nb"),
            ("a\r\r\nb\r", "a\n\nb\n"),
            ("\r", "\n"),
            ("\r\n", "\n"),
            ("a\nb\rc\r\nd", "a\nb\nc\nd"),
        ] {
            assert_eq!(text(list.as_bytes()), want, "{list:?}");
        }
    }

    #[test]
    fn utf16_is_read_with_its_mark_and_without() {
        let list = "MD5\tGröße\r\nd41d\t\u{1f5bc} é\u{3000}\r\nd41e\t\r\n";
        let want = list.replace("\r\n", "\n");
        for order in [Order::Little, Order::Big] {
            let marked = utf16(&format!("\u{feff}{list}"), order);
            assert_eq!(text(&marked), want, "{order:?} with a mark");
            assert_eq!(text(&utf16(list, order)), want, "{order:?} without");
            let long = list.repeat(3_000);
            assert_eq!(text(&utf16(&long, order)), want.repeat(3_000), "{order:?}");
        }
        assert_eq!(text(format!("\u{feff}{list}").as_bytes()), want);
    }

    #[test]
    fn half_characters_are_shown() {
        let mut cut = utf16("\u{feff}ab", Order::Little);
        cut.pop();
        assert_eq!(text(&cut), "a\u{fffd}");
        let lone = [
            &utf16("\u{feff}a", Order::Big)[..],
            b"\xd8\x00\0b\xdc\x00\xd8\x01",
        ]
        .concat();
        assert_eq!(text(&lone), "a\u{fffd}b\u{fffd}\u{fffd}");
    }

    #[test]
    fn zeros_elsewhere_are_no_utf16() {
        for bytes in [&b"a\0\0b"[..], b"\0\0\0\0", b"abcdef\0g", b"a\0"] {
            assert_eq!(text(bytes).as_bytes(), bytes);
        }
    }

    #[test]
    fn a_failure_comes_behind_what_was_read_before_it() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("gone"))
            }
        }
        let mut text = Vec::new();
        let input = BufReader::new(b"a\r\nb".chain(Broken));
        let error = reader(input).read_to_end(&mut text).unwrap_err();
        assert_eq!(
            (&text[..], error.to_string().as_str()),
            (&b"a\nb"[..], "gone")
        );
    }
}
