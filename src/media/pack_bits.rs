//! PackBits: Apple's packing of bytes, which TIFF and Photoshop took over.

/// Runs of one byte, and bytes as they are: TIFF 6.0, section 9. Stops where `out` is full; leaves fewer bytes
/// where the data end early.
pub(super) fn pack_bits(data: &[u8], size: usize, out: &mut Vec<u8>) {
    let mut rest = data;
    while let [count, behind @ ..] = rest
        && out.len() < size
    {
        let room = size - out.len();
        rest = match *count {
            0x80 => behind,
            count @ ..0x80 => {
                let (bytes, behind) = behind.split_at(behind.len().min(usize::from(count) + 1));
                out.extend(bytes.iter().take(room));
                behind
            }
            count => {
                let Some((&byte, behind)) = behind.split_first() else {
                    return;
                };
                out.extend(std::iter::repeat_n(
                    byte,
                    room.min(257 - usize::from(count)),
                ));
                behind
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_bytes_are_unpacked_up_to_the_size() {
        let packed = [
            0xfe, 0xaa, 0x02, 0x80, 0x00, 0x2a, 0x80, 0xfd, 0xaa, 0x00, 0x22, 0xf7, 0xbb,
        ];
        let whole = [
            &[0xaa; 3][..],
            &[0x80, 0x00, 0x2a],
            &[0xaa; 4],
            &[0x22],
            &[0xbb; 10],
        ]
        .concat();
        for size in 0..30 {
            let mut out = Vec::new();
            pack_bits(&packed, size, &mut out);
            assert_eq!(out, whole[..size.min(whole.len())], "{size}");
        }
        for cut in 0..packed.len() {
            let mut out = Vec::new();
            pack_bits(&packed[..cut], whole.len(), &mut out);
            assert!(whole.starts_with(&out), "{cut}");
        }
    }
}
