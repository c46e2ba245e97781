//! Variants that are no product of one thing along x and one along y: small turns and perspective.
//!
//! The patch is read at PDQ's 64×64 places, between four cells each, which blurs about as much as
//! PDQ's tents do.

use crate::hash::{Edge, Frame};
use crate::signal::pdq::axis::SAMPLES;
use crate::signal::pdq::kernel::Kernel;
use crate::signal::pdq::spectrum::Samples;
use crate::signal::variants::patch::{CELLS, Patch};
use crate::signal::variants::side::{RAMP, centres};

/// Reads a patch at a place of each sample; `place` is given the sample's place in the original,
/// in fractions of its sides from the middle (-0.5 to 0.5), and gives that in the patch.
pub(super) fn read(
    kernel: Kernel,
    patch: &Patch,
    original: [f32; 2],
    ramp: f32,
    place: impl Fn(f32, f32) -> (f32, f32),
) -> Samples {
    let ramp = ramp * CELLS as f32;
    let across = centres(original[0]).map(|x| x / original[0] - 0.5);
    let down = centres(original[1]).map(|y| y / original[1] - 0.5);
    let mut samples: Samples = [[0.0; SAMPLES]; SAMPLES];
    let (mut x, mut y) = ([0.0; SAMPLES], [0.0; SAMPLES]);
    for (row, &v) in samples.iter_mut().zip(&down) {
        for ((x, y), &u) in x.iter_mut().zip(&mut y).zip(&across) {
            let (to_x, to_y) = place(u, v);
            *x = (to_x + 0.5) * CELLS as f32 - 0.5;
            *y = (to_y + 0.5) * CELLS as f32 - 0.5;
        }
        kernel.between(&patch.cells, &x, &y, ramp, row);
    }
    samples
}

/// Width and height of an original that has this size since it was turned. `None` where no picture of
/// this shape comes of such a turn.
pub(super) fn original_of(
    [width, height]: [f32; 2],
    degrees: f32,
    frame: Frame,
) -> Option<[f32; 2]> {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let size = sin.abs();
    let original = match frame {
        Frame::Kept => [width, height],
        Frame::Cut => {
            // The largest picture of the same shape without a wedge was cut out.
            let grown = cos + size * (width / height).max(height / width);
            [width * grown, height * grown]
        }
        Frame::Grown => {
            // The smallest picture that holds the turned one, solved for that.
            let doubled = cos * cos - size * size;
            [
                (width * cos - height * size) / doubled,
                (height * cos - width * size) / doubled,
            ]
        }
    };
    original.iter().all(|&side| side >= 8.0).then_some(original)
}

/// The original that was turned by so many degrees, counter-clockwise. `None` where no picture of
/// this shape comes of such a turn.
pub(super) fn straightened(
    kernel: Kernel,
    patch: &Patch,
    degrees: f32,
    frame: Frame,
) -> Option<Samples> {
    let [width, height] = patch.size;
    let (sin, cos) = degrees.to_radians().sin_cos();
    let original = original_of([width, height], degrees, frame)?;
    Some(read(kernel, patch, original, RAMP, |u, v| {
        let (x, y) = (u * original[0], v * original[1]);
        ((cos * x + sin * y) / width, (cos * y - sin * x) / height)
    }))
}

/// The original that was seen from a side: `edge` is shorter by this share at each end.
pub(super) fn faced(kernel: Kernel, patch: &Patch, edge: Edge, share: f32) -> Samples {
    let ratio = 1.0 - 2.0 * share;
    read(kernel, patch, patch.size, RAMP, |u, v| {
        // Coordinates with the edge at the top.
        let (along, from_edge) = match edge {
            Edge::Top => (u, v + 0.5),
            Edge::Bottom => (u, 0.5 - v),
            Edge::Left => (v, u + 0.5),
            Edge::Right => (v, 0.5 - u),
        };
        // What is farther away takes less room in both directions.
        let seen = from_edge / (from_edge + (1.0 - from_edge) / ratio).max(1e-6);
        let width = ratio + (1.0 - ratio) * seen;
        let (along, down) = (along * width, seen);
        match edge {
            Edge::Top => (along, down - 0.5),
            Edge::Bottom => (along, 0.5 - down),
            Edge::Left => (down - 0.5, along),
            Edge::Right => (0.5 - down, along),
        }
    })
}
