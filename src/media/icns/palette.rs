//! Apple's palettes: the colours of old icons.

/// The sixteen colours of entries of four bits.
const FOUR: [[u8; 3]; 16] = [
    [0xff, 0xff, 0xff],
    [0xfc, 0xf3, 0x05],
    [0xff, 0x64, 0x02],
    [0xdd, 0x08, 0x06],
    [0xf2, 0x08, 0x84],
    [0x46, 0x00, 0xa5],
    [0x00, 0x00, 0xd4],
    [0x02, 0xab, 0xea],
    [0x1f, 0xb7, 0x14],
    [0x00, 0x64, 0x11],
    [0x56, 0x2c, 0x05],
    [0x90, 0x71, 0x3a],
    [0xc0, 0xc0, 0xc0],
    [0x80, 0x80, 0x80],
    [0x40, 0x40, 0x40],
    [0x00, 0x00, 0x00],
];

pub(super) fn four(number: u8) -> [u8; 3] {
    FOUR.get(usize::from(number)).copied().unwrap_or_default()
}

/// A cube of six steps a colour, from white down; then ten more steps of each colour alone, and of grey; then black.
pub(super) fn eight(number: u8) -> [u8; 3] {
    const CUBE: u8 = 215;
    const STEPS: [u8; 10] = [0xee, 0xdd, 0xbb, 0xaa, 0x88, 0x77, 0x55, 0x44, 0x22, 0x11];
    if number < CUBE {
        return [number / 36, number / 6 % 6, number % 6].map(|step| 255 - 51 * step);
    }
    let at = usize::from(number - CUBE);
    let step = STEPS.get(at % 10).copied().unwrap_or(0);
    match at / 10 {
        0 => [step, 0, 0],
        1 => [0, step, 0],
        2 => [0, 0, step],
        3 => [step; 3],
        _ => [0; 3],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_palette_has_each_colour_once() {
        let all: std::collections::HashSet<_> = (0..=255).map(eight).collect();
        assert_eq!(all.len(), 256);
        assert_eq!((eight(0), eight(255)), ([255; 3], [0; 3]));
        assert_eq!(eight(1), [255, 255, 204]);
        assert_eq!(eight(214), [0, 0, 51]);
        assert_eq!((eight(215), eight(254)), ([0xee, 0, 0], [0x11; 3]));
    }
}
