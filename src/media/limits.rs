//! How much an upload may cost before it is refused.

use serde::{Deserialize, Serialize};

use super::{Format, MediaError, error::Quantity};

/// What decoding one file may use. All limits are inclusive, and hold before memory is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of the file. 100 MiB unless told.
    pub max_file_bytes: u64,
    /// Pixels along either side. 16,384 unless told.
    pub max_side: u32,
    /// Pixels of one picture, or of the canvas of an animation. 100 million unless told.
    pub max_pixels: u64,
    /// Bytes of memory at one time: the decoder's, the pixels given back, and what lies between,
    /// without the file itself. 512 MiB unless told. Counted from the header, so it is an upper
    /// bound for well-formed files and the point of refusal for all others.
    pub max_decoder_bytes: u64,
    /// Pictures taken from one file (frames of an animation, pages, sizes of an icon). What lies
    /// beyond is left out, and [`FrameCount::left_out`](super::FrameCount) says so. 256 unless
    /// told; at least the first picture is always decoded.
    pub max_frames: u32,
    /// Pixels of all pictures of one file together: what bounds the time. Frames beyond are left
    /// out as with `max_frames`. 400 million unless told.
    pub max_total_pixels: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_file_bytes: 100 << 20,
            max_side: 16_384,
            max_pixels: 100_000_000,
            max_decoder_bytes: 512 << 20,
            max_frames: 256,
            max_total_pixels: 400_000_000,
        }
    }
}

impl Limits {
    /// Checks a header's dimensions and what decoding them will take, before any of it is taken.
    ///
    /// `bytes_per_pixel` counts everything alive at the peak.
    pub(super) fn admit(
        &self,
        format: Format,
        width: u32,
        height: u32,
        bytes_per_pixel: u64,
    ) -> Result<(), MediaError> {
        if width == 0 || height == 0 {
            return Err(MediaError::damaged(
                format,
                format!("its header says {width} x {height} pixels"),
            ));
        }
        let side = width.max(height);
        if side > self.max_side {
            return Err(MediaError::TooLarge {
                what: Quantity::Side,
                got: u64::from(side),
                limit: u64::from(self.max_side),
            });
        }
        let pixels = u64::from(width) * u64::from(height);
        if pixels > self.max_pixels {
            return Err(MediaError::TooLarge {
                what: Quantity::Pixels,
                got: pixels,
                limit: self.max_pixels,
            });
        }
        self.admit_bytes(pixels.saturating_mul(bytes_per_pixel))
    }

    /// Checks an amount of memory.
    pub(super) fn admit_bytes(&self, bytes: u64) -> Result<(), MediaError> {
        if bytes > self.max_decoder_bytes {
            return Err(MediaError::TooLarge {
                what: Quantity::DecoderBytes,
                got: bytes,
                limit: self.max_decoder_bytes,
            });
        }
        Ok(())
    }

    /// The limit on memory as decoders take it.
    pub(super) fn decoder_bytes(&self) -> usize {
        usize::try_from(self.max_decoder_bytes).unwrap_or(usize::MAX)
    }
}
