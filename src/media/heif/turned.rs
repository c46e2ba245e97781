//! How a coded picture is cut, turned and mirrored for display, each once and in the order of the file.

use super::properties::{Aperture, Property};
use crate::media::Orientation;

/// A part of the coded picture, and how that part is turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turned {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) width: u32,
    pub(super) height: u32,
    flip_x: bool,
    flip_y: bool,
    swap: bool,
}

impl Turned {
    /// The whole picture as it was coded.
    pub(super) fn whole(width: u32, height: u32) -> Self {
        Self {
            left: 0,
            top: 0,
            width,
            height,
            flip_x: false,
            flip_y: false,
            swap: false,
        }
    }

    pub(super) fn orientation(self) -> Orientation {
        let parts = (self.flip_x, self.flip_y, self.swap);
        Orientation::ALL
            .into_iter()
            .find(|orientation| orientation.parts() == parts)
            .unwrap_or_default()
    }

    /// Does what a property says to what is shown so far. `None` where it cannot be done.
    pub(super) fn then(self, property: &Property<'_>) -> Option<Self> {
        Some(match *property {
            Property::Rotation(quarters) => (0..quarters).fold(self, |turned, _| turned.quarter()),
            Property::Mirror { horizontal } => self.mirrored(horizontal),
            Property::Aperture(aperture) => self.cut(aperture)?,
            _ => self,
        })
    }

    /// A quarter counter-clockwise: what was the right-hand side is the top.
    fn quarter(self) -> Self {
        let turned = self.mirrored(true);
        Self {
            swap: !turned.swap,
            ..turned
        }
    }

    /// Left and right of what is shown exchanged, or top and bottom.
    fn mirrored(mut self, horizontal: bool) -> Self {
        // What is shown across lies down in the coded picture where the two are swapped.
        let flip = if horizontal != self.swap {
            &mut self.flip_x
        } else {
            &mut self.flip_y
        };
        *flip = !*flip;
        self
    }

    fn cut(self, aperture: Aperture) -> Option<Self> {
        let (mut left, mut top, width, height);
        if self.swap {
            [top, left, height, width] = aperture.part_of(self.height, self.width)?;
        } else {
            [left, top, width, height] = aperture.part_of(self.width, self.height)?;
        }
        if self.flip_x {
            left = self.width - left - width;
        }
        if self.flip_y {
            top = self.height - top - height;
        }
        left += self.left;
        top += self.top;
        Some(Self {
            left,
            top,
            width,
            height,
            ..self
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::bytes::Bytes;
    use super::*;
    use crate::media::{Format, Picture};

    /// 4 x 3 pixels named by row, cut, turned and shown.
    fn shown(properties: &[Property<'_>]) -> String {
        let turned = properties
            .iter()
            .try_fold(Turned::whole(4, 3), |turned, one| turned.then(one))
            .unwrap();
        let rows = ["abcd", "efgh", "ijkl"];
        let part = rows
            .iter()
            .skip(turned.top as usize)
            .take(turned.height as usize)
            .flat_map(|row| {
                let letters = row.bytes().skip(turned.left as usize);
                letters.take(turned.width as usize)
            });
        let picture = Picture {
            format: Format::Png,
            width: turned.width,
            height: turned.height,
            rgb: part.flat_map(|letter| [letter; 3]).collect(),
            over_black: None,
            alpha_ignored: None,
            orientation: turned.orientation(),
            frame: 0,
        };
        let (width, rgb) = match picture.displayed() {
            Some((width, _, rgb)) => (width, rgb),
            None => (picture.width, picture.rgb),
        };
        let letters: Vec<char> = rgb.chunks(3).map(|pixel| char::from(pixel[0])).collect();
        let rows = letters.chunks(width as usize);
        rows.map(String::from_iter).collect::<Vec<_>>().join(" ")
    }

    fn aperture(width: u32, height: u32, across: i32, down: i32) -> Property<'static> {
        let mut body = Vec::new();
        for (value, over) in [
            (width as i32, 1),
            (height as i32, 1),
            (across, 2),
            (down, 2),
        ] {
            body.extend(value.to_be_bytes());
            body.extend(i32::to_be_bytes(over));
        }
        Property::read(*b"clap", Bytes(&body)).to_owned_aperture()
    }

    impl Property<'_> {
        fn to_owned_aperture(self) -> Property<'static> {
            match self {
                Property::Aperture(aperture) => Property::Aperture(aperture),
                _ => panic!("no aperture"),
            }
        }
    }

    #[test]
    fn turns_and_mirrors_follow_the_file_order() {
        const LEFT_RIGHT: Property<'_> = Property::Mirror { horizontal: true };
        const TOP_BOTTOM: Property<'_> = Property::Mirror { horizontal: false };
        const QUARTER: Property<'_> = Property::Rotation(1);
        assert_eq!(shown(&[]), "abcd efgh ijkl");
        assert_eq!(shown(&[QUARTER]), "dhl cgk bfj aei");
        assert_eq!(shown(&[Property::Rotation(2)]), "lkji hgfe dcba");
        assert_eq!(shown(&[Property::Rotation(3)]), "iea jfb kgc lhd");
        assert_eq!(shown(&[LEFT_RIGHT]), "dcba hgfe lkji");
        assert_eq!(shown(&[TOP_BOTTOM]), "ijkl efgh abcd");
        assert_eq!(shown(&[QUARTER, LEFT_RIGHT]), "lhd kgc jfb iea");
        assert_eq!(shown(&[LEFT_RIGHT, QUARTER]), "aei bfj cgk dhl");
        assert_eq!(shown(&[QUARTER, QUARTER, QUARTER, QUARTER]), shown(&[]));
    }

    #[test]
    fn a_cut_is_made_in_what_is_shown_then() {
        const QUARTER: Property<'_> = Property::Rotation(1);
        let first_two = aperture(2, 3, -2, 0);
        assert_eq!(shown(&[first_two]), "ab ef ij");
        assert_eq!(shown(&[first_two, QUARTER]), "bfj aei");
        let upper = aperture(3, 2, 0, -2);
        assert_eq!(shown(&[QUARTER, upper]), "dhl cgk");
        assert_eq!(
            shown(&[Property::Mirror { horizontal: true }, first_two]),
            "dc hg lk"
        );
        assert_eq!(shown(&[first_two, QUARTER, aperture(1, 2, -2, 0)]), "b a");
        assert!(Turned::whole(4, 3).then(&aperture(5, 3, 0, 0)).is_none());
    }
}
