//! What a directory holds: a page, a JPEG of its own, or a camera's raw data.

use super::budget::Budget;
use super::directory::{Directory, File};
use super::fault::{ends_early, unsupported};
use super::tags;
use crate::media::{MediaError, jpeg};

/// What a directory holds.
#[derive(Clone, Copy)]
pub(super) enum Content<'a> {
    /// Strips or tiles.
    Page,
    /// A whole JPEG: how cameras keep previews, and old files their picture.
    Jpeg(&'a [u8]),
    /// What a camera's sensor saw, to be developed, or what goes with it: in a few words. Not decoded here.
    Raw(&'static str),
}

/// A mosaic of one colour a pixel, and sensor data of three.
const MOSAIC: u64 = 32_803;
const LINEAR: u64 = 34_892;
/// A camera's masks and depths, which are no pictures.
const DEPTH: u64 = 51_177;
const SEMANTIC_MASK: u64 = 52_527;

const OLD_JPEG: u64 = 6;

const SENSOR: &str = "a camera's raw data";

impl<'a> Content<'a> {
    /// Looks at a directory.
    pub(super) fn of(file: &File<'a>, directory: &Directory<'a>) -> Result<Self, MediaError> {
        let photometric = directory.number(tags::PHOTOMETRIC)?;
        match photometric {
            Some(MOSAIC | LINEAR) => return Ok(Self::Raw(SENSOR)),
            Some(DEPTH) => return Ok(Self::Raw("a map of depths")),
            Some(SEMANTIC_MASK) => return Ok(Self::Raw("a mask of a camera's raw data")),
            _ => {}
        }
        let compression = directory.or(tags::COMPRESSION, 1)?;
        let named = directory.number(tags::JPEG_AT)?;
        let is_only_named = directory.values(tags::STRIP_OFFSETS)?.is_none()
            && directory.values(tags::TILE_OFFSETS)?.is_none();
        if compression != OLD_JPEG && !(is_only_named && named.is_some()) {
            return Ok(Self::Page);
        }
        if let Some(at) = named {
            let left = (file.bytes.len() as u64).saturating_sub(at);
            let length = directory.or(tags::JPEG_BYTES, left)?.min(left);
            let bytes = file.get(at, length).ok_or_else(ends_early)?;
            if bytes.starts_with(JPEG) && (is_only_named || jpeg::sides(bytes).is_some()) {
                return Ok(Self::Jpeg(bytes));
            }
        }
        // One strip that is a JPEG.
        let strip = directory
            .number(tags::STRIP_OFFSETS)?
            .zip(directory.number(tags::STRIP_COUNTS)?)
            .and_then(|(at, length)| file.get(at, length));
        let is_alone = directory
            .values(tags::STRIP_OFFSETS)?
            .is_some_and(|strips| strips.len() == 1);
        match strip {
            Some(strip) if is_alone && strip.starts_with(JPEG) => Ok(if is_lossless(strip) {
                Self::Raw(SENSOR)
            } else {
                Self::Jpeg(strip)
            }),
            // A maker of cameras calls its developed sensor data so.
            Some(_) if file.bytes.get(8..10) == Some(b"CR") => Ok(Self::Raw(SENSOR)),
            _ => Err(unsupported("old-style JPEG in parts")),
        }
    }

    /// Pixels of the picture, as far as headers tell.
    pub(super) fn pixels(&self, directory: &Directory<'_>) -> u64 {
        match self {
            Self::Raw(_) => 0,
            Self::Jpeg(bytes) => {
                jpeg::sides(bytes).map_or(0, |(width, height)| u64::from(width) * u64::from(height))
            }
            Self::Page => {
                let side = |tag| directory.or(tag, 0).unwrap_or(0);
                side(tags::WIDTH).saturating_mul(side(tags::HEIGHT))
            }
        }
    }
}

/// How many bytes of the file a directory names as its strips, its tiles or its JPEG. None where naming them spends
/// the budget.
pub(super) fn named_bytes(file: &File<'_>, directory: &Directory<'_>, budget: &mut Budget) -> u64 {
    let tags = [tags::STRIP_COUNTS, tags::TILE_COUNTS, tags::JPEG_BYTES];
    let counts = tags.map(|tag| directory.values(tag).ok().flatten());
    let Some(counts) = counts.into_iter().flatten().next() else {
        return 0;
    };
    match budget.name(counts.bytes().len() as u64) {
        Ok(()) => counts
            .numbers()
            .fold(0, u64::saturating_add)
            .min(file.bytes.len() as u64),
        Err(_) => 0,
    }
}

const JPEG: &[u8] = b"\xff\xd8";

/// Whether a JPEG is of the lossless kind, which cameras use for sensor data only.
fn is_lossless(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(2..).unwrap_or_default();
    while let [0xff, code, high, low, ..] = *rest {
        match code {
            0xc3 => return true,
            0xc0..=0xc2 | 0xda => return false,
            _ => {}
        }
        let length = 2 + usize::from(u16::from_be_bytes([high, low]));
        rest = rest.get(length..).unwrap_or_default();
    }
    false
}
