//! Decoding streams in this very process, which is locked.

#[cfg(feature = "avif")]
use super::{av1::Pictures, conversation::of_failure, job::Failure};
use crate::media::coded::{Coded, Decoded};
use crate::media::{Format, Limits, MediaError};

/// Decodes streams in this process, which is locked.
#[cfg(feature = "avif")]
pub(super) fn here<'a>(
    format: Format,
    streams: Vec<Coded<'a>>,
    limits: &Limits,
) -> Result<Box<dyn Decoded + 'a>, MediaError> {
    struct Here<'a>(Pictures<'a>, Format, u64);
    impl Decoded for Here<'_> {
        fn next(&mut self) -> Result<Option<Vec<u8>>, MediaError> {
            let Self(pictures, format, limit) = self;
            let next = pictures
                .next()
                .map_err(|Failure(kind, words)| of_failure(Some(*format), *limit, kind, &words))?;
            Ok(next.map(|picture| picture.samples))
        }
    }
    let pictures = Pictures::new(streams);
    Ok(Box::new(Here(pictures, format, limits.max_decoder_bytes)))
}

#[cfg(not(feature = "avif"))]
pub(super) fn here<'a>(
    format: Format,
    _: Vec<Coded<'a>>,
    _: &Limits,
) -> Result<Box<dyn Decoded + 'a>, MediaError> {
    Err(MediaError::variant(
        format,
        "coded in no way that is built in",
    ))
}
