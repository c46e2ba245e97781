//! The coefficients of a picture's blocks while its scans are read.

use super::super::scan::Frame;

/// The coefficients of one block, or what one step of each is, in the zigzag order.
pub(super) type Block = [i16; 64];
pub(super) type Steps = [u16; 64];

/// Blocks of all components: of the whole picture, or of one row of units at a time.
pub(super) struct Coefficients {
    planes: Vec<Plane>,
}

/// Those of one component.
struct Plane {
    blocks: Vec<Block>,
    stride: usize,
    /// Rows of blocks that are held; the others take their places in turn.
    rows: usize,
}

impl Coefficients {
    /// Room for all of a picture.
    pub(super) fn all(frame: &Frame) -> Self {
        Self::of(frame, true)
    }

    /// Room for one row of units.
    pub(super) fn one_row(frame: &Frame) -> Self {
        Self::of(frame, false)
    }

    fn of(frame: &Frame, all: bool) -> Self {
        let planes = frame.components.iter().map(|component| {
            let rows = if all {
                component.rows
            } else {
                component.vertical
            };
            let (stride, rows) = (component.stride as usize, rows as usize);
            Plane {
                blocks: vec![[0; 64]; stride * rows],
                stride,
                rows,
            }
        });
        Self {
            planes: planes.collect(),
        }
    }

    /// The block of a component at this row and column.
    pub(super) fn block(&mut self, component: usize, row: u32, column: u32) -> Option<&mut Block> {
        let plane = self.planes.get_mut(component)?;
        let row = (row as usize).checked_rem(plane.rows)?;
        plane.blocks.get_mut(row * plane.stride + column as usize)
    }

    /// A row of blocks of a component.
    pub(super) fn row(&self, component: usize, row: u32) -> &[Block] {
        let row_of = |plane: &'_ Plane| -> Option<std::ops::Range<usize>> {
            let row = (row as usize).checked_rem(plane.rows)?;
            Some(row * plane.stride..(row + 1) * plane.stride)
        };
        self.planes
            .get(component)
            .and_then(|plane| plane.blocks.get(row_of(plane)?))
            .unwrap_or_default()
    }

    /// Back to zeros.
    pub(super) fn clear(&mut self) {
        for plane in &mut self.planes {
            plane.blocks.fill([0; 64]);
        }
    }
}
