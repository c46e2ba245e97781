//! Coded pictures on their way from a container to a decoder, and what comes back.

use std::borrow::Cow;

use super::MediaError;

/// A stream of one picture, or of several where it has several pieces.
pub(super) struct Coded<'a> {
    /// What a decoder must know before: the body of `hvcC` or `av1C`.
    #[cfg_attr(
        not(feature = "heic"),
        expect(dead_code, reason = "streams of AV1 bring it along")
    )]
    pub(super) configuration: &'a [u8],
    /// Each piece is one picture.
    pub(super) pieces: Vec<Cow<'a, [u8]>>,
    /// The size that the container says.
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) wanted: Wanted,
}

/// What of a stream is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Three bytes a pixel, as a screen shows them. What the container says of colours goes before what the
    /// stream says.
    Colours(Option<Colour>),
    /// The luma as one byte a pixel, 255 being opaque.
    Alpha,
}

/// How numbers become colours (ITU-T H.273).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colour {
    pub(super) primaries: u16,
    pub(super) transfer: u16,
    pub(super) matrix: u16,
    pub(super) full_range: bool,
}

impl Wanted {
    /// Bytes of a pixel.
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::Colours(_) => 3,
            Self::Alpha => 1,
        }
    }
}

impl Colour {
    /// Whether the numbers mean light of a screen brighter than those that pictures are made for.
    pub(super) const fn is_high_range(self) -> bool {
        const PERCEPTUAL_QUANTIZER: u16 = 16;
        const HYBRID_LOG_GAMMA: u16 = 18;
        matches!(self.transfer, PERCEPTUAL_QUANTIZER | HYBRID_LOG_GAMMA)
    }
}

/// The pictures of some streams in order. Each is of the size and form that was asked for: whoever gives them
/// has checked that.
pub(super) trait Decoded {
    /// The samples of the next picture; `None` behind the last.
    fn next(&mut self) -> Result<Option<Vec<u8>>, MediaError>;
}
