//! Packets of pixels: a run of one, or so many one after the other. They may go over the ends of rows.

/// Whether a packet is a run, and of how many pixels.
fn head(byte: u8) -> (bool, usize) {
    (byte & 0x80 != 0, usize::from(byte & 0x7f) + 1)
}

/// How many bytes the packets of so many pixels take; `None` where the data end before.
pub(super) fn length(data: &[u8], pixel: usize, mut left: usize) -> Option<usize> {
    let mut at = 0;
    while left > 0 {
        let (is_run, count) = head(*data.get(at)?);
        at += 1 + if is_run { pixel } else { count * pixel };
        left = left.saturating_sub(count);
    }
    (at <= data.len()).then_some(at)
}

/// Unpacks so many pixels. `None` where the data end before; what the last packet has too much is dropped.
pub(super) fn unpack(mut data: &[u8], pixel: usize, pixels: usize) -> Option<Vec<u8>> {
    // No memory is taken before the packets are there.
    length(data, pixel, pixels)?;
    let size = pixels * pixel;
    let mut out = Vec::with_capacity(size);
    while out.len() < size {
        let (&byte, rest) = data.split_first()?;
        let (is_run, count) = head(byte);
        let count = count.min((size - out.len()) / pixel);
        if is_run {
            let (one, rest) = rest.split_at_checked(pixel)?;
            for _ in 0..count {
                out.extend_from_slice(one);
            }
            data = rest;
        } else {
            let (all, rest) = rest.split_at_checked(count * pixel)?;
            out.extend_from_slice(all);
            data = rest;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_runs_and_rows() {
        let data = [0x82, 1, 2, 0x01, 3, 4, 5, 6, 9];
        assert_eq!(length(&data, 2, 5), Some(8));
        let unpacked = unpack(&data, 2, 5);
        assert_eq!(
            unpacked.as_deref(),
            Some(&[1, 2, 1, 2, 1, 2, 3, 4, 5, 6][..])
        );
        // What a packet has too much is dropped.
        assert_eq!(unpack(&data, 2, 2).as_deref(), Some(&[1, 2, 1, 2][..]));
        assert_eq!(unpack(&data, 2, 6), None);
        assert_eq!(unpack(&data[..7], 2, 5), None);
        assert_eq!(unpack(&[], 1, 1), None);
    }
}
