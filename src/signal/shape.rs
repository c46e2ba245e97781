//! The one contract between a pixel buffer and the size that is claimed for it.

/// Why a buffer is not a picture of the size given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// The buffer has not exactly `width * height * channels` bytes.
    #[error(
        "a picture of {width}x{height} pixels with {channels} bytes each needs {expected} bytes, \
         got {got}; pass whole rows without padding between them"
    )]
    Length {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Bytes of a pixel: 3 for RGB, 1 for grey.
        channels: usize,
        /// Bytes that such a picture has; `usize::MAX` where no buffer could hold it.
        expected: usize,
        /// Bytes that were given.
        got: usize,
    },
    /// The picture has no pixels, and this hash needs at least one.
    #[error(
        "a picture of {width}x{height} pixels has nothing to hash; both sides must be at least 1"
    )]
    Empty {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
}

/// Checks that `got` bytes are exactly a picture of `width * height` pixels.
pub(super) fn check(
    width: usize,
    height: usize,
    channels: usize,
    got: usize,
) -> Result<(), ShapeError> {
    let expected = width
        .checked_mul(height)
        .and_then(|pixels| pixels.checked_mul(channels));
    if expected == Some(got) {
        return Ok(());
    }
    Err(ShapeError::Length {
        width,
        height,
        channels,
        expected: expected.unwrap_or(usize::MAX),
        got,
    })
}

/// As [`check`], and refuses a picture without pixels.
pub(super) fn check_not_empty(
    width: usize,
    height: usize,
    channels: usize,
    got: usize,
) -> Result<(), ShapeError> {
    check(width, height, channels, got)?;
    if got == 0 {
        return Err(ShapeError::Empty { width, height });
    }
    Ok(())
}
