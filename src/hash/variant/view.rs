//! Which part of a query is taken for the original, and how the rest of that is guessed.

use std::fmt;

/// Four sides, each in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Sides {
    /// At the left.
    pub left: u16,
    /// At the top.
    pub top: u16,
    /// At the right.
    pub right: u16,
    /// At the bottom.
    pub bottom: u16,
}

impl Sides {
    /// Nothing at any side.
    pub const NONE: Self = Self {
        left: 0,
        top: 0,
        right: 0,
        bottom: 0,
    };
}

impl fmt::Display for Sides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}_{}_{}_{}",
            self.left, self.top, self.right, self.bottom
        )
    }
}

/// What lies around a picture that was turned by a few degrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Frame {
    /// The picture kept its size: its corners are gone, wedges filled the gaps.
    Kept,
    /// The picture grew until everything had room in it.
    Grown,
    /// The picture was cut until no wedge was left.
    Cut,
}

/// A side of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Edge {
    /// The left one.
    Left,
    /// The upper one.
    Top,
    /// The right one.
    Right,
    /// The lower one.
    Bottom,
}

/// How what is seen is taken for the original, or for a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum View {
    /// As it is.
    #[default]
    Whole,
    /// As what a crop left over: so many thousandths of the original's sides are missing, and
    /// guessed as a ramp from the edge towards the mean.
    Uncrop(Sides),
    /// As the original, with bands along the sides that are not looked at (a text over it): so many
    /// thousandths of the picture's sides, guessed in the same way.
    Cover(Sides),
    /// As the original turned by so many tenths of a degree, counter-clockwise.
    Straighten {
        /// The turn that is undone, in tenths of a degree.
        tenths: i16,
        /// What became of the corners.
        frame: Frame,
    },
    /// As the original seen from a side: this edge is shorter by so many thousandths at each end.
    Perspective {
        /// The shorter edge.
        edge: Edge,
        /// Thousandths of its length, at each end.
        thousandths: u16,
    },
}

impl View {
    /// Whether as much is taken to be missing at the left as at the right, and at the top as at the bottom.
    #[must_use]
    pub(crate) const fn is_even(self) -> bool {
        match self {
            Self::Uncrop(out) => out.left == out.right && out.top == out.bottom,
            _ => false,
        }
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("whole"),
            Self::Uncrop(sides) => write!(f, "uncrop_{sides}"),
            Self::Cover(sides) => write!(f, "cover_{sides}"),
            Self::Straighten { tenths, frame } => {
                let frame = match frame {
                    Frame::Kept => "",
                    Frame::Grown => "_grown",
                    Frame::Cut => "_cut",
                };
                let sign = if *tenths < 0 { "-" } else { "" };
                let size = tenths.unsigned_abs();
                write!(f, "straighten_{sign}{}.{}{frame}", size / 10, size % 10)
            }
            Self::Perspective { edge, thousandths } => {
                let edge = match edge {
                    Edge::Left => "left",
                    Edge::Top => "top",
                    Edge::Right => "right",
                    Edge::Bottom => "bottom",
                };
                write!(f, "perspective_{edge}_{thousandths}")
            }
        }
    }
}
