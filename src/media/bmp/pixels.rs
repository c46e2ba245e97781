//! A bitmap's samples as red, green, blue and alpha, rows from the top.

use super::header::{Coding, Header};
use super::rle;
use crate::media::masks::{Mask, sampled};

pub(super) struct Samples {
    pub(super) rgba: Vec<u8>,
    /// How many bytes of the file they take.
    pub(super) length: usize,
    /// Whether there is an alpha that means something.
    pub(super) seen_alpha: bool,
}

/// `None` where the data end before the pixels do.
pub(super) fn samples(header: &Header, data: &[u8]) -> Option<Samples> {
    let (width, height) = (header.width as usize, header.height as usize);
    let line = width * usize::from(header.bits);
    let (bytes, stride) = (line.div_ceil(8), line.div_ceil(32) * 4);
    if header.coding == Coding::Plain {
        // The filling behind the last row may be missing. No memory is taken before the pixels are there.
        data.get(..stride * height.checked_sub(1)? + bytes)?;
    }
    let mut rgba = vec![0; width * height * 4];
    if header.coding != Coding::Plain {
        let length = rle::unpack(header, data, &mut rgba)?;
        return Some(Samples {
            rgba,
            length,
            seen_alpha: false,
        });
    }
    let masks = header.masks.map(Mask::new);
    for stored in 0..height {
        let from = data.get(stored * stride..)?.get(..bytes)?;
        let to = header.row(&mut rgba, stored)?;
        match header.bits {
            ..=8 => numbers(header, from, to),
            16 => sampled::<2>(&masks, from, to),
            24 => sampled::<3>(&masks, from, to),
            _ => sampled::<4>(&masks, from, to),
        }
    }
    // Many programs leave 0 there, and mean nothing by it.
    let seen_alpha = header.masks[3] != 0 && rgba.chunks_exact(4).any(|pixel| pixel[3] != 0);
    if !seen_alpha {
        for pixel in rgba.chunks_exact_mut(4) {
            pixel[3] = 255;
        }
    }
    Some(Samples {
        rgba,
        length: stride * height,
        seen_alpha,
    })
}

/// Hides the pixels whose bit in an icon's mask is set.
pub(super) fn mask(header: &Header, mask: &[u8], rgba: &mut [u8]) {
    let stride = (header.width as usize).div_ceil(32) * 4;
    for (stored, bits) in mask.chunks(stride).take(header.height as usize).enumerate() {
        let Some(to) = header.row(rgba, stored) else {
            return;
        };
        for (pixels, bits) in to.chunks_mut(4 * 8).zip(bits) {
            for (at, pixel) in pixels.chunks_exact_mut(4).enumerate() {
                if bits << at & 0x80 != 0 {
                    pixel[3] = 0;
                }
            }
        }
    }
}

fn numbers(header: &Header, from: &[u8], to: &mut [u8]) {
    let bits = usize::from(header.bits);
    for (pixels, byte) in to.chunks_mut(4 * (8 / bits)).zip(from) {
        for (at, pixel) in pixels.chunks_exact_mut(4).enumerate() {
            let number = byte << (at * bits) >> (8 - bits);
            pixel.copy_from_slice(&header.colour(number));
        }
    }
}
