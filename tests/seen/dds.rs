//! DirectDraw surfaces that are not compressed, and what Pillow and ImageMagick show of them: browsers do not
//! read them.

use crate::content::Content;
use crate::matrix::{Structure, hold};
use crate::shown::Shower;

/// Flags of the pixels' form, bits of a pixel, and the bits of red, green, blue and alpha.
fn dds(name: &str, content: &Content, (flags, bits, masks): (u32, u32, [u32; 4])) -> Structure {
    let mut out = b"DDS ".to_vec();
    let number = |out: &mut Vec<u8>, value: u32| out.extend(value.to_le_bytes());
    for value in [124, 0x100f, content.height as u32, content.width as u32] {
        number(&mut out, value);
    }
    out.resize(76, 0);
    for value in [32, flags, 0, bits].into_iter().chain(masks) {
        number(&mut out, value);
    }
    number(&mut out, 0x1000);
    out.resize(128, 0);
    for at in 0..content.width * content.height {
        let (x, y) = (at % content.width, at / content.width);
        let [red, green, blue] = content.at(x, y);
        let samples = [red, green, blue, (x + 60).min(255) as u8];
        let pixel = samples
            .into_iter()
            .zip(masks)
            .fold(0, |pixel, (sample, mask)| {
                pixel | (u32::from(sample) << mask.trailing_zeros().min(31) & mask)
            });
        out.extend(&pixel.to_le_bytes()[..bits as usize / 8]);
    }
    Structure::seen(format!("dds {name}"), "image/vnd-ms.dds", out)
}

#[test]
fn plain_surfaces_are_as_shown() {
    let content = Content::of(1);
    let colours = [0xff_0000, 0xff00, 0xff];
    let [red, green, blue] = colours;
    let alpha = 0xff00_0000;
    let all = [
        dds("24 bits", &content, (0x40, 24, [red, green, blue, 0])),
        dds("32 bits", &content, (0x41, 32, [red, green, blue, alpha])),
        dds(
            "32 bits the other way",
            &content,
            (0x41, 32, [blue, green, red, alpha]),
        ),
    ];
    hold(Shower::Pillow, &all);
    // Pillow sees alpha where there is none.
    let solid = dds(
        "32 bits without alpha",
        &content,
        (0x40, 32, [red, green, blue, 0]),
    );
    hold(Shower::ImageMagick, &[solid]);
}
