//! A JPEG's markers and segments, one after another, and what the segments say that are no tables.
//!
//! Bytes between segments are passed over, as every viewer does. Owned here: where a segment stands.
//! Not owned: the data of scans.

use super::entropy::next_marker;

/// A marker with what belongs to it.
pub(super) struct Segment<'a> {
    pub(super) marker: u8,
    /// Empty of markers that stand alone.
    pub(super) data: &'a [u8],
    /// Where its marker stands.
    pub(super) start: usize,
    /// The position behind it.
    pub(super) end: usize,
    /// Whether it stands where the one before it ended, with a length that a segment can have.
    pub(super) is_clean: bool,
}

/// The next segment from `at` on; `None` at the end of the bytes, and where they end within it.
pub(super) fn next_segment(bytes: &[u8], at: usize) -> Option<Segment<'_>> {
    let start = next_marker(bytes, at);
    let marker = *bytes.get(start + 1)?;
    let behind = start + 2;
    // TEM, restarts, starts and ends of pictures.
    if matches!(marker, 0x01 | 0xd0..=0xd9) {
        return Some(Segment {
            marker,
            data: &[],
            start,
            end: behind,
            is_clean: start == at,
        });
    }
    let length = bytes.get(behind..behind + 2)?;
    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
    // A length that does not even count itself is passed over, as libjpeg does.
    let end = behind + length.max(2);
    Some(Segment {
        marker,
        data: bytes.get(behind + 2..end)?,
        start,
        end,
        is_clean: start == at && length >= 2,
    })
}

/// Marks of the programs that wrote a file, which say what its colours are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// A whole JFIF segment.
    pub(super) jfif: bool,
    /// The transform that the last whole Adobe segment names.
    pub(super) adobe: Option<u8>,
    /// A segment that calls itself Adobe's, or that of a film, and that decoders read differently.
    pub(super) is_odd: bool,
}

impl Marks {
    /// Notes what an application's segment says.
    pub(super) fn note(&mut self, marker: u8, data: &[u8]) {
        match marker {
            0xe0 => {
                self.jfif |= data.len() >= 14 && data.starts_with(b"JFIF\0");
                self.is_odd |= data.starts_with(b"AVI1");
            }
            0xee if data.starts_with(b"Adobe") => match data.get(11) {
                Some(&transform) => {
                    self.adobe = Some(transform);
                    self.is_odd |= transform > 2;
                }
                None => self.is_odd = true,
            },
            _ => {}
        }
    }
}

/// What an application's segment holds of Exif data: none, or too little to turn a picture, is `None`.
///
/// The first such segment of a file is believed, whatever it holds, as browsers do.
pub(super) fn exif_block(data: &[u8]) -> Option<&[u8]> {
    // A mark of five letters, and a byte of any kind.
    let behind = data.strip_prefix(b"Exif\0")?.get(1..)?;
    (!behind.is_empty()).then_some(behind)
}

/// The height that a segment behind the first scan gives, whose data begin at `at`: the frame header
/// may leave it open (ITU-T T.81, B.2.5).
pub(super) fn height_behind(bytes: &[u8], mut at: usize) -> Option<u32> {
    loop {
        let segment = next_segment(bytes, at)?;
        match (segment.marker, segment.data) {
            (0xd0..=0xd7, _) => at = segment.end,
            (0xdc, &[high, low]) => return Some(u32::from(u16::from_be_bytes([high, low]))),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_found_behind_what_does_not_belong_to_them() {
        let bytes = b"\xff\xd8ab\xff\xff\xfe\0\x04hi\xff\xe3\0\0\xff\xd9";
        let mut seen = Vec::new();
        let mut at = 0;
        while let Some(segment) = next_segment(bytes, at) {
            seen.push((segment.marker, segment.data, segment.is_clean));
            at = segment.end;
        }
        let expected: [(u8, &[u8], bool); 4] = [
            (0xd8, b"", true),
            (0xfe, b"hi", false),
            (0xe3, b"", false),
            (0xd9, b"", true),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_height_is_found_behind_the_data_only() {
        let height = |bytes: &[u8]| height_behind(bytes, 0);
        assert_eq!(
            height(b"data\xff\0\xff\xd0more\xff\xdc\0\x04\x01\x02"),
            Some(258)
        );
        assert_eq!(height(b"data\xff\xdc\0\x03\x01"), None);
        assert_eq!(height(b"data\xff\xd9\xff\xdc\0\x04\x01\x02"), None);
    }
}
