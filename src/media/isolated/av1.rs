//! AV1 by the crate `re_rav1d`, without its assembly. It has code that no compiler has checked for memory safety:
//! only a locked process calls this.

use re_rav1d::{Decoder, Error, Picture, PixelLayout, PlanarImageComponent as Part, Settings};
use std::borrow::Cow;

use super::colours::{Planes, Sampling, alpha, rgb};
use super::job::{Failure, Kind};
use crate::media::coded::{Coded, Colour, Wanted};

/// Pictures that one piece may give: layers, of which the last is shown.
const MOST_PICTURES: usize = 64;

/// The pictures of streams one after another: one for each of their pieces.
pub(super) struct Pictures<'a> {
    streams: std::vec::IntoIter<Coded<'a>>,
    open: Option<Open<'a>>,
}

/// A stream that is being decoded.
struct Open<'a> {
    decoder: Decoder,
    pieces: std::vec::IntoIter<Cow<'a, [u8]>>,
    width: u32,
    height: u32,
    wanted: Wanted,
}

/// A picture of so many pixels across and down, as its samples.
pub(super) struct Decoded {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) samples: Vec<u8>,
}

impl<'a> Pictures<'a> {
    pub(super) fn new(streams: Vec<Coded<'a>>) -> Self {
        Self {
            streams: streams.into_iter(),
            open: None,
        }
    }

    /// The next picture; `None` behind the last.
    pub(super) fn next(&mut self) -> Result<Option<Decoded>, Failure> {
        loop {
            let open = match &mut self.open {
                Some(open) => open,
                None => match self.streams.next() {
                    Some(stream) => self.open.insert(Open::new(stream)?),
                    None => return Ok(None),
                },
            };
            match open.next()? {
                Some(picture) => return Ok(Some(picture)),
                None => self.open = None,
            }
        }
    }
}

impl<'a> Open<'a> {
    fn new(stream: Coded<'a>) -> Result<Self, Failure> {
        let pixels = u64::from(stream.width) * u64::from(stream.height);
        let mut settings = Settings::new();
        settings.set_n_threads(1);
        settings.set_max_frame_delay(1);
        settings.set_all_layers(false);
        settings.set_frame_size_limit(u32::try_from(pixels).unwrap_or(u32::MAX).max(1));
        Ok(Self {
            decoder: Decoder::with_settings(&settings).map_err(|error| failed(&error))?,
            pieces: stream.pieces.into_iter(),
            width: stream.width,
            height: stream.height,
            wanted: stream.wanted,
        })
    }

    fn next(&mut self) -> Result<Option<Decoded>, Failure> {
        let Some(piece) = self.pieces.next() else {
            return Ok(None);
        };
        let picture = last_picture(&mut self.decoder, piece.into_owned())?;
        if (picture.width(), picture.height()) != (self.width, self.height) {
            return Err(Failure(
                Kind::Unsupported,
                "a stream of another size than its item".to_owned(),
            ));
        }
        Ok(Some(Decoded {
            width: self.width,
            height: self.height,
            samples: samples(&picture, self.wanted)?,
        }))
    }
}

/// The last of the pictures that a piece gives.
fn last_picture(decoder: &mut Decoder, piece: Vec<u8>) -> Result<Picture, Failure> {
    let mut last = None;
    let mut sent = decoder.send_data(piece, None, None, None);
    for _ in 0..MOST_PICTURES {
        match decoder.get_picture() {
            Ok(picture) => last = Some(picture),
            // All of it is read, and all of it has come out.
            Err(Error::Again) if sent.is_ok() => break,
            Err(Error::Again) => {}
            Err(error) => return Err(failed(&error)),
        }
        match sent {
            Ok(()) => {}
            Err(Error::Again) => sent = decoder.send_pending_data(),
            Err(error) => return Err(failed(&error)),
        }
    }
    last.ok_or_else(|| Failure(Kind::Damaged, "it holds no picture".to_owned()))
}

fn samples(picture: &Picture, wanted: Wanted) -> Result<Vec<u8>, Failure> {
    let said = Colour {
        primaries: picture.color_primaries() as u16,
        transfer: picture.transfer_characteristic() as u16,
        matrix: picture.matrix_coefficients() as u16,
        full_range: matches!(picture.color_range(), re_rav1d::pixel::YUVRange::Full),
    };
    let bits = picture.bits_per_component().map_or(8, |bits| bits.0);
    let sampling = match picture.pixel_layout() {
        PixelLayout::I400 => Sampling::None,
        PixelLayout::I420 => Sampling::Half,
        PixelLayout::I422 => Sampling::HalfAcross,
        PixelLayout::I444 => Sampling::Full,
    };
    let luma = picture.plane(Part::Y);
    let has_colours = sampling != Sampling::None && wanted != Wanted::Alpha;
    let colours = has_colours.then(|| (picture.plane(Part::U), picture.plane(Part::V)));
    let planes = Planes {
        width: picture.width() as usize,
        height: picture.height() as usize,
        bits,
        sampling,
        luma: (&luma, picture.stride(Part::Y) as usize),
        colours: colours
            .as_ref()
            .map(|(blue, red)| (&**blue, &**red, picture.stride(Part::U) as usize)),
    };
    let samples = match wanted {
        Wanted::Alpha => alpha(&planes, said.full_range),
        Wanted::Colours(colour) => {
            let colour = colour.unwrap_or(said);
            if colour.is_high_range() {
                return Err(Failure(Kind::Unsupported, "high dynamic range".to_owned()));
            }
            let rgb = rgb(&planes, colour).map_err(|matrix| {
                Failure(Kind::Unsupported, format!("colours by the matrix {matrix}"))
            })?;
            Some(rgb).filter(|rgb| !rgb.is_empty())
        }
    };
    samples.ok_or_else(|| Failure(Kind::Damaged, "its planes are too short".to_owned()))
}

fn failed(error: &Error) -> Failure {
    let kind = match error {
        Error::NotEnoughMemory => Kind::Memory,
        Error::UnsupportedBitstream => Kind::Unsupported,
        _ => Kind::Damaged,
    };
    Failure(kind, error.to_string())
}
