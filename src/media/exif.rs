//! The small picture that an EXIF block may carry: most cameras put one there.
//!
//! Programs that crop or paint over a picture often leave it as it was. This file owns where it stands
//! and what it may cost. It refuses to judge the file that holds it: an EXIF picture that cannot be
//! read is treated as if it were not there.
//!
//! Read within tight bounds: one directory after the first, one JPEG inside the block, decoded as any other
//! and no deeper (an EXIF block inside it is passed over).

use super::{Format, Limits, Orientation, Picture, frames, jpeg, memory_needed, psd, sniff};

/// More bytes than this are no thumbnail: the block of a JPEG holds 64 KiB.
const MOST_BYTES: usize = 256 << 10;
/// Nor are more pixels along a side.
const MOST_SIDE: u32 = 1024;
/// Memory that decoding it may take at most.
const MOST_MEMORY: u64 = 16 << 20;
/// Entries of a directory that are looked at.
const MOST_ENTRIES: usize = 256;
/// Blocks of one file that are looked at.
const MOST_BLOCKS: usize = 16;

/// The tags of Exif 2.32, table 4, that say where the JPEG stands and how long it is.
const JPEG_AT: u16 = 0x0201;
const JPEG_BYTES: u16 = 0x0202;

/// The small picture inside a file's EXIF block, not decoded yet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Embedded<'a> {
    jpeg: &'a [u8],
    orientation: Orientation,
}

/// Without the picture: nothing of it may end in a log.
impl std::fmt::Debug for Embedded<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedded")
            .field("bytes", &self.jpeg.len())
            .field("orientation", &self.orientation)
            .finish_non_exhaustive()
    }
}

impl Embedded<'_> {
    /// Bytes of memory that [`Embedded::decode`] takes at most.
    #[must_use]
    pub fn memory_needed(&self, limits: &Limits) -> u64 {
        memory_needed(self.jpeg, &tight(limits))
    }

    /// The picture as stored, with the orientation of the one that it was made from. `None` where it
    /// cannot be decoded, or is larger than such pictures are.
    #[must_use]
    pub fn decode(&self, limits: &Limits) -> Option<Picture> {
        let limits = tight(limits);
        let decoded = frames::guarded(Format::Jpeg, || jpeg::open(self.jpeg, &limits)?.next());
        let picture = decoded.ok().flatten()?;
        Some(Picture {
            orientation: self.orientation,
            ..picture
        })
    }
}

/// No more than a thumbnail may take, nor than a file may.
fn tight(limits: &Limits) -> Limits {
    let mut tight = limits.clone();
    tight.max_side = limits.max_side.min(MOST_SIDE);
    tight.max_decoder_bytes = limits.max_decoder_bytes.min(MOST_MEMORY);
    tight
}

/// The small picture in a file's EXIF block: of JPEG, PNG, WebP and TIFF. Of Photoshop files that of their resources.
/// `None` where there is none.
#[must_use]
pub fn embedded(bytes: &[u8]) -> Option<Embedded<'_>> {
    let mut looked_at = 0;
    let mut look = |block| {
        looked_at += 1;
        match thumbnail(block) {
            None if looked_at < MOST_BLOCKS => None,
            found => Some(found),
        }
    };
    let found = match sniff(bytes)? {
        Format::Jpeg => in_jpeg(bytes, &mut look),
        Format::Png => in_png(bytes, &mut look),
        Format::WebP => in_webp(bytes, &mut look),
        Format::Tiff => look(bytes),
        Format::Psd => {
            let jpeg = psd::thumbnail(bytes).filter(|jpeg| jpeg.len() <= MOST_BYTES)?;
            Some(Some(Embedded {
                jpeg,
                orientation: Orientation::Normal,
            }))
        }
        _ => None,
    };
    found.flatten()
}

/// Looks at a block; `None` to go on to the next.
type Look<'a, 'b> = &'b mut dyn FnMut(&'a [u8]) -> Option<Option<Embedded<'a>>>;

/// The segments before the first scan.
fn in_jpeg<'a>(bytes: &'a [u8], look: Look<'a, '_>) -> Option<Option<Embedded<'a>>> {
    let mut rest = bytes.get(2..)?;
    loop {
        // Whatever stands between segments is passed over, as decoders do.
        let mark = rest
            .windows(2)
            .position(|two| two[0] == 0xff && !matches!(two[1], 0 | 0xff))?;
        let (&marker, behind) = rest.get(mark + 1..)?.split_first()?;
        rest = behind;
        match marker {
            0x01 | 0xd0..=0xd8 => continue,
            0xd9 | 0xda => return None,
            _ => {}
        }
        let length = usize::from(u16::from_be_bytes(*rest.first_chunk::<2>()?));
        let segment = rest.get(2..length)?;
        if marker == 0xe1
            && segment.starts_with(b"Exif\0\0")
            && let Some(found) = look(segment)
        {
            return Some(found);
        }
        rest = rest.get(length..)?;
    }
}

/// The chunks, behind the pixels too.
fn in_png<'a>(bytes: &'a [u8], look: Look<'a, '_>) -> Option<Option<Embedded<'a>>> {
    let mut rest = bytes.get(8..)?;
    loop {
        let (length, behind) = rest.split_first_chunk::<4>()?;
        let (name, behind) = behind.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (data, behind) = behind.split_at_checked(length)?;
        if name == b"eXIf"
            && let Some(found) = look(data)
        {
            return Some(found);
        }
        // Behind the checksum.
        rest = behind.get(4..)?;
    }
}

/// The chunks of the container, each filled up to an even length.
fn in_webp<'a>(bytes: &'a [u8], look: Look<'a, '_>) -> Option<Option<Embedded<'a>>> {
    let mut rest = bytes.get(12..)?;
    loop {
        let (name, behind) = rest.split_first_chunk::<4>()?;
        let (length, behind) = behind.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (data, behind) = behind.split_at_checked(length)?;
        if name == b"EXIF"
            && let Some(found) = look(data)
        {
            return Some(found);
        }
        rest = behind.get(length % 2..)?;
    }
}

/// A TIFF structure, and the order of its numbers' bytes.
struct Block<'a> {
    bytes: &'a [u8],
    big: bool,
}

impl<'a> Block<'a> {
    fn new(block: &'a [u8]) -> Option<Self> {
        let bytes = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
        let big = match bytes.first_chunk::<4>()? {
            b"MM\0*" => true,
            b"II*\0" => false,
            _ => return None,
        };
        Some(Self { bytes, big })
    }

    fn two(&self, at: usize) -> Option<u16> {
        let two = *self.bytes.get(at..)?.first_chunk::<2>()?;
        Some(match self.big {
            true => u16::from_be_bytes(two),
            false => u16::from_le_bytes(two),
        })
    }

    fn four(&self, at: usize) -> Option<usize> {
        let four = *self.bytes.get(at..)?.first_chunk::<4>()?;
        let number = match self.big {
            true => u32::from_be_bytes(four),
            false => u32::from_le_bytes(four),
        };
        usize::try_from(number).ok()
    }

    /// Where the directory behind this one stands.
    fn next(&self, directory: usize) -> Option<usize> {
        let entries = usize::from(self.two(directory)?);
        let at = directory.checked_add(2 + 12 * entries)?;
        self.four(at).filter(|&next| next != 0 && next != directory)
    }

    /// The only value that an entry of a directory has, where there is such an entry.
    fn value(&self, directory: usize, tag: u16) -> Option<usize> {
        let entries = usize::from(self.two(directory)?).min(MOST_ENTRIES);
        let mut places = (0..entries).filter_map(|entry| directory.checked_add(2 + 12 * entry));
        let at = places.find(|&at| self.two(at) == Some(tag))?;
        let (kind, count) = (self.two(at + 2)?, self.four(at + 4)?);
        match (kind, count) {
            (3, 1) => self.two(at + 8).map(usize::from),
            (4, 1) => self.four(at + 8),
            _ => None,
        }
    }
}

/// The JPEG that the second directory of an EXIF block names, inside the block.
fn thumbnail(block: &[u8]) -> Option<Embedded<'_>> {
    let orientation = Orientation::from_exif_block(block);
    let block = Block::new(block)?;
    let directory = block.next(block.four(4)?)?;
    let at = block.value(directory, JPEG_AT)?;
    let length = block.value(directory, JPEG_BYTES)?;
    if length > MOST_BYTES {
        return None;
    }
    let jpeg = block.bytes.get(at..at.checked_add(length)?)?;
    jpeg.starts_with(b"\xff\xd8")
        .then_some(Embedded { jpeg, orientation })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageEncoder, codecs::jpeg::JpegEncoder};
    use proptest::prelude::*;

    fn jpeg(width: u32, height: u32, exif: Option<Vec<u8>>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 90);
        if let Some(exif) = exif {
            encoder.set_exif_metadata(exif).expect("JPEG carries EXIF");
        }
        let rgb: Vec<u8> = (0..width * height)
            .flat_map(|at| {
                [
                    (at % width * 250 / width) as u8,
                    (at / width * 250 / height) as u8,
                    90,
                ]
            })
            .collect();
        let written = encoder.write_image(&rgb, width, height, image::ExtendedColorType::Rgb8);
        written.expect("written to memory");
        bytes
    }

    /// An EXIF block with this orientation, and a second directory that names so many bytes behind it.
    fn block(big: bool, orientation: u16, named: (u32, u32), behind: &[u8]) -> Vec<u8> {
        let two = |value: u16| match big {
            true => value.to_be_bytes(),
            false => value.to_le_bytes(),
        };
        let four = |value: u32| match big {
            true => value.to_be_bytes(),
            false => value.to_le_bytes(),
        };
        let mut bytes = if big { b"MM".to_vec() } else { b"II".to_vec() };
        bytes.extend(two(42));
        bytes.extend(four(8));
        bytes.extend(two(1));
        bytes.extend([two(0x0112), two(3)].concat());
        bytes.extend(four(1));
        bytes.extend([two(orientation), two(0)].concat());
        bytes.extend(four(26));
        bytes.extend(two(2));
        for (tag, value) in [(JPEG_AT, named.0), (JPEG_BYTES, named.1)] {
            bytes.extend([two(tag), two(4)].concat());
            bytes.extend([four(1), four(value)].concat());
        }
        bytes.extend(four(0));
        assert_eq!(bytes.len(), BEHIND as usize);
        bytes.extend(behind);
        bytes
    }

    /// Where what stands behind the directories begins.
    const BEHIND: u32 = 56;

    fn whole(big: bool, orientation: u16, jpeg: &[u8]) -> Vec<u8> {
        block(big, orientation, (BEHIND, jpeg.len() as u32), jpeg)
    }

    fn size(file: &[u8]) -> Option<(u32, u32, Orientation)> {
        let picture = embedded(file)?.decode(&Limits::default())?;
        Some((picture.width, picture.height, picture.orientation))
    }

    fn png(exif: &[u8]) -> Vec<u8> {
        let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
        for (name, data) in [
            (b"IHDR", &[0; 13][..]),
            (b"IDAT", &[1; 40]),
            (b"eXIf", exif),
        ] {
            png.extend((data.len() as u32).to_be_bytes());
            png.extend(name);
            png.extend(data);
            png.extend([0; 4]);
        }
        png
    }

    fn webp(exif: &[u8]) -> Vec<u8> {
        let mut webp = b"RIFF\0\0\0\0WEBP".to_vec();
        for (name, data) in [(b"VP8L", &[7; 5][..]), (b"EXIF", exif)] {
            webp.extend(name);
            webp.extend((data.len() as u32).to_le_bytes());
            webp.extend(data);
            webp.extend(std::iter::repeat_n(0, data.len() % 2));
        }
        webp
    }

    #[test]
    fn it_is_found_in_every_container_with_the_orientation_of_its_picture() {
        let small = jpeg(40, 30, None);
        for big in [false, true] {
            let exif = whole(big, 6, &small);
            let expected = Some((40, 30, Orientation::Rotate90));
            assert_eq!(size(&jpeg(64, 48, Some(exif.clone()))), expected);
            assert_eq!(size(&png(&exif)), expected);
            assert_eq!(size(&webp(&exif)), expected);
            assert_eq!(size(&exif), expected, "a TIFF is such a block itself");
        }
        assert_eq!(size(&jpeg(64, 48, None)), None);
    }

    #[test]
    fn a_block_inside_it_is_not_followed() {
        let innermost = jpeg(24, 24, None);
        let inner = jpeg(40, 30, Some(whole(false, 3, &innermost)));
        let file = jpeg(64, 48, Some(whole(false, 1, &inner)));
        assert_eq!(size(&file), Some((40, 30, Orientation::Normal)));
    }

    #[test]
    fn what_is_no_thumbnail_is_not_there() {
        let small = jpeg(40, 30, None);
        let length = small.len() as u32;
        let end = BEHIND + length;
        for named in [
            (0, 0),
            (BEHIND, 0),
            (BEHIND, 1),
            (BEHIND, length + 1),
            (BEHIND, u32::MAX),
            (BEHIND + 1, length - 1),
            (end, 1),
            (end, 0),
            (u32::MAX, 1),
            (u32::MAX, u32::MAX),
            (0, end),
        ] {
            let file = block(false, 1, named, &small);
            assert_eq!(size(&file), None, "{named:?}");
        }
        // A directory that goes on to itself, to the first, nowhere, or beyond the end.
        for next in [8, 0, 1, 7, 9, end, u32::MAX] {
            let mut file = whole(false, 1, &small);
            file[22..26].copy_from_slice(&next.to_le_bytes());
            assert_eq!(size(&file), None, "{next}");
            file = whole(false, 1, &small);
            file[4..8].copy_from_slice(&next.to_le_bytes());
            let _ = size(&file);
        }
        // Another type or number of values.
        for (at, value) in [(30, 2), (30, 0), (32, 2), (32, 0)] {
            let mut file = whole(false, 1, &small);
            file[at] = value;
            assert_eq!(size(&file), None, "{at}");
        }
        assert_eq!(size(&whole(false, 1, b"\x89PNG\r\n\x1a\n")), None);
        assert_eq!(size(&whole(false, 1, &small[..small.len() / 2])), None);
        let large = jpeg(MOST_SIDE + 1, 8, None);
        assert!(embedded(&whole(false, 1, &large)).is_some());
        assert_eq!(size(&whole(false, 1, &large)), None);
        let mut heavy = small.clone();
        heavy.resize(MOST_BYTES + 1, 0);
        assert!(embedded(&whole(false, 1, &heavy)).is_none());
    }

    #[test]
    fn memory_is_bounded() {
        let file = whole(false, 1, &jpeg(MOST_SIDE, MOST_SIDE, None));
        let found = embedded(&file).expect("it is there");
        let needed = found.memory_needed(&Limits::default());
        assert!((3 << 20..=MOST_MEMORY).contains(&needed), "{needed}");
        let limits = Limits {
            max_decoder_bytes: 1 << 20,
            ..Limits::default()
        };
        assert_eq!(found.decode(&limits), None);
    }

    proptest! {
        #[test]
        fn no_block_does_harm(damage in proptest::collection::vec((0usize..900, any::<u8>()), 1..12), cut in 0usize..1200, big: bool) {
            let mut exif = whole(big, 6, &jpeg(24, 16, None));
            for &(at, value) in &damage {
                if let Some(byte) = exif.get_mut(at % 400) {
                    *byte = value;
                }
            }
            exif.truncate(cut.max(8));
            for file in [jpeg(16, 16, Some(exif.clone())), png(&exif), webp(&exif), exif] {
                if let Some(found) = embedded(&file) {
                    prop_assert!(found.jpeg.len() <= file.len().min(MOST_BYTES));
                    let _ = found.decode(&Limits::default());
                    let _ = embedded(&file[..file.len() / 2]);
                }
            }
        }
    }
}
