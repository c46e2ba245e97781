//! What bytes are, told from the bytes alone: a file's name is never asked.
//!
//! Targas have no mark at their start: they are asked about last, and strictly.

use serde::{Deserialize, Serialize};

use super::tga;

/// A picture format that this library decodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// JPEG: Huffman-coded baseline, extended and progressive, 8 bit. Of several in one file
    /// (multi-picture objects, gain maps) the first, which is the one that viewers show.
    Jpeg,
    /// PNG, and APNG with its frames.
    Png,
    /// GIF, and its frames.
    Gif,
    /// WebP, lossy and lossless, and its frames.
    WebP,
    /// Windows bitmap.
    Bmp,
    /// TIFF, and its pages.
    Tiff,
    /// Windows icon or cursor, and its sizes: the largest first.
    Ico,
    /// Netpbm: PBM, PGM, PPM and PAM.
    Pnm,
    /// Quite OK Image.
    Qoi,
    /// Radiance HDR: linear light, shown with the sRGB curve.
    Hdr,
    /// Farbfeld.
    Farbfeld,
    /// DirectDraw surface: BC1 to BC5, and pixels that are not compressed.
    Dds,
    /// Targa: true colours, greys and palettes, plain or in packets.
    Tga,
    /// Photoshop, PSD and PSB: the merged picture.
    Psd,
    /// Apple's icons, and their sizes: the largest first.
    Icns,
    /// JPEG XL, and its frames. With the feature `jxl`.
    JpegXl,
    /// HEIC: HEIF coded by HEVC, and its further pictures. With the feature `heic`.
    Heic,
    /// AVIF: HEIF coded by AV1, its further pictures and frames. With the feature `avif`.
    Avif,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 18] = [
        Self::Jpeg,
        Self::Png,
        Self::Gif,
        Self::WebP,
        Self::Bmp,
        Self::Tiff,
        Self::Ico,
        Self::Pnm,
        Self::Qoi,
        Self::Hdr,
        Self::Farbfeld,
        Self::Dds,
        Self::Tga,
        Self::Psd,
        Self::Icns,
        Self::JpegXl,
        Self::Heic,
        Self::Avif,
    ];

    /// The name for people and reports, such as `JPEG`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Gif => "GIF",
            Self::WebP => "WebP",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
            Self::Ico => "ICO",
            Self::Pnm => "PNM",
            Self::Qoi => "QOI",
            Self::Hdr => "HDR",
            Self::Farbfeld => "Farbfeld",
            Self::Dds => "DDS",
            Self::Tga => "TGA",
            Self::Psd => "PSD",
            Self::Icns => "ICNS",
            Self::JpegXl => "JPEG XL",
            Self::Heic => "HEIC",
            Self::Avif => "AVIF",
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The format that the first bytes claim; `None` where it is none of those decoded here.
#[must_use]
pub fn sniff(bytes: &[u8]) -> Option<Format> {
    match bytes {
        [0xff, 0xd8] | [0xff, 0xd8, 0xff, ..] => Some(Format::Jpeg),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Format::Png),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Format::Gif),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Some(Format::WebP),
        [b'B', b'M', rest @ ..] if is_bitmap_header(rest) => Some(Format::Bmp),
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Some(Format::Tiff),
        [0, 0, 1 | 2, 0, low, high, rest @ ..]
            if (*low, *high) != (0, 0) && is_icon_entry(bytes, rest) =>
        {
            Some(Format::Ico)
        }
        [
            b'P',
            b'1'..=b'6',
            b' ' | b'\t' | b'\r' | b'\n' | b'#',
            next,
            ..,
        ] if next.is_ascii_digit() || next.is_ascii_whitespace() || *next == b'#' => {
            Some(Format::Pnm)
        }
        [b'P', b'7', b'\n', ..] => Some(Format::Pnm),
        [b'q', b'o', b'i', b'f', ..] => Some(Format::Qoi),
        _ if bytes.starts_with(b"#?RADIANCE") || bytes.starts_with(b"#?RGBE") => Some(Format::Hdr),
        _ if bytes.starts_with(b"farbfeld") => Some(Format::Farbfeld),
        _ if bytes.starts_with(b"DDS ") => Some(Format::Dds),
        [b'8', b'B', b'P', b'S', 0, 1 | 2, ..] => Some(Format::Psd),
        _ if bytes.starts_with(b"icns") => Some(Format::Icns),
        _ if cfg!(feature = "jxl") && is_jpeg_xl(bytes) => Some(Format::JpegXl),
        _ => match brands(bytes).and_then(heif) {
            Some(Format::Heic) if cfg!(feature = "heic") => Some(Format::Heic),
            Some(Format::Avif) if cfg!(feature = "avif") => Some(Format::Avif),
            _ => tga::is_targa(bytes).then_some(Format::Tga),
        },
    }
}

/// Whether a known size of header stands where a bitmap has it: `BM` alone begins too much text.
/// A file too short to tell counts, so that a cut bitmap is called damaged rather than unknown.
fn is_bitmap_header(after_mark: &[u8]) -> bool {
    match after_mark.get(12..16) {
        Some(&[size, 0, 0, 0]) => is_bitmap_header_size(usize::from(size)),
        Some(_) => false,
        None => after_mark
            .get(4..8)
            .is_none_or(|reserved| reserved == [0; 4]),
    }
}

/// Whether a bitmap's header may be so long: 12 of OS/2; 40, 52, 56, 108, 124 of Windows; 16 to 64 of OS/2 again.
pub(super) fn is_bitmap_header_size(size: usize) -> bool {
    match size {
        12 | 42 | 46 | 108 | 124 => true,
        16..=64 => size.is_multiple_of(4),
        _ => false,
    }
}

/// Whether a first entry of an icon's directory is plausible; a missing one counts. Where the byte that has no meaning
/// has a value, what the entry names has to be a picture.
fn is_icon_entry(file: &[u8], entry: &[u8]) -> bool {
    let named = || {
        let offset = u32::from_le_bytes(*entry.get(12..)?.first_chunk::<4>()?) as usize;
        file.get(offset..)?.first_chunk::<4>()
    };
    match entry.get(3) {
        None | Some(0 | 255) => true,
        Some(_) => named().is_some_and(|&four| match four {
            [0x89, b'P', b'N', b'G'] => true,
            [size, 0, 0, 0] => is_bitmap_header_size(usize::from(size)),
            _ => false,
        }),
    }
}

/// A codestream alone, or one in its container.
fn is_jpeg_xl(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xff\x0a") || bytes.starts_with(b"\0\0\0\x0cJXL \r\n\x87\n")
}

/// What a file is that is not decoded, where its first bytes tell cheaply.
pub(super) fn recognise(bytes: &[u8]) -> &'static str {
    match bytes {
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => return iso_media(bytes),
        [b'R', b'I', b'F', b'F', _, _, _, _, kind @ ..] if kind.starts_with(b"AVI ") => {
            return "a video (AVI)";
        }
        [b'R', b'I', b'F', b'F', _, _, _, _, kind @ ..] if kind.starts_with(b"WAVE") => {
            return "audio (WAV)";
        }
        [0, 0, 1, 0xb3 | 0xba, ..] => return "a video (MPEG)",
        [0xff, 0xfb | 0xf3 | 0xf2, ..] => return "audio (MP3)",
        [_, _, _, _, b'm' | b'f' | b'w', b'o' | b'r' | b'i', ..]
            if bytes
                .get(4..8)
                .is_some_and(|kind| [&b"moov"[..], b"free", b"wide"].contains(&kind)) =>
        {
            return "a video (QuickTime)";
        }
        _ if is_jpeg_xl(bytes) => return "JPEG XL",
        _ => {}
    }
    const MARKS: &[(&[u8], &str)] = &[
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\xff\x4f\xff\x51", "JPEG 2000"),
        (b"II\xbc", "JPEG XR"),
        (b"8BPS", "Photoshop (PSD)"),
        (b"%PDF", "PDF"),
        (b"%!PS", "PostScript"),
        (b"\xc5\xd0\xd3\xc6", "PostScript (EPS)"),
        (b"\x76\x2f\x31\x01", "OpenEXR"),
        (b"\x1a\x45\xdf\xa3", "a video (Matroska or WebM)"),
        (b"FLV\x01", "a video (Flash)"),
        (b"OggS", "audio or video (Ogg)"),
        (b"\x30\x26\xb2\x75", "a video (Windows Media)"),
        (b"ID3", "audio (MP3)"),
        (b"fLaC", "audio (FLAC)"),
        (b"gimp xcf", "GIMP (XCF)"),
        (b"BPG\xfb", "BPG"),
        (b"FLIF", "FLIF"),
        (b"\xd7\xcd\xc6\x9a", "a Windows metafile"),
        (b"\x0a\x05\x01", "PCX"),
        (b"SIMPLE  =", "FITS"),
        (b"PK\x03\x04", "an archive (ZIP)"),
        (b"Rar!\x1a", "an archive (RAR)"),
        (b"7z\xbc\xaf\x27\x1c", "an archive (7z)"),
        (b"\x1f\x8b", "compressed data (gzip)"),
        (b"BZh", "compressed data (bzip2)"),
        (b"\x28\xb5\x2f\xfd", "compressed data (Zstandard)"),
        (b"\xfd7zXZ", "compressed data (XZ)"),
        (b"\x7fELF", "a program (ELF)"),
        (b"MZ", "a program (Windows)"),
        (b"SQLite format 3", "a database (SQLite)"),
    ];
    if let Some((_, what)) = MARKS.iter().find(|(mark, _)| bytes.starts_with(mark)) {
        return what;
    }
    if bytes.get(128..132) == Some(b"DICM") {
        return "DICOM";
    }
    text(bytes).unwrap_or("data of no known kind")
}

/// The brands of an ISO media file: the major one, its version, and those that it is compatible with.
fn brands(bytes: &[u8]) -> Option<&[u8]> {
    let (size, rest) = bytes.split_first_chunk::<4>()?;
    let brands = rest.strip_prefix(b"ftyp")?;
    let length = (u32::from_be_bytes(*size) as usize).saturating_sub(8);
    Some(brands.get(..length).unwrap_or(brands))
}

/// Which kind of HEIF brands name: the major one first, else any that the file is compatible with.
fn heif(brands: &[u8]) -> Option<Format> {
    const MOST: usize = 64;
    let one = |brand: &[u8]| match brand {
        b"avif" | b"avis" => Some(Format::Avif),
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" => Some(Format::Heic),
        _ => None,
    };
    let listed = brands.get(8..).unwrap_or_default();
    let major = brands.get(..4).into_iter();
    let mut all = major.chain(listed.chunks_exact(4).take(MOST));
    all.find_map(one)
}

fn iso_media(bytes: &[u8]) -> &'static str {
    let brands = brands(bytes).unwrap_or_default();
    if let Some(format) = heif(brands) {
        return format.name();
    }
    match brands.get(..4) {
        Some(b"mif1" | b"msf1" | b"mif2" | b"mif3") => "HEIF",
        Some(b"crx ") => "a camera's raw picture (CR3)",
        Some(b"qt  ") => "a video (QuickTime)",
        _ => "a video (MP4 family)",
    }
}

/// SVG, HTML, XML or text, where the beginning reads as one.
fn text(bytes: &[u8]) -> Option<&'static str> {
    let head = bytes.get(..1024).unwrap_or(bytes);
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    if head.is_empty() || head.contains(&0) {
        return None;
    }
    let lower = head.to_ascii_lowercase();
    let holds = |needle: &[u8]| lower.windows(needle.len()).any(|window| window == needle);
    let trimmed = lower.trim_ascii_start();
    if trimmed.starts_with(b"<") {
        return Some(if holds(b"<svg") {
            "SVG"
        } else if holds(b"<html") || holds(b"<!doctype html") {
            "HTML"
        } else {
            "XML"
        });
    }
    let control = |&byte: &u8| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b);
    // A character may be cut by the end of the head: up to three bytes of it.
    let is_text = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.valid_up_to() + 4 > head.len(),
    };
    (is_text && !head.iter().any(control)).then_some("text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_begins_like_a_picture_is_text() {
        for words in [
            "BM is short for bitmap, a format of 1990",
            "P1 is the first",
            "MM. 42",
            "",
        ] {
            assert_eq!(sniff(words.as_bytes()), None, "{words}");
        }
        assert_eq!(recognise(b"BM is short for bitmap"), "text");
        assert_eq!(recognise("Pr\u{fc}fung".as_bytes()), "text");
        assert_eq!(recognise(b""), "data of no known kind");
        assert_eq!(recognise(&[0, 1, 2, 3]), "data of no known kind");
    }

    #[test]
    fn kinds_that_are_not_decoded_are_named() {
        for (bytes, what) in [
            (
                &b"\0\0\0\x14ftypisom\0\0\0\0mp41avif"[..],
                "a video (MP4 family)",
            ),
            (b"\0\0\0\x20ftypmif1\0\0\0\0mif1", "HEIF"),
            (b"RIFF\x10\0\0\0AVI LIST", "a video (AVI)"),
            (b"\xef\xbb\xbf <?xml version='1.0'?><SVG>", "SVG"),
            (b"<!DOCTYPE html>", "HTML"),
            (b"%PDF-1.7", "PDF"),
            (b"\0\0\0\x08wideabcd", "a video (QuickTime)"),
        ] {
            assert_eq!(recognise(bytes), what);
            assert_eq!(sniff(bytes), None, "{what}");
        }
    }

    #[test]
    fn what_a_feature_decodes_is_named_where_it_is_off() {
        for (bytes, what, format, is_on) in [
            (
                &b"\xff\x0a\x01"[..],
                "JPEG XL",
                Format::JpegXl,
                cfg!(feature = "jxl"),
            ),
            (
                b"\0\0\0\x0cJXL \r\n\x87\n",
                "JPEG XL",
                Format::JpegXl,
                cfg!(feature = "jxl"),
            ),
            (
                b"\0\0\0\x20ftypheic",
                "HEIC",
                Format::Heic,
                cfg!(feature = "heic"),
            ),
            (
                b"\0\0\0\x20ftypmif1\0\0\0\0mif1heic",
                "HEIC",
                Format::Heic,
                cfg!(feature = "heic"),
            ),
            (
                b"\0\0\0\x20ftypavif",
                "AVIF",
                Format::Avif,
                cfg!(feature = "avif"),
            ),
            (
                b"\0\0\0\x20ftypisom\0\0\0\0mif1avis",
                "AVIF",
                Format::Avif,
                cfg!(feature = "avif"),
            ),
        ] {
            assert_eq!(recognise(bytes), what);
            assert_eq!(sniff(bytes), is_on.then_some(format), "{what}");
        }
    }

    #[test]
    fn names_are_distinct() {
        let mut names: Vec<_> = Format::ALL.iter().map(|format| format.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Format::ALL.len());
    }
}
