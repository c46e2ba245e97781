//! What a file carries behind the picture that viewers show first: further pictures, and clips that nobody has looked at.
//!
//! Cameras and phones append second views, gain maps and short clips (multi-picture objects, Motion Photos); a file may
//! also be two things at once. Owned here: where the first picture ends and what begins behind it. Not owned: decoding it,
//! and what is done about what nobody reads.
//!
//! Only what begins with the mark of a picture or a video is found. Padding, signatures and notes of cameras are neither.

mod ends;

use memchr::memmem;

use super::format::{self, Format};
use super::{icns, psd, tiff};

/// What lies behind the first picture of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Appended<'a> {
    /// Further pictures, each from its first byte to its last, in formats that are decoded here. At most
    /// [`Appended::MOST_PICTURES`].
    pub pictures: Vec<&'a [u8]>,
    /// What is no picture that is decoded here, in a few words, and how many bytes it has: `a video (MP4 family)`.
    pub others: Vec<(String, u64)>,
}

impl Appended<'_> {
    /// The most further pictures of a file that are told apart. The rest counts as one of `others`.
    pub const MOST_PICTURES: usize = 16;
    /// The most entries of `others`.
    pub const MOST_OTHERS: usize = 16;
}

/// Finds what lies behind the first picture of a JPEG, PNG, GIF or WebP, the clip in a HEIF or AVIF, and beside the pictures of
/// other formats what is not looked at: a camera's raw data in a TIFF, the layers of a Photoshop file, JPEG 2000 in an
/// Apple icon.
///
/// Reads each byte at most a few times, without decoding any.
#[must_use]
pub fn appended(bytes: &[u8]) -> Appended<'_> {
    let mut found = Appended::default();
    if bytes.get(4..8) == Some(b"ftyp") {
        found.others.extend(ends::clip_in_boxes(bytes));
        return found;
    }
    match format::sniff(bytes) {
        Some(Format::Tiff) => {
            found.others = tiff::undecoded(bytes, Appended::MOST_OTHERS);
            return found;
        }
        Some(Format::Icns) => {
            found.others = icns::undecoded(bytes, Appended::MOST_OTHERS);
            return found;
        }
        Some(Format::Psd) => {
            let layers = psd::layer_bytes(bytes);
            if layers > 0 {
                found.others.push(("layers".to_owned(), layers));
            }
            return found;
        }
        _ => {}
    }
    let Some(mut rest) = ends::first(bytes).and_then(|end| bytes.get(end..)) else {
        return found;
    };
    while let Some((at, what)) = next_mark(rest) {
        let Some(part) = rest.get(at..) else { break };
        let end = match &what {
            Part::Picture => ends::first(part).unwrap_or(part.len()),
            Part::Boxes => ends::boxes(part),
            Part::Other(_) => part.len(),
        };
        let (part, behind) = part.split_at_checked(end.max(1)).unwrap_or((part, &[]));
        let is_full = found.pictures.len() == Appended::MOST_PICTURES
            || found.others.len() + 1 >= Appended::MOST_OTHERS;
        let length = part.len() as u64;
        match what {
            _ if is_full => {
                let left = (part.len() + behind.len()) as u64;
                found.others.push(("further pictures".to_owned(), left));
                break;
            }
            Part::Boxes if format::sniff(part).is_none() => {
                found
                    .others
                    .push((format::recognise(part).to_owned(), length));
            }
            Part::Picture | Part::Boxes => found.pictures.push(part),
            Part::Other(what) => found.others.push((what.to_owned(), length)),
        }
        rest = behind;
    }
    found
}

/// What begins at a mark.
#[derive(Clone, Copy)]
enum Part {
    Picture,
    /// Boxes of the MP4 family, which pictures are made of too.
    Boxes,
    Other(&'static str),
}

/// Marks that stand at the beginning, or so many bytes behind it.
const MARKS: [(&[u8], usize, Part); 8] = [
    (b"\xff\xd8\xff", 0, Part::Picture),
    (b"\x89PNG\r\n\x1a\n", 0, Part::Picture),
    (b"GIF87a", 0, Part::Picture),
    (b"GIF89a", 0, Part::Picture),
    (b"WEBPVP8", 8, Part::Picture),
    (b"ftyp", 4, Part::Boxes),
    (b"AVI LIST", 8, Part::Other("a video (AVI)")),
    (
        b"\x1a\x45\xdf\xa3",
        0,
        Part::Other("a video (Matroska or WebM)"),
    ),
];

/// The first mark, and where what it marks begins.
fn next_mark(bytes: &[u8]) -> Option<(usize, Part)> {
    let mut first: Option<(usize, Part)> = None;
    for (mark, before, part) in MARKS {
        // No further than what is found already.
        let reach = first.map_or(bytes.len(), |(at, _)| {
            (at + before + mark.len()).min(bytes.len())
        });
        let within = bytes.get(..reach).unwrap_or(bytes);
        let found = memmem::find_iter(within, mark)
            .filter_map(|at| at.checked_sub(before))
            .find(|&at| is_plausible(bytes.get(at..).unwrap_or_default(), part));
        if let Some(at) = found
            && first.is_none_or(|(held, _)| at < held)
        {
            first = Some((at, part));
        }
    }
    first
}

/// Whether what begins here can be what its mark says: three bytes come about by chance.
fn is_plausible(part: &[u8], kind: Part) -> bool {
    match kind {
        Part::Boxes => ends::is_boxes(part),
        Part::Picture if part.starts_with(b"\xff\xd8") => {
            // A segment that a JPEG begins with: tables, a frame, an application's, a comment.
            matches!(
                part.get(3),
                Some(0xc0..=0xcf | 0xdb | 0xdd | 0xe0..=0xef | 0xfe)
            )
        }
        Part::Picture => format::sniff(part).is_some_and(|format| format != Format::Jpeg),
        Part::Other(_) => true,
    }
}

#[cfg(test)]
mod tests;
