//! The literal definition again, row by row: the same f32 operations on every value, in the same
//! order, without a buffer the size of the picture.
//!
//! ```text
//! for each block of rows:
//!     luma, and the running mean along each row; several rows at a time, since each is one long
//!         chain of dependent additions
//!     each row goes into the running sums of all columns; what comes out is a row, `ahead` rows late
//!     the running sum along each of those, kept at the 64 sampled columns only
//!     each of those goes into the running sums of the 64 columns; sampled rows are kept
//! ```
//! A column's running sum needs the value that leaves its window: a ring of as many rows as the
//! window has. Memory is `(height / 128 + 24) * width` floats, 1 MB at 12 megapixels.

use crate::signal::pdq::axis::{SAMPLES, centre, window, window_at};
use crate::signal::pdq::pixel::{Pixel, luma_of};
use crate::signal::pdq::spectrum::Samples;

/// Rows whose running sums are computed side by side.
const ROWS: usize = 8;

/// Floats from one buffered row to the next: an odd number of cache lines, so that rows of a width
/// that is a power of two do not all fall into the same few lines of the cache.
const fn stride(width: usize) -> usize {
    const LINE: usize = 16;
    (width.div_ceil(LINE) | 1) * LINE
}

/// The box of one side.
#[derive(Debug, Clone, Copy)]
struct Window {
    /// Pixels of the side.
    side: usize,
    /// Pixels of the box.
    size: usize,
    /// Pixels of the box that come after its position.
    ahead: usize,
}

impl Window {
    fn new(side: usize) -> Self {
        let size = window(side);
        Self {
            side,
            size,
            ahead: (size + 2) / 2 - 1,
        }
    }
}

/// The samples of a picture whose shape has been checked, with every rounding of the reference.
#[inline(always)]
pub(super) fn stream(
    width: usize,
    height: usize,
    pixels: &[u8],
    pixel: Pixel,
    samples: &mut Samples,
) {
    let (across, down) = (Window::new(width), Window::new(height));
    let sizes: Vec<f32> = (0..width)
        .map(|x| window_at(width, across.size, x).len() as f32)
        .collect();
    let centres: [usize; SAMPLES] = std::array::from_fn(|k| centre(width, k));
    let stride = stride(width);
    let mut luma = vec![0.0; ROWS * stride];
    let mut sums = vec![0.0; ROWS * stride];
    let mut blurred = vec![0.0; ROWS * stride];
    let mut first = Columns::new(down, width);
    let mut last = SampledRows {
        columns: Columns::new(down, SAMPLES),
        samples,
        height,
        next: 0,
    };
    let mut filled = 0;
    let mut blurred_again = |blurred: &[f32], sums: &mut [f32], rows: usize| {
        running_sums(blurred, stride, across, sums);
        for sums in sums.chunks_exact(stride).take(rows) {
            last.push(&std::array::from_fn(|k| {
                sums[centres[k]] / sizes[centres[k]]
            }));
        }
    };
    let row_len = width * pixel.channels();
    for block in pixels.chunks(ROWS * row_len) {
        let rows = block.len() / row_len;
        for (row, luma) in block
            .chunks_exact(row_len)
            .zip(luma.chunks_exact_mut(stride))
        {
            fill_luma(row, pixel, luma);
        }
        running_sums(&luma, stride, across, &mut sums);
        for sums in sums.chunks_exact_mut(stride).take(rows) {
            for (sum, &size) in sums.iter_mut().zip(&sizes) {
                *sum /= size;
            }
        }
        // `luma` has been read: from here it holds the block's running means.
        std::mem::swap(&mut luma, &mut sums);
        for row in luma.chunks_exact(stride).take(rows) {
            filled +=
                usize::from(first.push(&row[..width], &mut blurred[filled * stride..][..width]));
            if filled == ROWS {
                blurred_again(&blurred, &mut sums, filled);
                filled = 0;
            }
        }
    }
    while first.drain(&mut blurred[filled * stride..][..width]) {
        filled += 1;
        if filled == ROWS {
            blurred_again(&blurred, &mut sums, filled);
            filled = 0;
        }
    }
    blurred_again(&blurred, &mut sums, filled);
    last.finish();
}

#[inline(always)]
fn fill_luma(row: &[u8], pixel: Pixel, luma: &mut [f32]) {
    match pixel {
        Pixel::Rgb => {
            for (luma, &[r, g, b]) in luma.iter_mut().zip(row.as_chunks::<3>().0) {
                *luma = luma_of(r, g, b);
            }
        }
        Pixel::Luma => {
            for (luma, &grey) in luma.iter_mut().zip(row) {
                *luma = luma_of(grey, grey, grey);
            }
        }
    }
}

/// The running sums along [`ROWS`] rows that begin `stride` apart, at every position.
#[inline(always)]
fn running_sums(rows: &[f32], stride: usize, window: Window, out: &mut [f32]) {
    let Window { side, size, ahead } = window;
    let rows: [&[f32]; ROWS] = std::array::from_fn(|i| &rows[i * stride..][..side]);
    let mut outs = out.chunks_exact_mut(stride);
    let mut outs: [&mut [f32]; ROWS] = std::array::from_fn(|_| outs.next().unwrap_or_default());
    let mut sums = [0f32; ROWS];
    for x in 0..ahead {
        for (sum, row) in sums.iter_mut().zip(&rows) {
            *sum += row[x];
        }
    }
    // Entering values only.
    let behind = size - ahead;
    for x in 0..behind {
        for ((sum, row), out) in sums.iter_mut().zip(&rows).zip(&mut outs) {
            *sum += row[x + ahead];
            out[x] = *sum;
        }
    }
    // Entering and leaving.
    let full = side - size;
    let entering: [&[f32]; ROWS] = std::array::from_fn(|i| &rows[i][size..][..full]);
    let leaving: [&[f32]; ROWS] = std::array::from_fn(|i| &rows[i][..full]);
    {
        let mut outs = outs.iter_mut();
        let outs: [&mut [f32]; ROWS] = std::array::from_fn(|_| match outs.next() {
            Some(out) => &mut out[behind..][..full],
            None => &mut [],
        });
        for x in 0..full {
            for i in 0..ROWS {
                sums[i] = (sums[i] + entering[i][x]) - leaving[i][x];
                outs[i][x] = sums[i];
            }
        }
    }
    // Leaving values only.
    for x in behind + full..side {
        for ((sum, row), out) in sums.iter_mut().zip(&rows).zip(&mut outs) {
            *sum -= row[x - behind];
            out[x] = *sum;
        }
    }
}

/// The running means down all columns of a picture whose rows come one by one.
struct Columns {
    window: Window,
    width: usize,
    /// The last `window.size` rows; row `r` is at `r % window.size`.
    ring: Vec<f32>,
    sums: Vec<f32>,
    /// Rows within the sums.
    within: u32,
    /// Rows that have come, and after the last of them positions that have been passed.
    passed: usize,
}

impl Columns {
    #[inline(always)]
    fn new(window: Window, width: usize) -> Self {
        Self {
            window,
            width,
            ring: vec![0.0; window.size * width],
            sums: vec![0.0; width],
            within: 0,
            passed: 0,
        }
    }

    /// Takes the next row; whether `out` now holds one.
    #[inline(always)]
    fn push(&mut self, row: &[f32], out: &mut [f32]) -> bool {
        let start = self.passed % self.window.size * self.width;
        let old = &mut self.ring[start..][..self.width];
        let leaves = self.passed >= self.window.size;
        let complete = self.passed >= self.window.ahead;
        self.passed += 1;
        if leaves {
            let size = self.within as f32;
            let sums = self.sums.iter_mut().zip(old).zip(row).zip(out);
            for (((sum, old), &new), out) in sums {
                *sum = (*sum + new) - *old;
                *old = new;
                *out = *sum / size;
            }
            return true;
        }
        self.within += 1;
        let size = self.within as f32;
        for (((sum, old), &new), out) in self.sums.iter_mut().zip(old).zip(row).zip(out) {
            *sum += new;
            *old = new;
            *out = *sum / size;
        }
        complete
    }

    /// After the last row: whether `out` now holds one more.
    #[inline(always)]
    fn drain(&mut self, out: &mut [f32]) -> bool {
        if self.passed >= self.window.side + self.window.ahead {
            return false;
        }
        let start = self.passed % self.window.size * self.width;
        let old = &self.ring[start..][..self.width];
        self.passed += 1;
        self.within -= 1;
        let size = self.within as f32;
        for ((sum, &old), out) in self.sums.iter_mut().zip(old).zip(out) {
            *sum -= old;
            *out = *sum / size;
        }
        true
    }
}

/// The second pass down the sampled columns, of which it keeps the sampled rows.
struct SampledRows<'a> {
    columns: Columns,
    samples: &'a mut Samples,
    height: usize,
    /// Rows that came out so far.
    next: usize,
}

impl SampledRows<'_> {
    #[inline(always)]
    fn push(&mut self, row: &[f32; SAMPLES]) {
        let mut out = [0.0; SAMPLES];
        if self.columns.push(row, &mut out) {
            self.keep(&out);
        }
    }

    #[inline(always)]
    fn finish(&mut self) {
        let mut out = [0.0; SAMPLES];
        while self.columns.drain(&mut out) {
            self.keep(&out);
        }
    }

    #[inline(always)]
    fn keep(&mut self, row: &[f32; SAMPLES]) {
        let position = self.next;
        self.next += 1;
        // Where the picture has fewer rows than samples, several samples sit on one row.
        let first = (SAMPLES * position).div_ceil(self.height).saturating_sub(1);
        for k in first..SAMPLES {
            match centre(self.height, k).cmp(&position) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => self.samples[k] = *row,
                std::cmp::Ordering::Greater => break,
            }
        }
    }
}
