//! Packing that knows nothing of pixels. Each stops where the part is full: what stands behind is not
//! looked at. Each leaves fewer bytes where the data end early.

use std::io::Read;

use flate2::{Decompress, FlushDecompress, Status};
use ruzstd::decoding::StreamingDecoder;
use weezl::{BitOrder, LzwStatus, decode::Configuration};

use crate::media::tiff::fault::damaged;
use crate::media::{Limits, MediaError};

/// Codes from the upper bits down, as TIFF 6.0 has it; or from the lower bits up, as programs wrote
/// before it. Those files begin with the other half of the code that clears the table.
pub(super) fn lzw(data: &[u8], size: usize, out: &mut Vec<u8>) -> Result<(), MediaError> {
    let is_old = matches!(data, [0, second, ..] if second & 1 == 1);
    let configuration = if is_old {
        Configuration::new(BitOrder::Lsb, 8)
    } else {
        Configuration::with_tiff_size_switch(BitOrder::Msb, 8)
    };
    let mut decoder = configuration.with_yield_on_full_buffer(true).build();
    out.resize(size, 0);
    let (mut read, mut written) = (0, 0);
    while written < size {
        let (input, output) = (data.get(read..), out.get_mut(written..));
        let (Some(input), Some(output)) = (input, output) else {
            break;
        };
        let result = decoder.decode_bytes(input, output);
        read += result.consumed_in;
        written += result.consumed_out;
        match result.status {
            Ok(LzwStatus::Ok) if result.consumed_in > 0 || result.consumed_out > 0 => {}
            Ok(_) => break,
            Err(_) => return Err(damaged("its data hold a code that the LZW table has not")),
        }
    }
    out.truncate(written);
    Ok(())
}

pub(super) fn deflate(data: &[u8], size: usize, out: &mut Vec<u8>) -> Result<(), MediaError> {
    let mut inflater = Decompress::new(true);
    out.resize(size, 0);
    loop {
        let (read, written) = (inflater.total_in() as usize, inflater.total_out() as usize);
        let (input, output) = (data.get(read..), out.get_mut(written..));
        let (Some(input), Some(output)) = (input, output) else {
            break;
        };
        if output.is_empty() {
            break;
        }
        let status = inflater.decompress(input, output, FlushDecompress::None);
        let now = inflater.total_out() as usize;
        let stands = now == written && inflater.total_in() as usize == read;
        match status {
            Ok(Status::StreamEnd) => break,
            Ok(_) if stands => break,
            Ok(_) => {}
            // The last block's checksum may be wrong where every byte is there.
            Err(_) if now == size => break,
            Err(_) => return Err(damaged("its compressed data are broken")),
        }
    }
    out.truncate(inflater.total_out() as usize);
    Ok(())
}

pub(super) fn zstd(
    data: &[u8],
    size: usize,
    out: &mut Vec<u8>,
    limits: &Limits,
) -> Result<(), MediaError> {
    /// The window that every decoder has to have.
    const WINDOW: u64 = 8 << 20;
    // A frame of less than a window is its own window.
    let window = WINDOW.max(size as u64).min(limits.max_decoder_bytes);
    let broken = |_| damaged("its compressed data are broken");
    let decoder = StreamingDecoder::new_with_max_window_size(data, window)
        .map_err(|_| damaged("its compressed data are no zstd, or want a large window"))?;
    decoder
        .take(size as u64)
        .read_to_end(out)
        .map_err(broken)
        .map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_comes_out_beyond_the_size_and_nothing_is_made_up() {
        let plain: Vec<u8> = (0..5000_u32).map(|at| (at * at / 7) as u8).collect();
        let msb = weezl::encode::Encoder::with_tiff_size_switch(BitOrder::Msb, 8)
            .encode(&plain)
            .unwrap();
        let lsb = weezl::encode::Encoder::new(BitOrder::Lsb, 8)
            .encode(&plain)
            .unwrap();
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut zlib, &plain).unwrap();
        let zlib = zlib.finish().unwrap();
        let frame = ruzstd::encoding::compress_to_vec(
            plain.as_slice(),
            ruzstd::encoding::CompressionLevel::Fastest,
        );
        let limits = Limits::default();
        type Unpack<'a> = &'a dyn Fn(&[u8], usize, &mut Vec<u8>) -> Result<(), MediaError>;
        let cases: [(&str, &[u8], Unpack<'_>); 4] = [
            ("LZW", &msb, &lzw),
            ("old LZW", &lsb, &lzw),
            ("deflate", &zlib, &deflate),
            ("zstd", &frame, &|data, size, out| {
                zstd(data, size, out, &limits)
            }),
        ];
        for (name, packed, unpack) in cases {
            for size in [0, 1, 777, 4999, 5000] {
                let mut out = Vec::new();
                unpack(packed, size, &mut out).unwrap();
                assert_eq!(out, plain[..size], "{name} {size}");
            }
            let mut out = Vec::new();
            unpack(packed, 5001, &mut out).unwrap();
            assert_eq!(out, plain, "{name}: no more than there is");
            for cut in [0, 1, packed.len() / 2, packed.len() - 9] {
                let mut out = Vec::new();
                let fine = unpack(&packed[..cut], 5000, &mut out);
                assert!(fine.is_err() || out.len() < 5000, "{name} cut at {cut}");
            }
        }
    }
}
