//! The sections of a Photoshop file (Adobe's file format specification, 2019): header, palette, resources, layers, and
//! behind them the merged picture.

use crate::media::{Format, MediaError};

const HEADER: usize = 26;
/// So many resources are looked at.
const MOST_RESOURCES: usize = 4096;

/// Resources that are asked for.
const THUMBNAIL: u16 = 1036;
const PROFILE: u16 = 1039;
const TRANSPARENT_NUMBER: u16 = 1047;
const VERSION: u16 = 1057;

/// What the channels of a file stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// One bit a pixel: 1 is black.
    Bitmap,
    /// Of two inks too: they are shown as greys by all who do not know the inks.
    Grey,
    Palette,
    Rgb,
    Cmyk,
    Lab,
}

pub(super) struct Sections<'a> {
    /// Whether it is of the kind for large pictures, PSB.
    pub(super) is_large: bool,
    pub(super) channels: usize,
    pub(super) width: u32,
    pub(super) height: u32,
    /// Bits of a sample.
    pub(super) depth: u16,
    mode: u16,
    pub(super) palette: &'a [u8],
    resources: &'a [u8],
    layers: &'a [u8],
    /// The merged picture, from its kind of packing on.
    pub(super) merged: &'a [u8],
}

impl<'a> Sections<'a> {
    /// Reads the header, and where the sections are. What the file ends before is empty.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let header = bytes.first_chunk::<HEADER>()?;
        let two = |at: usize| Some(u16::from_be_bytes(*header.get(at..)?.first_chunk()?));
        let four = |at: usize| Some(u32::from_be_bytes(*header.get(at..)?.first_chunk()?));
        let is_large = match two(4)? {
            1 => false,
            2 => true,
            _ => return None,
        };
        let mut rest = bytes.get(HEADER..)?;
        let palette = section(&mut rest, 4);
        let resources = section(&mut rest, 4);
        let layers = section(&mut rest, if is_large { 8 } else { 4 });
        Some(Self {
            is_large,
            channels: usize::from(two(12)?),
            height: four(14)?,
            width: four(18)?,
            depth: two(22)?,
            mode: two(24)?,
            palette,
            resources,
            layers,
            merged: rest,
        })
    }

    pub(super) fn mode(&self) -> Result<Mode, MediaError> {
        Ok(match self.mode {
            0 => Mode::Bitmap,
            1 | 8 => Mode::Grey,
            2 => Mode::Palette,
            3 => Mode::Rgb,
            4 => Mode::Cmyk,
            9 => Mode::Lab,
            7 => return Err(MediaError::variant(Format::Psd, "channels of any inks")),
            other => {
                return Err(MediaError::damaged(
                    Format::Psd,
                    format!("colours of kind {other}"),
                ));
            }
        })
    }

    /// The data of a resource.
    fn resource(&self, wanted: u16) -> Option<&'a [u8]> {
        let mut rest = self.resources;
        for _ in 0..MOST_RESOURCES {
            // A mark, a number, a name with its length, the data's length.
            let (&[_, _, _, _, high, low, name], _) = rest.split_first_chunk()?;
            let at = 6 + (usize::from(name) + 1).next_multiple_of(2);
            let length = u32::from_be_bytes(*rest.get(at..)?.first_chunk()?) as usize;
            let (data, behind) = rest.get(at + 4..)?.split_at_checked(length)?;
            if u16::from_be_bytes([high, low]) == wanted {
                return Some(data);
            }
            rest = behind.get(length % 2..)?;
        }
        None
    }

    /// Whether the file says that its merged picture is none: programs may leave it blank.
    pub(super) fn is_unmerged(&self) -> bool {
        self.resource(VERSION).and_then(|data| data.get(4)) == Some(&0)
    }

    /// The number of the colour that is transparent.
    pub(super) fn transparent_number(&self) -> Option<u16> {
        let data = self.resource(TRANSPARENT_NUMBER)?;
        data.first_chunk().map(|two| u16::from_be_bytes(*two))
    }

    /// The colour profile.
    pub(super) fn profile(&self) -> Option<&'a [u8]> {
        self.resource(PROFILE)
    }

    /// The small picture, a JPEG.
    pub(super) fn thumbnail(&self) -> Option<&'a [u8]> {
        /// Its kind, sides and sizes.
        const BEFORE: usize = 28;
        self.resource(THUMBNAIL)?.get(BEFORE..)
    }

    /// How many bytes the layers have.
    pub(super) fn layer_bytes(&self) -> u64 {
        let width = if self.is_large { 8 } else { 4 };
        let mut inner = self.layers;
        let has_layers = !section(&mut inner, width).is_empty();
        // Deep layers stand in a part of their own behind.
        let is_deep = || {
            let mut marks = inner.windows(8);
            marks.any(|mark| matches!(mark, b"8BIMLr16" | b"8BIMLr32"))
        };
        match has_layers || is_deep() {
            true => self.layers.len() as u64,
            false => 0,
        }
    }
}

/// Takes off a section whose length is a number of so many bytes. Of one that is longer than what is left, that.
fn section<'a>(rest: &mut &'a [u8], width: usize) -> &'a [u8] {
    let Some((length, behind)) = rest.split_at_checked(width) else {
        return std::mem::take(rest);
    };
    let length = length
        .iter()
        .fold(0_u64, |length, &byte| length << 8 | u64::from(byte));
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let (section, behind) = behind.split_at(length.min(behind.len()));
    *rest = behind;
    section
}
