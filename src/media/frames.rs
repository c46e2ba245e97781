//! The pictures of a file one after another, and the walls around their decoder.

use crate::guard::catch_unwind;
use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;

use super::{Format, Limits, MediaError, Picture};

/// The pictures of an opened file, the default one first.
pub(super) trait Frames {
    /// The next picture; `None` behind the last.
    fn next(&mut self) -> Result<Option<Picture>, MediaError>;

    /// The default picture of a file of which nothing is taken yet. Where that one cannot be read, no
    /// other stands for it.
    fn first(&mut self) -> Result<Option<Picture>, MediaError> {
        self.next()
    }
}

/// How many pictures [`decode_frames`](super::decode_frames) visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FrameCount {
    /// Pictures given to the visitor.
    pub visited: u32,
    /// Whether the file holds pictures that were not given: beyond
    /// [`Limits::max_frames`] or [`Limits::max_total_pixels`], or because the visitor broke off
    /// (then also where it happened to do so at the last one).
    pub left_out: bool,
}

/// A file of one picture, decoded on opening.
pub(super) struct Still(Option<Picture>);

impl Still {
    pub(super) fn boxed<'a>(picture: Picture) -> Box<dyn Frames + 'a> {
        Box::new(Self(Some(picture)))
    }
}

impl Frames for Still {
    fn next(&mut self) -> Result<Option<Picture>, MediaError> {
        Ok(self.0.take())
    }
}

/// Runs a decoder; a panic in it is an outcome of this one file.
///
/// Whatever the decoder was working on is dropped by the caller, so that no broken state is seen.
pub(super) fn guarded<T>(
    format: Format,
    decode: impl FnOnce() -> Result<T, MediaError>,
) -> Result<T, MediaError> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|payload| {
        let message = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message");
        Err(MediaError::damaged(
            format,
            format!("the decoder failed on it: {message}"),
        ))
    })
}

/// Gives every picture to the visitor, within limits on their number.
pub(super) fn visit_all(
    format: Format,
    mut frames: Box<dyn Frames + '_>,
    limits: &Limits,
    visit: &mut dyn FnMut(Picture) -> ControlFlow<()>,
) -> Result<FrameCount, MediaError> {
    let mut count = FrameCount {
        visited: 0,
        left_out: false,
    };
    let mut pixels = 0_u64;
    while let Some(picture) = guarded(format, || frames.next())? {
        pixels += u64::from(picture.width) * u64::from(picture.height);
        if count.visited > 0
            && (count.visited >= limits.max_frames || pixels > limits.max_total_pixels)
        {
            count.left_out = true;
            break;
        }
        count.visited += 1;
        if visit(picture).is_break() {
            count.left_out = true;
            break;
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Orientation;

    /// So many pictures of 2 x 1 pixels, then an error.
    struct Fake(u32, u32);

    impl Frames for Fake {
        fn next(&mut self) -> Result<Option<Picture>, MediaError> {
            if self.0 == self.1 {
                return Err(MediaError::damaged(Format::Gif, "broken"));
            }
            self.0 += 1;
            Ok(Some(Picture {
                format: Format::Gif,
                width: 2,
                height: 1,
                rgb: vec![0; 6],
                over_black: None,
                alpha_ignored: None,
                orientation: Orientation::Normal,
                frame: self.0 - 1,
            }))
        }
    }

    fn visited(limits: &Limits, broken_after: u32) -> (Vec<u32>, Result<FrameCount, MediaError>) {
        let mut seen = Vec::new();
        let result = visit_all(
            Format::Gif,
            Box::new(Fake(0, broken_after)),
            limits,
            &mut |picture| {
                seen.push(picture.frame);
                ControlFlow::Continue(())
            },
        );
        (seen, result)
    }

    #[test]
    fn an_error_comes_after_the_earlier_frames() {
        let (seen, result) = visited(&Limits::default(), 3);
        assert_eq!(seen, [0, 1, 2]);
        assert!(matches!(result, Err(MediaError::Undecodable { .. })));
    }

    #[test]
    fn frames_beyond_a_limit_are_left_out_and_said_so() {
        let few = Limits {
            max_frames: 2,
            ..Limits::default()
        };
        let small = Limits {
            max_total_pixels: 7,
            ..Limits::default()
        };
        for (limits, expected) in [(few, 2), (small, 3)] {
            let (seen, result) = visited(&limits, 9);
            assert_eq!(seen.len(), expected);
            assert!(result.is_ok_and(|count| count.left_out), "{limits:?}");
        }
    }

    #[test]
    fn a_panic_of_a_decoder_is_an_error_of_the_file() {
        let result = guarded::<()>(Format::Bmp, || panic!("at byte {}", 7));
        let Err(MediaError::Undecodable { format, reason }) = result else {
            panic!("not caught as damage");
        };
        assert_eq!(format, Some(Format::Bmp));
        assert!(reason.contains("at byte 7"), "{reason}");
    }
}
