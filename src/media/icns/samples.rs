//! Entries that are no files: samples, plain or packed, as red, green, blue and alpha.

use super::kinds::{ARGB, Coding};
use super::palette::{eight, four};

/// The masks that go with an entry's size.
pub(super) struct Masks<'a> {
    /// A byte a pixel.
    pub(super) bytes: Option<&'a [u8]>,
    /// An entry of one bit a pixel, its mask behind it.
    pub(super) bits: Option<&'a [u8]>,
}

/// `None` where the data end early.
pub(super) fn rgba(
    coding: Coding,
    data: &[u8],
    pixels: usize,
    masks: &Masks<'_>,
) -> Option<Vec<u8>> {
    let mut rgba = vec![255; pixels * 4];
    match coding {
        Coding::Bit => {
            let bits = data.get(..pixels / 8)?;
            for (at, pixel) in rgba.chunks_exact_mut(4).enumerate() {
                if is_set(bits, at) {
                    pixel[..3].fill(0);
                }
            }
            hide_by_bits(data, pixels, &mut rgba);
        }
        Coding::Four => {
            let numbers = data.get(..pixels / 2)?;
            let numbers = numbers.iter().flat_map(|&byte| [byte >> 4, byte & 15]);
            for (pixel, number) in rgba.chunks_exact_mut(4).zip(numbers) {
                pixel[..3].copy_from_slice(&four(number));
            }
            hide_by_bits(masks.bits.unwrap_or_default(), pixels, &mut rgba);
        }
        Coding::Eight => {
            let numbers = data.get(..pixels)?;
            for (pixel, &number) in rgba.chunks_exact_mut(4).zip(numbers) {
                pixel[..3].copy_from_slice(&eight(number));
            }
            hide_by_bits(masks.bits.unwrap_or_default(), pixels, &mut rgba);
        }
        Coding::Packed { before } => {
            let data = data.get(before..)?;
            if data.len() == pixels * 3 {
                // Not packed.
                for (pixel, colour) in rgba.chunks_exact_mut(4).zip(data.chunks_exact(3)) {
                    pixel[..3].copy_from_slice(colour);
                }
            } else {
                unpack(data, &[0, 1, 2], pixels, &mut rgba)?;
            }
            let alphas = masks.bytes.unwrap_or_default();
            for (pixel, &alpha) in rgba.chunks_exact_mut(4).zip(alphas) {
                pixel[3] = alpha;
            }
        }
        Coding::Argb => {
            let data = data.strip_prefix(ARGB)?;
            unpack(data, &[3, 0, 1, 2], pixels, &mut rgba)?;
        }
    }
    Some(rgba)
}

fn is_set(bits: &[u8], at: usize) -> bool {
    bits.get(at / 8)
        .is_some_and(|byte| byte << (at % 8) & 0x80 != 0)
}

/// Hides the pixels whose bit is not set in the mask behind an entry's own bits. A mask that is cut hides nothing.
fn hide_by_bits(entry: &[u8], pixels: usize, rgba: &mut [u8]) {
    let Some(mask) = entry.get(pixels / 8..pixels / 4) else {
        return;
    };
    for (at, pixel) in rgba.chunks_exact_mut(4).enumerate() {
        if !is_set(mask, at) {
            pixel[3] = 0;
        }
    }
}

/// Unpacks channel after channel: a byte above 127 repeats the next one, another is followed by so many.
fn unpack(mut data: &[u8], channels: &[usize], pixels: usize, rgba: &mut [u8]) -> Option<()> {
    for &channel in channels {
        let mut at = 0;
        while at < pixels {
            let (&count, rest) = data.split_first()?;
            let count = usize::from(count);
            let mut put = |value: u8| {
                // What a run has too much is dropped.
                if at < pixels
                    && let Some(sample) = rgba.get_mut(at * 4 + channel)
                {
                    *sample = value;
                }
                at += 1;
            };
            if count < 128 {
                let (values, behind) = rest.split_at_checked(count + 1)?;
                values.iter().for_each(|&value| put(value));
                data = behind;
            } else {
                let (&value, behind) = rest.split_first()?;
                (0..count - 125).for_each(|_| put(value));
                data = behind;
            }
        }
    }
    Some(())
}
