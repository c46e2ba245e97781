//! What the marks of entries stand for.
//!
//! Apple never published the format. The kinds are those that its programs write, as the libraries libicns and icnsutil
//! list them.

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A PNG or a JPEG, whatever its mark.
    File,
    /// A JPEG 2000 picture: not decoded here.
    Jpeg2000,
    /// Samples of this many pixels across and down.
    Samples(u32, u32, Coding),
    /// The alpha of an entry of 24 bits.
    Mask(u32, u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// One bit a pixel; behind it a mask of one bit a pixel, where there is one.
    Bit,
    /// Numbers of Apple's 16 and 256 colours. The mask is that of the entry of one bit.
    Four,
    Eight,
    /// Reds, greens and blues, packed; so many bytes stand before them.
    Packed {
        before: usize,
    },
    /// Alphas, reds, greens and blues, packed, behind a mark.
    Argb,
}

/// The mark of packed samples with alpha.
pub(super) const ARGB: &[u8] = b"ARGB";

/// What an entry of this mark is; `None` of what is no picture, such as a table of contents.
pub(super) fn kind(mark: [u8; 4], data: &[u8]) -> Option<Kind> {
    if data.starts_with(b"\x89PNG\r\n\x1a\n") || data.starts_with(b"\xff\xd8\xff") {
        return Some(Kind::File);
    }
    if data.starts_with(b"\0\0\0\x0cjP  \r\n\x87\n") || data.starts_with(b"\xff\x4f\xff\x51") {
        return Some(Kind::Jpeg2000);
    }
    let packed = Coding::Packed { before: 0 };
    let square = |side, coding| Some(Kind::Samples(side, side, coding));
    let mask = |side| Some(Kind::Mask(side, side));
    match &mark {
        b"icm#" => Some(Kind::Samples(16, 12, Coding::Bit)),
        b"icm4" => Some(Kind::Samples(16, 12, Coding::Four)),
        b"icm8" => Some(Kind::Samples(16, 12, Coding::Eight)),
        b"ics#" => square(16, Coding::Bit),
        b"ics4" => square(16, Coding::Four),
        b"ics8" => square(16, Coding::Eight),
        b"is32" => square(16, packed),
        b"s8mk" => mask(16),
        b"ICON" | b"ICN#" => square(32, Coding::Bit),
        b"icl4" => square(32, Coding::Four),
        b"icl8" => square(32, Coding::Eight),
        b"il32" => square(32, packed),
        b"l8mk" => mask(32),
        b"ich#" => square(48, Coding::Bit),
        b"ich4" => square(48, Coding::Four),
        b"ich8" => square(48, Coding::Eight),
        b"ih32" => square(48, packed),
        b"h8mk" => mask(48),
        b"it32" => square(128, Coding::Packed { before: 4 }),
        b"t8mk" => mask(128),
        b"ic04" | b"icp4" if data.starts_with(ARGB) => square(16, Coding::Argb),
        b"icsb" if data.starts_with(ARGB) => square(18, Coding::Argb),
        b"sb24" if data.starts_with(ARGB) => square(24, Coding::Argb),
        b"ic05" | b"icp5" if data.starts_with(ARGB) => square(32, Coding::Argb),
        b"icsB" if data.starts_with(ARGB) => square(36, Coding::Argb),
        b"SB24" if data.starts_with(ARGB) => square(48, Coding::Argb),
        b"ic04" | b"icp4" => square(16, packed),
        b"ic05" | b"icp5" => square(32, packed),
        b"icp6" => square(64, packed),
        // Those of whole files, with something else in them.
        b"ic07" | b"ic08" | b"ic09" | b"ic10" | b"ic11" | b"ic12" | b"ic13" | b"ic14" | b"icsb"
        | b"icsB" | b"sb24" | b"SB24" => Some(Kind::File),
        _ => None,
    }
}
