//! CIE L*a*b* as TIFF and Photoshop store it.

use super::pixels::srgb_encoded;

/// L*a*b* under D50 as sRGB; `signed` where a and b are, else their middle is added.
pub(super) fn light(codes: [u16; 3], signed: bool) -> [u8; 3] {
    // The upper byte counts whole steps. Signed ones have their middle at 0.
    let [luma, green_red, blue_yellow] = codes;
    let step = |code: u16| {
        let byte = (code >> 8) as u8;
        if signed {
            f32::from(byte as i8)
        } else {
            f32::from(byte) - 128.0
        }
    };
    let height = (f32::from(luma) / 655.35 + 16.0) / 116.0;
    let root = |value: f32| {
        if value > 6.0 / 29.0 {
            value.powi(3)
        } else {
            (value - 4.0 / 29.0) * (108.0 / 841.0)
        }
    };
    let x = 0.964_2 * root(height + step(green_red) / 500.0);
    let y = root(height);
    let z = 0.824_9 * root(height - step(blue_yellow) / 200.0);
    let linear = [
        3.133_856 * x - 1.616_867 * y - 0.490_615 * z,
        -0.978_769 * x + 1.916_142 * y + 0.033_454 * z,
        0.071_945 * x - 0.228_991 * y + 1.405_243 * z,
    ];
    linear.map(|light| (srgb_encoded(light) * 255.0 + 0.5) as u8)
}
