//! What is said of an item: its size, its colours, how it is turned, and how it was coded.

use super::bytes::{Bytes, Four};
use crate::media::coded::Colour;

/// One property, from the `ipco` box.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Property<'a> {
    /// `ispe`: width and height as coded.
    Size(u32, u32),
    /// `irot`: quarters counter-clockwise.
    Rotation(u8),
    /// `imir`: whether left and right are exchanged, and not top and bottom.
    Mirror {
        /// Left and right.
        horizontal: bool,
    },
    /// `clap`: the part that is shown.
    Aperture(Aperture),
    /// `colr` of the kind `nclx`.
    Colour(Colour),
    /// `colr` of the kinds `prof` and `rICC`: an ICC profile.
    Profile(&'a [u8]),
    /// `auxC`: what an auxiliary picture is, without the closing zero.
    Auxiliary(&'a [u8]),
    /// `hvcC` or `av1C`: how the stream is to be read.
    Configuration(Four, &'a [u8]),
    /// A property that describes, and changes nothing that is shown.
    Descriptive,
    /// One that is not known here.
    Unknown(Four),
    /// One that is known, and damaged.
    Damaged(Four),
}

/// Which part of a picture is shown, in fractions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Aperture {
    width: (u32, u32),
    height: (u32, u32),
    across: (i32, u32),
    down: (i32, u32),
}

impl<'a> Property<'a> {
    pub(super) fn read(kind: Four, body: Bytes<'a>) -> Self {
        Self::known(kind, body).unwrap_or(Self::Damaged(kind))
    }

    fn known(kind: Four, mut body: Bytes<'a>) -> Option<Self> {
        Some(match &kind {
            b"ispe" => {
                body.version()?;
                Self::Size(body.u32()?, body.u32()?)
            }
            b"irot" => Self::Rotation(body.u8()? & 3),
            b"imir" => Self::Mirror {
                horizontal: body.u8()? & 1 == 1,
            },
            b"clap" => Self::Aperture(Aperture {
                width: (body.u32()?, body.u32()?),
                height: (body.u32()?, body.u32()?),
                across: (body.i32()?, body.u32()?),
                down: (body.i32()?, body.u32()?),
            }),
            b"colr" => match &body.four()? {
                b"nclx" => Self::Colour(Colour {
                    primaries: body.u16()?,
                    transfer: body.u16()?,
                    matrix: body.u16()?,
                    full_range: body.u8()? & 0x80 != 0,
                }),
                b"prof" | b"rICC" => Self::Profile(body.0),
                _ => Self::Descriptive,
            },
            b"auxC" => {
                body.version()?;
                let end = body.0.iter().position(|&byte| byte == 0);
                Self::Auxiliary(body.0.get(..end.unwrap_or(body.0.len()))?)
            }
            b"hvcC" | b"av1C" => Self::Configuration(kind, body.0),
            b"pixi" | b"pasp" | b"clli" | b"mdcv" | b"cclv" | b"amve" | b"rloc" | b"udes"
            | b"altt" | b"crtt" | b"mdft" | b"lsel" | b"a1op" | b"a1lx" | b"oinf" | b"tols" => {
                Self::Descriptive
            }
            _ => Self::Unknown(kind),
        })
    }
}

impl Aperture {
    /// The first pixel and the number of them, across and down, of a picture of this size. `None` where
    /// the part is not inside it.
    ///
    /// Parts of pixels are rounded towards what is shown more of.
    pub(super) fn part_of(self, width: u32, height: u32) -> Option<[u32; 4]> {
        let (left, across) = along(width, self.width, self.across)?;
        let (top, down) = along(height, self.height, self.down)?;
        Some([left, top, across, down])
    }
}

/// The part of one axis: its middle lies `offset` from the middle of the whole.
fn along(whole: u32, size: (u32, u32), offset: (i32, u32)) -> Option<(u32, u32)> {
    if size.1 == 0 || offset.1 == 0 {
        return None;
    }
    let length = u32::try_from(u64::from(size.0).div_ceil(u64::from(size.1))).ok()?;
    if length == 0 || length > whole {
        return None;
    }
    // (whole - length) / 2 + offset, over one denominator.
    let denominator = 2 * i128::from(offset.1);
    let numerator = i128::from(whole - length) * i128::from(offset.1) + 2 * i128::from(offset.0);
    let first = u32::try_from(numerator.div_euclid(denominator)).ok()?;
    (first.checked_add(length)? <= whole).then_some((first, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aperture_lies_around_the_middle() {
        assert_eq!(along(1280, (300, 1), (0, 1)), Some((490, 300)));
        assert_eq!(along(10, (4, 1), (-2, 1)), Some((1, 4)));
        assert_eq!(along(9, (4, 1), (-1, 2)), Some((2, 4)));
        assert_eq!(along(10, (10, 1), (0, 1)), Some((0, 10)));
        for (size, offset) in [
            ((4, 0), (0, 1)),
            ((4, 1), (0, 0)),
            ((11, 1), (0, 1)),
            ((0, 1), (0, 1)),
            ((4, 1), (-4, 1)),
            ((4, 1), (4, 1)),
            ((4, 1), (i32::MIN, 1)),
            ((u32::MAX, 1), (i32::MAX, u32::MAX)),
        ] {
            assert_eq!(along(10, size, offset), None, "{size:?} {offset:?}");
        }
    }

    #[test]
    fn properties_are_read_or_said_to_be_damaged() {
        let read = |kind: &Four, body| Property::read(*kind, Bytes(body));
        assert_eq!(
            read(b"ispe", b"\0\0\0\0\0\0\0\x05\0\0\0\x06"),
            Property::Size(5, 6)
        );
        assert_eq!(read(b"ispe", b"\0\0\0\0"), Property::Damaged(*b"ispe"));
        assert_eq!(read(b"irot", b"\xff"), Property::Rotation(3));
        assert_eq!(read(b"imir", b"\0"), Property::Mirror { horizontal: false });
        assert_eq!(
            read(b"colr", b"nclx\0\x01\0\x0d\0\x06\x80"),
            Property::Colour(Colour {
                primaries: 1,
                transfer: 13,
                matrix: 6,
                full_range: true
            })
        );
        let profile = Property::Profile(b"whatever");
        assert_eq!(read(b"colr", b"profwhatever"), profile);
        assert_eq!(read(b"colr", b"whatelse"), Property::Descriptive);
        assert_eq!(
            read(b"auxC", b"\0\0\0\0urn:x\0\x01"),
            Property::Auxiliary(b"urn:x")
        );
        assert_eq!(read(b"what", b""), Property::Unknown(*b"what"));
    }
}
