//! A WebP's chunks (RFC 9649, clause 2), one after the other.

use crate::media::{Format, MediaError};

/// A picture as stored, whatever holds it.
pub(super) struct Part<'a> {
    pub(super) is_lossless: bool,
    /// The compressed picture.
    pub(super) picture: &'a [u8],
    /// The compressed alpha of a lossy one.
    pub(super) alpha: Option<&'a [u8]>,
}

pub(super) enum Found<'a> {
    /// Width and height of the canvas of an animation.
    Canvas(u32, u32),
    Exif(&'a [u8]),
    Still(Part<'a>),
    Frame {
        part: Part<'a>,
        x: u32,
        y: u32,
        /// Whether what lies below shines through.
        over: bool,
        /// Whether it is taken off again before the next.
        clear: bool,
    },
}

pub(super) struct Walk<'a> {
    rest: &'a [u8],
    /// The alpha of the picture that follows.
    alpha: Option<&'a [u8]>,
    /// Whether the container says that there is none: browsers do not look at it then.
    denies_alpha: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        // Behind `RIFF`, the size and `WEBP`; the size only bounds what lies behind the picture.
        Self {
            rest: bytes.get(12..).unwrap_or_default(),
            alpha: None,
            denies_alpha: false,
        }
    }

    pub(super) fn next(&mut self) -> Result<Option<Found<'a>>, MediaError> {
        while let Some((kind, body, after)) = chunk(self.rest)? {
            self.rest = after;
            let found = match kind {
                b"ALPH" => {
                    self.alpha = Some(body).filter(|_| !self.denies_alpha);
                    continue;
                }
                b"VP8 " | b"VP8L" => Found::Still(Part::new(kind, body, self.alpha.take())),
                b"ANMF" => frame(body)?,
                b"EXIF" => Found::Exif(body),
                b"VP8X" => match body.split_at_checked(4) {
                    Some(([flags, ..], [w0, w1, w2, h0, h1, h2, ..])) => {
                        self.denies_alpha = flags & 0x10 == 0;
                        Found::Canvas(three(*w0, *w1, *w2) + 1, three(*h0, *h1, *h2) + 1)
                    }
                    _ => return Err(damaged("its header is short")),
                },
                _ => continue,
            };
            return Ok(Some(found));
        }
        Ok(None)
    }
}

impl<'a> Part<'a> {
    fn new(kind: &[u8; 4], picture: &'a [u8], alpha: Option<&'a [u8]>) -> Self {
        let is_lossless = kind == b"VP8L";
        Self {
            is_lossless,
            picture,
            // A lossless picture has its own.
            alpha: alpha.filter(|_| !is_lossless),
        }
    }

    /// Width and height as the compressed picture says.
    pub(super) fn size(&self) -> Result<(u32, u32), MediaError> {
        match (self.is_lossless, self.picture) {
            (false, [_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1, ..]) => Ok((
                u32::from(u16::from_le_bytes([*w0, *w1]) & 0x3fff),
                u32::from(u16::from_le_bytes([*h0, *h1]) & 0x3fff),
            )),
            (true, [0x2f, b0, b1, b2, b3, ..]) => {
                let bits = u32::from_le_bytes([*b0, *b1, *b2, *b3]);
                Ok(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
            }
            _ => Err(damaged("a picture's header is not one")),
        }
    }
}

/// A frame of an animation: its place, and the first picture in it.
fn frame(body: &[u8]) -> Result<Found<'_>, MediaError> {
    let [
        x0,
        x1,
        x2,
        y0,
        y1,
        y2,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        flags,
        inner @ ..,
    ] = body
    else {
        return Err(damaged("a frame is short"));
    };
    let mut rest = inner;
    let mut alpha = None;
    while let Some((kind, body, after)) = chunk(rest)? {
        rest = after;
        match kind {
            b"ALPH" => alpha = Some(body),
            b"VP8 " | b"VP8L" => {
                return Ok(Found::Frame {
                    part: Part::new(kind, body, alpha),
                    // Places are even.
                    x: three(*x0, *x1, *x2) * 2,
                    y: three(*y0, *y1, *y2) * 2,
                    over: flags & 2 == 0,
                    clear: flags & 1 != 0,
                });
            }
            _ => {}
        }
    }
    Err(damaged("a frame holds no picture"))
}

/// A chunk's kind, its body and what follows; `None` at the end.
type Chunk<'a> = (&'a [u8; 4], &'a [u8], &'a [u8]);

fn chunk(bytes: &[u8]) -> Result<Option<Chunk<'_>>, MediaError> {
    let Some((kind, rest)) = bytes.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let Some((size, rest)) = rest.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let size = u32::from_le_bytes(*size) as usize;
    let Some((body, after)) = rest.split_at_checked(size) else {
        return match kind {
            b"VP8 " | b"VP8L" | b"ALPH" | b"ANMF" => Err(damaged("the data end early")),
            _ => Ok(None),
        };
    };
    Ok(Some((
        kind,
        body,
        after.get(size & 1..).unwrap_or_default(),
    )))
}

fn three(low: u8, middle: u8, high: u8) -> u32 {
    u32::from_le_bytes([low, middle, high, 0])
}

pub(super) fn damaged(reason: &str) -> MediaError {
    MediaError::damaged(Format::WebP, reason)
}
