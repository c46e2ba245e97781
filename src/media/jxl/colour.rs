//! What the numbers of a decoded JPEG XL picture mean, and how they become sRGB.

use jxl::api::{JxlColorEncoding, JxlColorProfile, JxlTransferFunction};

use crate::media::pixels::Depth;
use crate::media::{Format, MediaError};

/// Exponents of what is linear light but for rounding.
const LINEAR: std::ops::RangeInclusive<f32> = 0.95..=1.05;

/// The form in which samples are asked for, so that they end as a screen shows them.
pub(super) fn depth(profile: &JxlColorProfile) -> Result<Depth, MediaError> {
    use JxlTransferFunction as Curve;
    if profile.is_cmyk() {
        return Err(MediaError::variant(Format::JpegXl, "CMYK"));
    }
    if matches!(
        profile,
        JxlColorProfile::Simple(JxlColorEncoding::XYB { .. })
    ) {
        return Err(MediaError::variant(Format::JpegXl, "stored as XYB"));
    }
    match profile.transfer_function() {
        None | Some(Curve::SRGB | Curve::BT709 | Curve::DCI) => Ok(Depth::Eight),
        Some(Curve::Linear) => Ok(Depth::FloatLinear),
        Some(Curve::Gamma(gamma)) if LINEAR.contains(gamma) => Ok(Depth::FloatLinear),
        // As it is stored, and by its profile also as it is shown.
        Some(Curve::Gamma(_)) => Ok(Depth::Eight),
        Some(Curve::PQ | Curve::HLG) => {
            Err(MediaError::variant(Format::JpegXl, "high dynamic range"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(curve: JxlTransferFunction) -> Result<Depth, MediaError> {
        let JxlColorEncoding::RgbColorSpace {
            white_point,
            primaries,
            rendering_intent,
            ..
        } = JxlColorEncoding::srgb(false)
        else {
            panic!("sRGB is of three colours");
        };
        depth(&JxlColorProfile::Simple(JxlColorEncoding::RgbColorSpace {
            white_point,
            primaries,
            transfer_function: curve,
            rendering_intent,
        }))
    }

    #[test]
    fn linear_light_is_brought_to_the_curve_and_hdr_refused_by_name() {
        use JxlTransferFunction as Curve;
        for curve in [
            Curve::SRGB,
            Curve::BT709,
            Curve::Gamma(0.454_55),
            Curve::Gamma(0.1),
        ] {
            assert_eq!(with(curve), Ok(Depth::Eight));
        }
        for curve in [Curve::Linear, Curve::Gamma(1.0)] {
            assert_eq!(with(curve), Ok(Depth::FloatLinear));
        }
        for curve in [Curve::PQ, Curve::HLG] {
            assert!(matches!(with(curve), Err(MediaError::Unsupported { .. })));
        }
    }
}
