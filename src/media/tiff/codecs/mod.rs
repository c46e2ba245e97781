//! The bytes of a strip or tile, unpacked: never more of them than its place has, never fewer.

mod fax;
mod jpeg;
mod plain;
mod runs;

use std::borrow::Cow;

use super::fault::{ends_early, unsupported};
use super::packing::Compression;
use super::page::Page;
use crate::media::pack_bits::pack_bits;
use crate::media::{Limits, MediaError};

pub(super) use jpeg::whole as whole_jpeg;

use super::budget::Budget;

/// Unpacks `rows` rows of a part into `out`.
pub(super) fn unpack(
    page: &Page<'_>,
    data: &[u8],
    rows: u32,
    out: &mut Vec<u8>,
    limits: &Limits,
    budget: &mut Budget,
) -> Result<(), MediaError> {
    let size = usize::try_from(page.part_bytes(rows)).map_err(|_| ends_early())?;
    budget.decode(size as u64)?;
    out.clear();
    match page.compression {
        Compression::Fax(kind) => {
            return fax::decode(kind, data, page.reversed, page.parts.width, rows, out);
        }
        Compression::Jpeg => return jpeg::decode(page, data, rows, out, limits, budget),
        Compression::OldJpeg => return Err(unsupported("old-style JPEG in parts")),
        _ => {}
    }
    let data = if page.reversed {
        limits.admit_bytes(data.len() as u64)?;
        Cow::Owned(data.iter().map(|byte| byte.reverse_bits()).collect())
    } else {
        Cow::Borrowed(data)
    };
    match page.compression {
        Compression::None => out.extend(data.iter().take(size)),
        Compression::PackBits => pack_bits(&data, size, out),
        Compression::Lzw => plain::lzw(&data, size, out)?,
        Compression::Deflate => plain::deflate(&data, size, out)?,
        Compression::Zstd => plain::zstd(&data, size, out, limits)?,
        Compression::Fax(_) | Compression::Jpeg | Compression::OldJpeg => {}
    }
    if out.len() == size {
        Ok(())
    } else {
        Err(ends_early())
    }
}
