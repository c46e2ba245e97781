//! Which variants there are: the ladders of crops, turns and the rest, for each effort.
//!
//! The steps of a ladder are as far apart as PDQ forgives: what lies between two of them is within
//! reach of one.

use crate::hash::{Edge, Frame};
use crate::rules::values;
use crate::signal::variants::patch::Rectangle;

/// What is missing or left out at the ends of a side, in thousandths.
pub(super) type Ends = [u16; 2];

/// A list of the table as pairs.
const fn pairs(flat: &'static [u16]) -> &'static [Ends] {
    flat.as_chunks::<2>().0
}

/// What of the original's sides may be missing: along x and along y.
pub(super) fn uncrops(thorough: bool) -> Vec<(Ends, Ends)> {
    const NOTHING: Ends = [0, 0];
    let mut all = Vec::new();
    if thorough {
        let mut ends = vec![NOTHING];
        ends.extend(
            values::PLAN_THOROUGH_UNCROP_EVEN
                .iter()
                .map(|&cut| [cut, cut]),
        );
        for &cut in values::PLAN_THOROUGH_UNCROP_ONE_SIDE {
            ends.extend([[cut, 0], [0, cut]]);
        }
        for x in &ends {
            all.extend(ends.iter().map(|y| (*x, *y)));
        }
        all.retain(|&both| both != (NOTHING, NOTHING));
        return all;
    }
    for &cut in values::PLAN_UNCROP_EVEN {
        all.push(([cut, cut], [cut, cut]));
    }
    // The last two are what makes a square of 4:3 and of 3:2.
    for &cut in values::PLAN_UNCROP_ONE_WAY {
        all.extend([([cut, cut], NOTHING), (NOTHING, [cut, cut])]);
    }
    for &cut in values::PLAN_UNCROP_ONE_SIDE {
        for ends in [[cut, 0], [0, cut]] {
            all.extend([(ends, NOTHING), (NOTHING, ends)]);
        }
    }
    for &cut in values::PLAN_UNCROP_CORNER {
        for x in [[cut, 0], [0, cut]] {
            all.extend([[cut, 0], [0, cut]].map(|y| (x, y)));
        }
    }
    // Cut unevenly.
    let uneven = pairs(values::PLAN_UNCROP_UNEVEN);
    for &x in uneven {
        all.extend(
            uneven
                .iter()
                .map(|&y| (x, y))
                .filter(|(x, y)| x[0] != 60 || y[0] != 60),
        );
    }
    all
}

/// Bands along the upper and lower edge that are not looked at, in thousandths of the height.
pub(super) fn covers(thorough: bool) -> &'static [Ends] {
    pairs(match thorough {
        true => values::PLAN_THOROUGH_COVERS,
        false => values::PLAN_COVERS,
    })
}

/// Turns, in tenths of a degree, and what became of the corners.
pub(super) fn turns(thorough: bool) -> Vec<(i16, Frame)> {
    let (kept, cut, grown): (&[i16], &[i16], &[i16]) = if thorough {
        (
            values::PLAN_THOROUGH_TURNS_KEPT,
            values::PLAN_THOROUGH_TURNS_CUT,
            values::PLAN_THOROUGH_TURNS_GROWN,
        )
    } else {
        (
            values::PLAN_TURNS_KEPT,
            values::PLAN_TURNS_CUT,
            values::PLAN_TURNS_GROWN,
        )
    };
    let mut all = Vec::new();
    for (turns, frame) in [
        (kept, Frame::Kept),
        (cut, Frame::Cut),
        (grown, Frame::Grown),
    ] {
        for &tenths in turns {
            all.extend([(tenths, frame), (-tenths, frame)]);
        }
    }
    all
}

/// Which edge is farther away, and by how many thousandths shorter at each end.
pub(super) fn perspectives(thorough: bool) -> Vec<(Edge, u16)> {
    let shares: &[u16] = match thorough {
        true => values::PLAN_THOROUGH_PERSPECTIVES,
        false => values::PLAN_PERSPECTIVES,
    };
    let edges = [Edge::Left, Edge::Top, Edge::Right, Edge::Bottom];
    let of = |&share: &u16| edges.map(|edge| (edge, share));
    shares.iter().flat_map(of).collect()
}

/// Rectangles of a picture of this size that are worth a look though no edge shows them: of a usual
/// shape in the middle (bars of the picture's own colour, or its blurred self, to either side),
/// within margins of one width, below or above a caption.
pub(super) fn crops(size: [f32; 2], thorough: bool) -> Vec<Rectangle> {
    let mut all = Vec::new();
    let shape = size[0] / size[1].max(1.0);
    for &[width, height] in pairs(values::PLAN_SHAPES) {
        let wanted = f32::from(width) / f32::from(height);
        let (across, down) = if wanted < shape {
            (wanted / shape, 1.0)
        } else {
            (1.0, shape / wanted)
        };
        let share = across.min(down);
        if (0.25..0.98).contains(&share) {
            all.push(Rectangle {
                x: [(1.0 - across) / 2.0, (1.0 + across) / 2.0],
                y: [(1.0 - down) / 2.0, (1.0 + down) / 2.0],
            });
        }
    }
    let margins: &[f32] = match thorough {
        true => values::PLAN_THOROUGH_MARGINS,
        false => values::PLAN_MARGINS,
    };
    let shorter = size[0].min(size[1]);
    for margin in margins {
        let (x, y) = (margin * shorter / size[0], margin * shorter / size[1]);
        all.push(Rectangle {
            x: [x, 1.0 - x],
            y: [y, 1.0 - y],
        });
    }
    let bands: &[f32] = match thorough {
        true => values::PLAN_THOROUGH_BANDS,
        false => values::PLAN_BANDS,
    };
    for &band in bands {
        for y in [[band, 1.0], [0.0, 1.0 - band]] {
            all.push(Rectangle { x: [0.0, 1.0], y });
        }
    }
    all
}

/// What crops leave of a known picture: of the middle, at the corners and at the sides.
pub(super) fn known_crops() -> Vec<Rectangle> {
    let mut all = Vec::new();
    for &margin in values::PLAN_KNOWN_MARGINS {
        let side = [margin, 1.0 - margin];
        all.push(Rectangle { x: side, y: side });
    }
    for &cut in values::PLAN_KNOWN_CUTS {
        let ends = [[0.0, 1.0], [cut, 1.0], [0.0, 1.0 - cut]];
        for x in ends {
            all.extend(ends.map(|y| Rectangle { x, y }));
        }
    }
    all.retain(|rectangle| *rectangle != Rectangle::WHOLE);
    all
}

/// Rectangles that are looked for.
pub(super) const fn rectangles(thorough: bool) -> usize {
    let [standard, most] = values::PLAN_RECTANGLES;
    if thorough { most } else { standard }
}
