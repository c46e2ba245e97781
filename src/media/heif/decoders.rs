//! Which decoder a coded picture is given to.

use super::bytes::Four;
use super::plan::letters;
use crate::media::coded::{Coded, Decoded};
use crate::media::{Format, Limits, MediaError};

/// Begins to decode streams that are all coded alike.
pub(super) fn decode<'a>(
    format: Format,
    kind: Four,
    streams: Vec<Coded<'a>>,
    limits: &Limits,
) -> Result<Box<dyn Decoded + 'a>, MediaError> {
    match &kind {
        #[cfg(feature = "heic")]
        b"hvc1" | b"hev1" => {
            let streams = super::hevc::Streams::new(format, streams, limits.max_decoder_bytes);
            Ok(Box::new(streams))
        }
        #[cfg(all(feature = "avif", target_os = "linux"))]
        b"av01" => crate::media::isolated::decode(format, streams, limits),
        _ => {
            let _ = (streams, limits);
            Err(MediaError::variant(
                format,
                format_args!("coded as {}", letters(kind)),
            ))
        }
    }
}
