//! Where a picture ends, by its container alone.

use memchr::memmem;

/// So many parts of a container are walked.
const MOST_PARTS: usize = 1 << 16;

/// The end of the picture that these bytes begin with; `None` where it does not end before they do.
pub(super) fn first(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [0xff, 0xd8, ..] => jpeg(bytes),
        [0x89, b'P', b'N', b'G', ..] => png(bytes),
        [b'G', b'I', b'F', b'8', ..] => gif(bytes),
        [b'R', b'I', b'F', b'F', a, b, c, d, ..] => {
            let size = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
            let end = size.checked_add(8)?.checked_add(size % 2)?;
            (end < bytes.len()).then_some(end)
        }
        _ => None,
    }
}

/// Behind the mark that ends a JPEG (ITU-T T.81, annex B). Inside entropy-coded data that mark cannot stand; the headers
/// before the first scan, where small pictures lie, are passed over by their lengths.
fn jpeg(bytes: &[u8]) -> Option<usize> {
    const END: &[u8] = b"\xff\xd9";
    let mut at = 2;
    for _ in 0..MOST_PARTS {
        let &[mark, code] = bytes.get(at..)?.first_chunk()?;
        match (mark, code) {
            (0xff, 0xff) => at += 1,
            (0xff, 0xd9) => return Some(at + 2),
            (0xff, 0x01 | 0xd0..=0xd8) => at += 2,
            (0xff, 0xda) => break,
            (0xff, 0xc0..=0xfe) => {
                let &[high, low] = bytes.get(at + 2..)?.first_chunk()?;
                at += 2 + usize::from(u16::from_be_bytes([high, low])).max(2);
            }
            // Bytes that belong to nothing.
            _ => at += memchr::memchr(0xff, bytes.get(at + 1..)?)? + 1,
        }
    }
    let scans = bytes.get(at..)?;
    let end = memmem::find(scans, END).map(|found| found + END.len());
    // Some programs write no end, and a clip behind it may hold those two bytes: but not a JPEG what a clip begins with.
    let before = scans.get(..end.unwrap_or(scans.len()))?;
    let clip = memmem::find(before, b"ftyp").and_then(|name| name.checked_sub(4));
    let is_clip = |&from: &usize| scans.get(from..).is_some_and(is_boxes);
    clip.filter(is_clip).or(end).map(|end| at + end)
}

/// Whether a file of boxes can begin so.
pub(super) fn is_boxes(bytes: &[u8]) -> bool {
    matches!(bytes.first_chunk(), Some(&[0, 0, 0, size]) if size >= 8 && size % 4 == 0)
}

/// Behind the chunk that ends a PNG.
fn png(bytes: &[u8]) -> Option<usize> {
    let mut at = 8_usize;
    for _ in 0..MOST_PARTS {
        let &[a, b, c, d, kind @ ..] = bytes.get(at..)?.first_chunk::<8>()?;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        at = at.checked_add(length)?.checked_add(12)?;
        if &kind == b"IEND" {
            return Some(at);
        }
    }
    None
}

/// Behind the byte that ends a GIF (GIF89a, appendix B).
fn gif(bytes: &[u8]) -> Option<usize> {
    let table = |flags: u8| match flags & 0x80 {
        0 => 0,
        _ => 3 << ((flags & 7) + 1),
    };
    // Behind a chain of sub-blocks.
    let chain = |mut at: usize| loop {
        let size = usize::from(*bytes.get(at)?);
        at += size + 1;
        if size == 0 {
            return Some(at);
        }
    };
    let mut at = 13 + table(*bytes.get(10)?);
    for _ in 0..MOST_PARTS {
        at = match *bytes.get(at)? {
            0x3b => return Some(at + 1),
            0x21 => chain(at + 2)?,
            0x2c => chain(at + 10 + table(*bytes.get(at + 9)?) + 1)?,
            _ => return None,
        };
    }
    None
}

/// Behind the boxes that these bytes begin with (ISO/IEC 14496-12, 4.2): all bytes, where the last has no end.
pub(super) fn boxes(bytes: &[u8]) -> usize {
    walk(bytes, |_, _| false)
}

/// The clip of a Motion Photo, which stands in a box of its own.
pub(super) fn clip_in_boxes(bytes: &[u8]) -> Option<(String, u64)> {
    let mut clip = None;
    walk(bytes, |kind, length| {
        if kind == *b"mpvd" {
            clip = Some(("a video (Motion Photo)".to_owned(), length as u64));
        }
        clip.is_some()
    });
    clip
}

/// Gives each box's kind and length to `is_last`, until one is; where the walk ended.
fn walk(bytes: &[u8], mut is_last: impl FnMut([u8; 4], usize) -> bool) -> usize {
    let mut at = 0;
    for _ in 0..MOST_PARTS {
        let Some(&[a, b, c, d, kind @ ..]) =
            bytes.get(at..).and_then(|rest| rest.first_chunk::<8>())
        else {
            break;
        };
        if !kind.iter().all(|byte| (0x20..0x7f).contains(byte)) {
            break;
        }
        let left = bytes.len() - at;
        let length = match u32::from_be_bytes([a, b, c, d]) {
            0 => left,
            1 => {
                let long = bytes.get(at + 8..).and_then(|rest| rest.first_chunk::<8>());
                let long = long.map_or(0, |eight| u64::from_be_bytes(*eight));
                usize::try_from(long).unwrap_or(usize::MAX)
            }
            length => length as usize,
        };
        if length < 8 {
            break;
        }
        let length = length.min(left);
        if is_last(kind, length) {
            break;
        }
        at += length;
    }
    at
}
