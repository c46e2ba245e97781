//! The pictures of a HEIF file one after another, each decoded when its turn comes.

use std::borrow::Cow;
use std::collections::VecDeque;

use super::canvas::{Canvas, bytes_of_a_pixel};
use super::decoders::decode;
use super::meta::Meta;
use super::plan::{Layer, Plan, Planner, data, shown};
use super::properties::Property;
use super::sequence::{Sequence, Track};
use super::turned::Turned;
use crate::media::coded::{Coded, Colour, Decoded, Wanted};
use crate::media::error::Quantity;
use crate::media::frames::Frames;
use crate::media::{Format, Limits, MediaError, Orientation, Picture};

/// Bytes of memory that a decoder takes for each pixel of a coded picture. Measured at 12 megapixels of HEVC: 10, and 17
/// where the colours are as fine as the luma. Of AV1 they are another process's, and count all the same.
const BYTES_TO_DECODE: u64 = 20;
/// The longest side of a small form: what is larger is no thumbnail.
const MOST_SIDE_OF_SMALL: u32 = 1024;

pub(super) struct Pictures<'a> {
    format: Format,
    file: &'a [u8],
    meta: Meta<'a>,
    limits: Limits,
    waiting: VecDeque<Waiting<'a>>,
    /// Bytes of items that may still be decoded: one may be named again and again.
    bytes_left: u64,
    given: u32,
}

/// What is shown when its turn comes.
enum Waiting<'a> {
    Item { id: u32, is_small: bool },
    Sequence(Box<Sequence<'a>>),
    Running(Box<Running<'a>>),
}

/// A sequence that is being decoded.
struct Running<'a> {
    colours: Box<dyn Decoded + 'a>,
    alpha: Option<Box<dyn Decoded + 'a>>,
    layer: Layer,
    alpha_layer: Option<Layer>,
    /// Said behind the last picture, where not all could be read.
    unread: Option<&'static str>,
}

impl<'a> Pictures<'a> {
    /// Checks what the first picture will take, and (for that answer alone) what the others will.
    pub(super) fn new(
        format: Format,
        file: &'a [u8],
        meta: Meta<'a>,
        sequence: Option<Sequence<'a>>,
        limits: &Limits,
    ) -> Result<Self, MediaError> {
        let items = shown(&meta);
        let of_items = |small: bool| {
            let wanted = items.iter().filter(move |(_, is_small)| *is_small == small);
            wanted.map(|&(id, is_small)| Waiting::Item { id, is_small })
        };
        let mut waiting: VecDeque<_> = of_items(false).collect();
        let mut sizes = Vec::new();
        let planner = Planner::new(format, file, &meta);
        for &(id, is_small) in &items {
            match planner.plan(id) {
                Ok(plan) => sizes.push(size_of(&plan)),
                // Its own turn will tell; the first one's turn is now.
                Err(error) if sizes.is_empty() && !is_small => return Err(error),
                Err(_) => {}
            }
        }
        if let Some(sequence) = sequence {
            sizes.push(size_of_track(&sequence.colours, sequence.alpha.is_some()));
            waiting.push_back(Waiting::Sequence(Box::new(sequence)));
        }
        waiting.extend(of_items(true));
        let Some(first) = sizes.first() else {
            return Err(MediaError::damaged(format, "it holds no picture"));
        };
        // Where the first is too much, what is asked for is what the largest needs.
        if let Err(error) = first.admit(format, limits) {
            let largest = sizes.iter().map(Size::bytes).max().unwrap_or_default();
            return Err(match error {
                MediaError::TooLarge {
                    what: what @ Quantity::DecoderBytes,
                    got,
                    limit,
                } => MediaError::TooLarge {
                    what,
                    got: got.max(largest),
                    limit,
                },
                other => other,
            });
        }
        Ok(Self {
            format,
            file,
            meta,
            limits: limits.clone(),
            waiting,
            bytes_left: 2 * file.len() as u64 + (1 << 20),
            given: 0,
        })
    }

    fn planner(&self) -> Planner<'a, '_> {
        Planner::new(self.format, self.file, &self.meta)
    }

    fn item(&mut self, id: u32, is_small: bool) -> Result<Picture, MediaError> {
        let plan = self.planner().plan(id)?;
        let size = size_of(&plan);
        if is_small && size.width.max(size.height) > MOST_SIDE_OF_SMALL {
            return Err(MediaError::variant(
                self.format,
                "a small form that is large",
            ));
        }
        size.admit(self.format, &self.limits)?;
        if plan.colour.is_some_and(Colour::is_high_range) {
            return Err(MediaError::variant(self.format, "high dynamic range"));
        }
        let wanted = Wanted::Colours(plan.colour);
        let colours = self.layer(&plan.colours, wanted)?;
        let alpha = match &plan.alpha {
            Some(alpha) => Some(self.layer(alpha, Wanted::Alpha)?),
            None => None,
        };
        self.picture(colours, alpha, plan.multiplied, plan.turned)
    }

    fn layer(&mut self, layer: &Layer, wanted: Wanted) -> Result<Canvas, MediaError> {
        let mut streams = Vec::with_capacity(layer.items.len());
        for &id in &layer.items {
            let length = self.meta.length_of(id);
            self.bytes_left = self.bytes_left.checked_sub(length).ok_or_else(|| {
                MediaError::damaged(self.format, "its items name the same bytes again and again")
            })?;
            streams.push(Coded {
                configuration: configuration(&self.meta, id),
                pieces: vec![data(self.format, &self.meta, self.file, id)?],
                width: layer.tile.0,
                height: layer.tile.1,
                wanted,
            });
        }
        let mut canvas = Canvas::new(layer.width, layer.height, wanted.bytes());
        let mut decoded = decode(self.format, layer.kind, streams, &self.limits)?;
        for number in 0..layer.items.len() {
            let tile = decoded.next()?.ok_or_else(|| self.short())?;
            canvas
                .lay(layer, number, &tile)
                .ok_or_else(|| self.short())?;
        }
        Ok(canvas)
    }

    fn picture(
        &mut self,
        colours: Canvas,
        alpha: Option<Canvas>,
        multiplied: bool,
        turned: Turned,
    ) -> Result<Picture, MediaError> {
        let seen = colours
            .composed(alpha, multiplied, turned)
            .ok_or_else(|| self.short())?;
        let mut picture = Picture {
            orientation: turned.orientation(),
            frame: self.given,
            ..Picture::of(self.format, turned.width, turned.height, seen)
        };
        self.given += 1;
        // Turns are a part of the picture here, not a wish: no program shows or hashes it without them.
        if let Some((width, height, rgb)) = picture.displayed() {
            picture.over_black = picture.displayed_over_black().map(|(_, _, black)| black);
            let ignored = picture.alpha_ignored.take();
            let ignored = ignored.and_then(|stored| picture.turned(&stored));
            picture.alpha_ignored = ignored.map(|(_, _, colours)| colours);
            (picture.width, picture.height, picture.rgb) = (width, height, rgb);
            picture.orientation = Orientation::Normal;
        }
        Ok(picture)
    }

    fn short(&self) -> MediaError {
        MediaError::damaged(self.format, "the data end early")
    }

    fn run(&self, sequence: Sequence<'a>) -> Result<Running<'a>, MediaError> {
        let Sequence { colours, alpha } = sequence;
        size_of_track(&colours, alpha.is_some()).admit(self.format, &self.limits)?;
        // The decoder of HEVC knows single pictures only.
        let is_av1 = &colours.kind == b"av01";
        let unread = (!is_av1 && colours.samples.len() > 1)
            .then_some("a sequence of pictures, of which the first was read");
        let begin = |mut track: Track<'a>, wanted| {
            if !is_av1 {
                track.samples.truncate(1);
            }
            let layer = layer_of(&track);
            let stream = Coded {
                configuration: track.configuration,
                pieces: track.samples.into_iter().map(Cow::Borrowed).collect(),
                width: track.width,
                height: track.height,
                wanted,
            };
            let decoded = decode(self.format, track.kind, vec![stream], &self.limits)?;
            Ok::<_, MediaError>((decoded, layer))
        };
        let has_more = colours.has_more;
        let (colours, layer) = begin(colours, Wanted::Colours(None))?;
        let alpha = alpha.map(|track| begin(track, Wanted::Alpha)).transpose()?;
        let (alpha, alpha_layer) = alpha.unzip();
        Ok(Running {
            colours,
            alpha,
            layer,
            alpha_layer,
            unread: unread.or(has_more.then_some("a sequence of more pictures than are read")),
        })
    }

    /// The next picture of a sequence.
    fn step(&mut self, running: &mut Running<'a>) -> Result<Option<Picture>, MediaError> {
        let Some(samples) = running.colours.next()? else {
            return match running.unread {
                Some(what) => Err(MediaError::variant(self.format, what)),
                None => Ok(None),
            };
        };
        let laid = |layer: &Layer, each, samples: &[u8]| {
            let mut canvas = Canvas::new(layer.width, layer.height, each);
            canvas.lay(layer, 0, samples).map(|()| canvas)
        };
        let colours = laid(&running.layer, 3, &samples).ok_or_else(|| self.short())?;
        drop(samples);
        let alpha = match (&mut running.alpha, &running.alpha_layer) {
            (Some(alpha), Some(layer)) => {
                let samples = alpha.next()?.ok_or_else(|| self.short())?;
                Some(laid(layer, 1, &samples).ok_or_else(|| self.short())?)
            }
            _ => None,
        };
        let turned = Turned::whole(running.layer.width, running.layer.height);
        self.picture(colours, alpha, false, turned).map(Some)
    }
}

impl Frames for Pictures<'_> {
    fn next(&mut self) -> Result<Option<Picture>, MediaError> {
        while let Some(next) = self.waiting.pop_front() {
            match next {
                Waiting::Item { id, is_small } => match self.item(id, is_small) {
                    Ok(picture) => return Ok(Some(picture)),
                    Err(_) if is_small && self.given > 0 => {}
                    Err(error) => return Err(error),
                },
                Waiting::Sequence(sequence) => {
                    let running = self.run(*sequence)?;
                    self.waiting.push_front(Waiting::Running(Box::new(running)));
                }
                Waiting::Running(mut running) => {
                    if let Some(picture) = self.step(&mut running)? {
                        self.waiting.push_front(Waiting::Running(running));
                        return Ok(Some(picture));
                    }
                }
            }
        }
        Ok(None)
    }
}

fn configuration<'a>(meta: &Meta<'a>, id: u32) -> &'a [u8] {
    let mut properties = meta.properties_of(id);
    let found = properties.find_map(|(property, _)| match property {
        Property::Configuration(_, body) => Some(*body),
        _ => None,
    });
    found.unwrap_or_default()
}

fn layer_of(track: &Track<'_>) -> Layer {
    Layer {
        width: track.width,
        height: track.height,
        columns: 1,
        tile: (track.width, track.height),
        items: Vec::new(),
        kind: track.kind,
    }
}

/// What a picture takes.
struct Size {
    width: u32,
    height: u32,
    tile: (u32, u32),
    has_alpha: bool,
}

fn size_of(plan: &Plan) -> Size {
    let Layer {
        width,
        height,
        tile,
        ..
    } = plan.colours;
    // An alpha plane is of the same size; where it is not, the larger one counts.
    let alpha = plan.alpha.as_ref();
    let larger = |own, other: Option<u32>| other.unwrap_or(own).max(own);
    Size {
        width: larger(width, alpha.map(|alpha| alpha.width)),
        height: larger(height, alpha.map(|alpha| alpha.height)),
        tile: (
            larger(tile.0, alpha.map(|alpha| alpha.tile.0)),
            larger(tile.1, alpha.map(|alpha| alpha.tile.1)),
        ),
        has_alpha: alpha.is_some(),
    }
}

fn size_of_track(track: &Track<'_>, has_alpha: bool) -> Size {
    Size {
        width: track.width,
        height: track.height,
        tile: (track.width, track.height),
        has_alpha,
    }
}

impl Size {
    fn bytes(&self) -> u64 {
        let area = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
        let whole =
            area((self.width, self.height)).saturating_mul(bytes_of_a_pixel(self.has_alpha));
        whole.saturating_add(area(self.tile).saturating_mul(BYTES_TO_DECODE))
    }

    fn admit(&self, format: Format, limits: &Limits) -> Result<(), MediaError> {
        limits.admit(format, self.width, self.height, 0)?;
        limits.admit(format, self.tile.0, self.tile.1, 0)?;
        limits.admit_bytes(self.bytes())
    }
}
