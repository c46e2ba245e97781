//! Which variants there are: the ladders of crops, turns and the rest, for each effort.
//!
//! The steps of a ladder are as far apart as PDQ forgives: what lies between two of them is within
//! reach of one.

use crate::hash::{Edge, Frame};
use crate::signal::variants::patch::Rectangle;

/// What is missing or left out at the ends of a side, in thousandths.
pub(super) type Ends = [u16; 2];

/// What of the original's sides may be missing: along x and along y.
pub(super) fn uncrops(thorough: bool) -> Vec<(Ends, Ends)> {
    const NOTHING: Ends = [0, 0];
    let mut all = Vec::new();
    if thorough {
        let mut ends = vec![NOTHING];
        ends.extend([25, 50, 75, 100, 125, 150, 200].map(|cut| [cut, cut]));
        for cut in [50, 75, 100, 150, 200, 250, 300] {
            ends.extend([[cut, 0], [0, cut]]);
        }
        for x in &ends {
            all.extend(ends.iter().map(|y| (*x, *y)));
        }
        all.retain(|&both| both != (NOTHING, NOTHING));
        return all;
    }
    for cut in [25, 50, 75, 100, 125, 150] {
        all.push(([cut, cut], [cut, cut]));
    }
    // The last two are what makes a square of 4:3 and of 3:2.
    for cut in [25, 50, 100, 125, 167] {
        all.extend([([cut, cut], NOTHING), (NOTHING, [cut, cut])]);
    }
    for cut in [50, 100, 150, 200] {
        for ends in [[cut, 0], [0, cut]] {
            all.extend([(ends, NOTHING), (NOTHING, ends)]);
        }
    }
    for cut in [50, 100, 200, 250] {
        for x in [[cut, 0], [0, cut]] {
            all.extend([[cut, 0], [0, cut]].map(|y| (x, y)));
        }
    }
    // Cut unevenly.
    let uneven = [[100, 20], [20, 100], [60, 60]];
    for x in uneven {
        all.extend(
            uneven
                .map(|y| (x, y))
                .into_iter()
                .filter(|(x, y)| x[0] != 60 || y[0] != 60),
        );
    }
    all
}

/// Bands along the upper and lower edge that are not looked at, in thousandths of the height.
pub(super) fn covers(thorough: bool) -> &'static [Ends] {
    const STANDARD: [Ends; 4] = [[150, 0], [0, 150], [150, 150], [0, 250]];
    const THOROUGH: [Ends; 9] = [
        [150, 0],
        [0, 150],
        [150, 150],
        [0, 250],
        [250, 0],
        [200, 200],
        [100, 100],
        [330, 0],
        [0, 330],
    ];
    if thorough { &THOROUGH } else { &STANDARD }
}

/// Turns, in tenths of a degree, and what became of the corners.
pub(super) fn turns(thorough: bool) -> Vec<(i16, Frame)> {
    let (kept, cut, grown): (&[i16], &[i16], &[i16]) = if thorough {
        (
            &[5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 130, 150],
            &[10, 20, 30, 40, 50, 70, 100],
            &[20, 30, 40, 50, 60, 70, 80, 90, 100, 110],
        )
    } else {
        (
            &[10, 20, 30, 40, 50, 70, 90],
            &[15, 30, 45, 70, 100],
            &[20, 30, 40, 50, 70, 90],
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
    let shares: &[u16] = if thorough { &[25, 50, 100] } else { &[50] };
    let edges = [Edge::Left, Edge::Top, Edge::Right, Edge::Bottom];
    let of = |&share: &u16| edges.map(|edge| (edge, share));
    shares.iter().flat_map(of).collect()
}

/// The shapes that pictures commonly have, width over height.
const SHAPES: [f32; 9] = [
    1.0,
    4.0 / 3.0,
    3.0 / 2.0,
    16.0 / 9.0,
    5.0 / 4.0,
    3.0 / 4.0,
    2.0 / 3.0,
    9.0 / 16.0,
    4.0 / 5.0,
];

/// Rectangles of a picture of this size that are worth a look though no edge shows them: of a usual
/// shape in the middle (bars of the picture's own colour, or its blurred self, to either side),
/// within margins of one width, below or above a caption.
pub(super) fn crops(size: [f32; 2], thorough: bool) -> Vec<Rectangle> {
    let mut all = Vec::new();
    let shape = size[0] / size[1].max(1.0);
    for wanted in SHAPES {
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
    let margins: &[f32] = if thorough {
        &[0.02, 0.03, 0.04, 0.05, 0.065, 0.08, 0.1, 0.125, 0.15]
    } else {
        &[0.025, 0.05, 0.08]
    };
    let shorter = size[0].min(size[1]);
    for margin in margins {
        let (x, y) = (margin * shorter / size[0], margin * shorter / size[1]);
        all.push(Rectangle {
            x: [x, 1.0 - x],
            y: [y, 1.0 - y],
        });
    }
    let bands: &[f32] = if thorough {
        &[
            0.03, 0.05, 0.07, 0.09, 0.11, 0.13, 0.15, 0.17, 0.19, 0.21, 0.23, 0.25, 0.28, 0.31,
        ]
    } else {
        &[0.05, 0.09, 0.13, 0.17, 0.21, 0.25]
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
    for margin in [0.05, 0.1, 0.15, 0.2, 0.25] {
        let side = [margin, 1.0 - margin];
        all.push(Rectangle { x: side, y: side });
    }
    for cut in [0.1, 0.2, 0.35, 0.5] {
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
    if thorough { 20 } else { 10 }
}
