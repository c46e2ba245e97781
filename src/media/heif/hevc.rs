//! HEVC streams by the crate `heic-decoder`, one coded picture at a time.
//!
//! That crate reads whole files, and of them the primary item. So each coded picture is given to it as a file of
//! one item, written here, which says nothing of turns and cuts: those are done once, elsewhere. Before it is
//! called, the size that the stream names is held against the size that the file names, which the limits have
//! admitted.

use heic_decoder::{ColorInfo, DecodeOptions, DecodedImage, HeifError, RgbOptions, decode_with};

use super::bytes::Four;
use super::sps;
use crate::media::coded::{Coded, Colour, Decoded, Wanted};
use crate::media::{Format, MediaError};

/// A stream's picture may be larger than what is shown of it by less than one coding block.
const MOST_PADDING: u32 = 64;

/// Streams of one picture each.
pub(super) struct Streams<'a> {
    format: Format,
    streams: std::vec::IntoIter<Coded<'a>>,
    limit: u64,
}

impl<'a> Streams<'a> {
    pub(super) fn new(format: Format, streams: Vec<Coded<'a>>, limit: u64) -> Self {
        Self {
            format,
            streams: streams.into_iter(),
            limit,
        }
    }

    fn decode(&self, coded: &Coded<'_>) -> Result<Vec<u8>, MediaError> {
        let damaged = |reason| MediaError::damaged(self.format, reason);
        let (width, height) = sps::largest(coded.configuration)
            .ok_or_else(|| damaged("its stream does not say how large it is"))?;
        if width > coded.width.saturating_add(MOST_PADDING)
            || height > coded.height.saturating_add(MOST_PADDING)
        {
            return Err(damaged("its stream is larger than it says"));
        }
        let [data] = coded.pieces.as_slice() else {
            return Err(damaged("it holds no picture"));
        };
        let file = file_of(coded, data).ok_or_else(|| damaged("its stream is too long"))?;
        let options = DecodeOptions {
            apply_transforms: false,
        };
        let failed = |error: HeifError| self.failed(&error);
        let image = decode_with(&file, &options).map_err(failed)?;
        drop(file);
        let size = (coded.width as usize, coded.height as usize);
        if (image.width, image.height) != size {
            return Err(MediaError::variant(
                self.format,
                "a stream of another size than its item",
            ));
        }
        match coded.wanted {
            Wanted::Alpha => Ok(alpha(&image)),
            Wanted::Colours(said) => {
                let of_stream = image.color_info.map(|info| info.transfer_characteristics);
                if said.is_none() && of_stream.is_some_and(is_high_range) {
                    return Err(MediaError::variant(self.format, "high dynamic range"));
                }
                let options = RgbOptions {
                    color: colour(said, &image),
                    ..RgbOptions::default()
                };
                let rgb = image.to_rgb8_with_options(&options).map_err(failed)?;
                Ok(rgb.data)
            }
        }
    }

    fn failed(&self, error: &HeifError) -> MediaError {
        match error {
            HeifError::Unsupported(what) => MediaError::variant(self.format, what),
            HeifError::LimitExceeded(_) => MediaError::out_of_memory(self.limit),
            other => MediaError::damaged(self.format, other.to_string()),
        }
    }
}

impl Decoded for Streams<'_> {
    fn next(&mut self) -> Result<Option<Vec<u8>>, MediaError> {
        let Some(coded) = self.streams.next() else {
            return Ok(None);
        };
        self.decode(&coded).map(Some)
    }
}

fn is_high_range(transfer: u16) -> bool {
    let colour = Colour {
        primaries: 0,
        transfer,
        matrix: 0,
        full_range: true,
    };
    colour.is_high_range()
}

/// How numbers become colours: as the file says, and where it leaves the matrix open as the stream says.
fn colour(said: Option<Colour>, image: &DecodedImage) -> Option<ColorInfo> {
    const OPEN: u16 = 2;
    let said = said?;
    let of_stream = image.color_info.map(|info| info.matrix_coefficients);
    Some(ColorInfo {
        color_primaries: said.primaries,
        transfer_characteristics: said.transfer,
        matrix_coefficients: match said.matrix {
            OPEN => of_stream.unwrap_or(OPEN),
            matrix => matrix,
        },
        full_range: said.full_range,
    })
}

/// The luma in eight bits.
fn alpha(image: &DecodedImage) -> Vec<u8> {
    let most = (1_i32 << image.bit_depth_luma.clamp(8, 16)) - 1;
    let eight = |&value: &i32| ((value.clamp(0, most) * 255 + most / 2) / most) as u8;
    image.y.iter().map(eight).collect()
}

/// A file of one coded picture.
fn file_of(coded: &Coded<'_>, data: &[u8]) -> Option<Vec<u8>> {
    let size = [coded.width.to_be_bytes(), coded.height.to_be_bytes()].concat();
    let properties = [
        boxed(b"hvcC", &[coded.configuration])?,
        boxed(b"ispe", &[&[0; 4], &size])?,
    ];
    let lists: [(&Four, &[u8]); 4] = [
        (b"hdlr", b"\0\0\0\0\0\0\0\0pict\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        (b"pitm", b"\0\0\0\0\0\x01"),
        (
            b"iinf",
            b"\0\0\0\0\0\x01\0\0\0\x15infe\x02\0\0\0\0\x01\0\0hvc1\0",
        ),
        // One item with both properties; a reader must know the first.
        (b"ipma", b"\0\0\0\0\0\0\0\x01\0\x01\x02\x81\x02"),
    ];
    let mut body = vec![0; 4];
    for (kind, list) in &lists[..3] {
        body.extend(boxed(kind, &[list])?);
    }
    let associations = boxed(lists[3].0, &[lists[3].1])?;
    let container = boxed(b"ipco", &[&properties.concat()])?;
    body.extend(boxed(b"iprp", &[&container, &associations])?);
    let front = boxed(b"ftyp", &[b"heic\0\0\0\0mif1heic"])?;
    // The last of the lists says where the data begin: behind itself, and behind the header of their box.
    const PLACE: usize = 8 + 4 + 2 + 2 + 6 + 8;
    let begin = front.len() + 8 + body.len() + PLACE + 8;
    let mut place = b"\0\0\0\0\x44\0\0\x01\0\x01\0\0\0\x01".to_vec();
    place.extend(u32::try_from(begin).ok()?.to_be_bytes());
    place.extend(u32::try_from(data.len()).ok()?.to_be_bytes());
    body.extend(boxed(b"iloc", &[&place])?);
    let mut file = front;
    file.extend(boxed(b"meta", &[&body])?);
    file.reserve_exact(data.len() + 8);
    file.extend(boxed_size(data.len())?);
    file.extend(b"mdat");
    file.extend_from_slice(data);
    Some(file)
}

fn boxed(kind: &Four, parts: &[&[u8]]) -> Option<Vec<u8>> {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut all = boxed_size(length)?.to_vec();
    all.extend(kind);
    for part in parts {
        all.extend_from_slice(part);
    }
    Some(all)
}

fn boxed_size(body: usize) -> Option<[u8; 4]> {
    let size = u32::try_from(body.checked_add(8)?).ok()?;
    Some(size.to_be_bytes())
}
