//! What is asked of the process that decodes, and what it answers, byte for byte.
//!
//! A job of decoding: the number of streams, then for each its size, what is wanted of it, its pieces' lengths, and the
//! pieces. Other jobs are known to who asks for them.
//! An answer: [`READY`] once the process is locked, then [`Answer`]s of nine bytes each, of which a picture is followed
//! by its samples, and bytes or a failure by as many bytes as they say. Numbers are little-endian: both sides are one machine.

use std::borrow::Cow;

use crate::media::coded::{Coded, Colour, Wanted};

/// Said by a process that is locked, before it reads anything.
pub(super) const READY: [u8; 8] = *b"locked 1";

/// Bytes of the words of a failure, at most.
pub(super) const MOST_WORDS: usize = 256;

/// Bytes of an answer, without what follows it.
pub(super) const ANSWER_BYTES: usize = 9;

/// One answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A picture of so many pixels across and down; its samples follow.
    Picture(u32, u32),
    /// Whatever else was asked for; so many bytes of it follow.
    Bytes(u32),
    /// A failure, and how many bytes of words follow.
    Failure(Kind, u32),
    /// There are no more pictures.
    Done,
}

/// Why there is no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Damaged,
    Unsupported,
    Memory,
    /// The process could not be locked, and has read nothing.
    Unlocked,
}

/// A stream that could not be decoded: why, and in words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure(pub(crate) Kind, pub(crate) String);

impl Answer {
    pub(super) fn write(self) -> [u8; ANSWER_BYTES] {
        let (tag, first, second) = match self {
            Self::Picture(width, height) => (b'P', width, height),
            Self::Bytes(length) => (b'B', 0, length),
            Self::Failure(kind, length) => (b'F', kind as u32, length),
            Self::Done => (b'D', 0, 0),
        };
        let mut bytes = [tag; ANSWER_BYTES];
        bytes[1..5].copy_from_slice(&first.to_le_bytes());
        bytes[5..].copy_from_slice(&second.to_le_bytes());
        bytes
    }

    pub(super) fn read(bytes: [u8; ANSWER_BYTES]) -> Option<Self> {
        let mut rest = &bytes[1..];
        let (first, second) = (number(&mut rest)?, number(&mut rest)?);
        match (bytes[0], first) {
            (b'P', width) => Some(Self::Picture(width, second)),
            (b'F', 0) => Some(Self::Failure(Kind::Damaged, second)),
            (b'F', 1) => Some(Self::Failure(Kind::Unsupported, second)),
            (b'F', 2) => Some(Self::Failure(Kind::Memory, second)),
            (b'F', 3) => Some(Self::Failure(Kind::Unlocked, second)),
            (b'B', 0) => Some(Self::Bytes(second)),
            (b'D', 0) if second == 0 => Some(Self::Done),
            _ => None,
        }
    }
}

/// What stands before the pieces of the streams.
pub(super) fn header(streams: &[Coded<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let put = |bytes: &mut Vec<u8>, number: u32| bytes.extend(number.to_le_bytes());
    put(&mut bytes, streams.len() as u32);
    for stream in streams {
        put(&mut bytes, stream.width);
        put(&mut bytes, stream.height);
        let (wanted, colour) = match stream.wanted {
            Wanted::Alpha => (0, None),
            Wanted::Colours(None) => (1, None),
            Wanted::Colours(colour) => (2, colour),
        };
        put(&mut bytes, wanted);
        if let Some(colour) = colour {
            put(&mut bytes, u32::from(colour.primaries));
            put(&mut bytes, u32::from(colour.transfer));
            put(&mut bytes, u32::from(colour.matrix));
            put(&mut bytes, u32::from(colour.full_range));
        }
        put(&mut bytes, stream.pieces.len() as u32);
        for piece in &stream.pieces {
            put(&mut bytes, piece.len() as u32);
        }
    }
    bytes
}

/// The streams of a job. `None` where it is not one.
pub(super) fn read(job: &[u8]) -> Option<Vec<Coded<'_>>> {
    let mut rest = job;
    let rest = &mut rest;
    let count = number(rest)?;
    let mut streams = Vec::new();
    let mut lengths = Vec::new();
    for _ in 0..count {
        let (width, height) = (number(rest)?, number(rest)?);
        let wanted = match number(rest)? {
            0 => Wanted::Alpha,
            1 => Wanted::Colours(None),
            2 => Wanted::Colours(Some(Colour {
                primaries: number(rest)?.try_into().ok()?,
                transfer: number(rest)?.try_into().ok()?,
                matrix: number(rest)?.try_into().ok()?,
                full_range: number(rest)? != 0,
            })),
            _ => return None,
        };
        let pieces = number(rest)?;
        for _ in 0..pieces {
            lengths.push(number(rest)? as usize);
        }
        streams.push((
            Coded {
                configuration: &[],
                pieces: Vec::new(),
                width,
                height,
                wanted,
            },
            pieces,
        ));
    }
    let mut lengths = lengths.into_iter();
    let streams = streams.into_iter().map(|(mut stream, pieces)| {
        for length in lengths.by_ref().take(pieces as usize) {
            let (piece, behind) = rest.split_at_checked(length)?;
            *rest = behind;
            stream.pieces.push(Cow::Borrowed(piece));
        }
        Some(stream)
    });
    streams.collect()
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    let (four, behind) = rest.split_first_chunk::<4>()?;
    *rest = behind;
    Some(u32::from_le_bytes(*four))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_read_as_it_was_written() {
        let colour = Colour {
            primaries: 1,
            transfer: 13,
            matrix: 6,
            full_range: true,
        };
        let streams: Vec<_> = [
            Wanted::Alpha,
            Wanted::Colours(None),
            Wanted::Colours(Some(colour)),
        ]
        .into_iter()
        .zip([vec![&b"abc"[..]], vec![], vec![b"d", b"", b"ef"]])
        .map(|(wanted, pieces)| Coded {
            configuration: &[],
            pieces: pieces.into_iter().map(Cow::Borrowed).collect(),
            width: 7,
            height: 9,
            wanted,
        })
        .collect();
        let mut job = header(&streams);
        job.extend(b"abcdef");
        let read_back = read(&job).unwrap();
        assert_eq!(read_back.len(), 3);
        for (one, other) in streams.iter().zip(&read_back) {
            assert_eq!((one.width, one.height), (other.width, other.height));
            assert_eq!((one.wanted, &one.pieces), (other.wanted, &other.pieces));
        }
        for end in 0..job.len() {
            assert!(read(&job[..end]).is_none(), "{end}");
        }
    }

    #[test]
    fn answers_are_read_as_they_were_written_and_no_others() {
        for answer in [
            Answer::Picture(3, u32::MAX),
            Answer::Bytes(7),
            Answer::Failure(Kind::Damaged, 9),
            Answer::Failure(Kind::Unsupported, 0),
            Answer::Failure(Kind::Memory, 0),
            Answer::Failure(Kind::Unlocked, 1),
            Answer::Done,
        ] {
            assert_eq!(Answer::read(answer.write()), Some(answer));
        }
        assert_eq!(Answer::read([0; ANSWER_BYTES]), None);
        assert_eq!(Answer::read(*b"D\0\0\0\0\x01\0\0\0"), None);
        assert_eq!(Answer::read(*b"B\x01\0\0\0\x01\0\0\0"), None);
        assert_eq!(Answer::read(*b"F\x04\0\0\0\0\0\0\0"), None);
    }
}
