//! Parts that are JPEGs, whose tables may stand with the page.
//!
//! What their colours are, the page says: marks of other programs inside a part are passed over, as
//! other readers of TIFF do.

use crate::media::error::Quantity;
use crate::media::tiff::budget::Budget;
use crate::media::tiff::fault::{damaged, ends_early};
use crate::media::tiff::page::Page;
use crate::media::{Format, Limits, MediaError, Picture, jpeg};

/// A segment that says whether three components are luma and chroma (1) or not (0).
const fn transform(code: u8) -> [u8; 16] {
    [
        0xff, 0xee, 0, 14, b'A', b'd', b'o', b'b', b'e', 0, 100, 0, 0, 0, 0, code,
    ]
}

/// Unpacks `rows` rows of a part.
pub(super) fn decode(
    page: &Page<'_>,
    data: &[u8],
    rows: u32,
    out: &mut Vec<u8>,
    limits: &Limits,
    budget: &mut Budget,
) -> Result<(), MediaError> {
    let tables = &page.jpeg_tables;
    budget.name(tables.len() as u64)?;
    limits.admit_bytes((tables.len() + data.len()) as u64)?;
    let mut joined = vec![0xff, 0xd8];
    joined.extend(transform(u8::from(page.jpeg_luma)));
    let tables_have = segments(tables, &mut joined)?;
    let part_has = segments(data, &mut joined)?;
    let components = part_has.or(tables_have).ok_or_else(ends_early)?;
    let wanted = if page.separate { 1 } else { page.samples };
    if usize::from(components) != wanted {
        return Err(damaged(format!(
            "a part is a JPEG of {components} components in place of {wanted}"
        )));
    }
    let part = (page.parts.width, page.parts.height);
    let small = small(limits, part);
    let (width, height, samples) = if wanted == 4 {
        jpeg::four_components(&joined, &small).map_err(of_a_part)?
    } else {
        let picture = jpeg::open(&joined, &small)
            .and_then(|mut frames| frames.next())
            .map_err(of_a_part)?
            .ok_or_else(ends_early)?;
        (picture.width, picture.height, picture.rgb)
    };
    if width > part.0.saturating_add(15) || height > part.1.saturating_add(15) {
        return Err(too_large());
    }
    if width < part.0.min(page.width) || height < rows {
        return Err(damaged("a part of a page is smaller than its place"));
    }
    // Grey comes three times.
    let stored = if wanted == 4 { 4 } else { 3 };
    let row_bytes = usize::try_from(page.row_bytes(part.0)).map_err(|_| ends_early())?;
    for row in samples
        .chunks_exact(width as usize * stored)
        .take(rows as usize)
    {
        let end = out.len() + row_bytes;
        if wanted == 1 {
            out.extend(row.iter().step_by(3).take(row_bytes));
        } else {
            out.extend(row.iter().take(row_bytes));
        }
        out.resize(end, 0);
    }
    Ok(())
}

/// What a part may take: else a small page could hold a large picture in each of many parts.
fn small(limits: &Limits, part: (u32, u32)) -> Limits {
    let (width, height) = (part.0.saturating_add(15), part.1.saturating_add(15));
    let mut small = limits.clone();
    small.max_side = small.max_side.min(width.max(height));
    small.max_pixels = small.max_pixels.min(u64::from(width) * u64::from(height));
    small
}

fn too_large() -> MediaError {
    damaged("a part of a page is larger than its place")
}

/// What an error of a part is of the file.
fn of_a_part(error: MediaError) -> MediaError {
    match error {
        MediaError::TooLarge {
            what: Quantity::Side | Quantity::Pixels,
            ..
        } => too_large(),
        MediaError::Undecodable { reason, .. } => {
            damaged(format!("a part that is a JPEG: {reason}"))
        }
        other => other,
    }
}

/// Appends the segments of a JPEG, without its start, its end, and what programs note in it; behind the
/// first scan's header all as it is. Gives the number of components where a frame is among them.
fn segments(jpeg: &[u8], out: &mut Vec<u8>) -> Result<Option<u8>, MediaError> {
    let mut rest = jpeg;
    let mut components = None;
    loop {
        // To the next marker; bytes that fill up before it are passed over.
        let Some(mark) = rest
            .windows(2)
            .position(|two| matches!(two, [0xff, code] if !matches!(code, 0 | 0xff)))
        else {
            return Ok(components);
        };
        let (Some(&code), Some(behind)) = (rest.get(mark + 1), rest.get(mark + 2..)) else {
            return Ok(components);
        };
        rest = behind;
        match code {
            0xd8 | 0x01 | 0xd0..=0xd7 => continue,
            0xd9 => return Ok(components),
            _ => {}
        }
        let length = rest
            .first_chunk::<2>()
            .map(|two| usize::from(u16::from_be_bytes(*two)))
            .ok_or_else(ends_early)?;
        let (segment, behind) = rest.split_at_checked(length).ok_or_else(ends_early)?;
        if let (0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf, Some(&count)) =
            (code, segment.get(7))
        {
            components = Some(count);
        }
        if !matches!(code, 0xe0..=0xef | 0xfe) {
            out.extend([0xff, code]);
            out.extend(segment);
        }
        rest = behind;
        if code == 0xda {
            out.extend(rest);
            return Ok(components);
        }
    }
}

/// The picture of bytes that are a whole JPEG of their own.
pub(in crate::media::tiff) fn whole(bytes: &[u8], limits: &Limits) -> Result<Picture, MediaError> {
    let picture = jpeg::open(bytes, limits)
        .and_then(|mut frames| frames.next())
        .map_err(|error| match error {
            MediaError::Undecodable { reason, .. } => {
                damaged(format!("a page that is a JPEG: {reason}"))
            }
            other => other,
        })?
        .ok_or_else(ends_early)?;
    Ok(Picture {
        format: Format::Tiff,
        ..picture
    })
}
