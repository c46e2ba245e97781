//! Variants of a picture: the PDQ hashes that its original may have, if it was changed.
//!
//! Plain PDQ forgives re-encoding and resizing. It does not forgive a crop of a twentieth, a frame,
//! a caption or a turn by three degrees. Each such change can be guessed and undone, and asking
//! about a guess costs microseconds: so many guesses are made of every picture, hashed, and asked
//! about. A guess that is wrong meets nothing.
//!
//! Everything is made from one small luma picture ([`Luma`]), whoever makes it:
//!
//! 1. `rectangles.rs` finds where another picture may lie in it; `plan.rs` says what else is tried.
//! 2. A rectangle becomes a patch of 192×192 cells (`patch.rs`).
//! 3. What works along each side by itself (mirroring, crops, un-crops, covers) is where the 64 samples
//!    of that side lie, and what each reads (`side.rs`). Rows are sampled and transformed once for all
//!    variants that share a side along x; then each variant samples and transforms its columns
//!    (`kernel.rs`). The DCT is of folded samples, since its cosines are even or odd about the middle.
//! 4. Turns and perspective are sampled place by place (`warp.rs`).
//!
//! The grid of samples is the reference's, computed for the size that the original would have had:
//! mirrored forms have the mirrored picture's grid, not the mirrored grid of the picture.
//!
//! This module refuses to decode, and to judge what a hash near another means.

mod fit;
mod kernel;
mod luma;
mod patch;
mod plan;
mod rectangles;
mod set;
mod side;
mod warp;

pub use luma::Luma;
pub(crate) use luma::LumaLine;
pub use set::{VariantSet, VariantSetError};

use crate::hash::{Frame, PdqHash, Quality, Sides, Transform, Variant, View};
use crate::rules::values;
use crate::signal::pdq::axis::SAMPLES;
use crate::signal::pdq::kernel::Kernel;
use crate::signal::pdq::spectrum::{self, FREQUENCIES, Samples, Spectrum, transposed};
use crate::signal::pdq::{Confidence, quality_of};
use kernel::{Lines, Read};
use patch::{CELLS, Patch, Rectangle, Scratch};
use side::{Along, Span, Tents};

/// One variant's hash.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// What was done: `region`, `view`, `transform` and `inverted` of it.
    pub variant: Variant,
    /// The hash.
    pub hash: PdqHash,
    /// How much there is to hash; `None` where that is as of the picture itself.
    pub quality: Option<Quality>,
    /// The share of the picture, or of the rectangle, that is flat, without the finest detail:
    /// 0 to 1. High for what drawings, text pages, dialogs and maps have in common.
    pub flatness: f32,
    /// The share of the original that was not looked at while the guess was [fitted](VariantMaker::fit);
    /// 0 where it was not.
    pub covered: f32,
    confidence: Confidence,
    /// What was fitted, as it was then seen.
    samples: Option<Box<Samples>>,
}

/// A guess as a small square picture: grey RGB8 pixels, [`Look::SIDE`] rows of as many.
///
/// It is enough for hashes that shrink a picture to less than that.
#[derive(Clone, PartialEq, Eq)]
pub struct Look(Vec<u8>);

/// Without the pixels: nothing of a picture may end in a log.
impl std::fmt::Debug for Look {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Look").finish_non_exhaustive()
    }
}

impl Look {
    /// Pixels along each side: PDQ's samples.
    pub const SIDE: usize = 64;

    fn new(samples: &Samples) -> Self {
        let cells = samples.as_flattened();
        let darkest = cells.iter().copied().fold(f32::INFINITY, f32::min);
        let grey = |value: &f32| [(value - darkest).round().clamp(0.0, 255.0) as u8; 3];
        Self(cells.iter().flat_map(grey).collect())
    }

    /// The pixels.
    #[must_use]
    pub fn rgb(&self) -> &[u8] {
        &self.0
    }
}

impl Made {
    /// What was fitted to an entry, as it was then seen; `None` of what was not fitted.
    #[must_use]
    pub fn look(&self) -> Option<Look> {
        self.samples.as_deref().map(Look::new)
    }

    /// How sure each bit of the hash is.
    #[must_use]
    pub const fn confidence(&self) -> Confidence {
        self.confidence
    }
}

/// Makes variants of pictures, one after the other, in the same scratch memory. Have one per worker.
#[derive(Debug)]
pub struct VariantMaker {
    kernel: Kernel,
    scratch: Scratch,
    whole: Patch,
    part: Patch,
    store: Store,
}

impl Default for VariantMaker {
    fn default() -> Self {
        Self {
            kernel: Kernel::best(),
            scratch: Scratch::default(),
            whole: Patch::default(),
            part: Patch::default(),
            store: Store::default(),
        }
    }
}

impl VariantMaker {
    /// Most variants of one picture.
    pub const MOST: usize = values::VARIANTS_MOST;

    /// Hashes the variants of a picture, in an order that is always the same, and gives each to
    /// `take`. The picture as it lies is not among them. Returns its [flatness](Made::flatness).
    pub fn make(&mut self, luma: &Luma, shapes: VariantSet, take: &mut dyn FnMut(Made)) -> f32 {
        let mut left = Self::MOST;
        let mut bounded = |made| {
            if left > 0 {
                left -= 1;
                take(made);
            }
        };
        let kernel = self.kernel;
        self.scratch.take(kernel, luma);
        self.whole
            .set(kernel, luma, Rectangle::WHOLE, &mut self.scratch);
        let whole = &self.whole;
        let mut of = Of::new(
            (kernel, &mut self.store),
            whole,
            (Variant::ORIGINAL, None),
            &mut bounded,
        );
        of.laid_down(shapes);
        if shapes.uncrop {
            of.uncrops(&plan::uncrops(shapes.thorough), shapes);
        }
        if shapes.cover {
            of.covers(plan::covers(shapes.thorough));
        }
        if shapes.crop {
            for rectangle in plan::crops(luma.size, shapes.thorough) {
                of.cropped(rectangle, shapes);
            }
        }
        if shapes.straighten {
            for (tenths, frame) in plan::turns(shapes.thorough) {
                let samples = warp::straightened(kernel, whole, f32::from(tenths) / 10.0, frame);
                if let Some(samples) = samples {
                    of.warped(&samples, View::Straighten { tenths, frame }, shapes);
                }
            }
        }
        if shapes.perspective {
            for (edge, thousandths) in plan::perspectives(shapes.thorough) {
                let samples = warp::faced(kernel, whole, edge, f32::from(thousandths) / 1000.0);
                of.warped(&samples, View::Perspective { edge, thousandths }, shapes);
            }
        }
        let flatness = whole.flatness;
        if shapes.trim {
            let most = plan::rectangles(shapes.thorough);
            let found = rectangles::find(kernel, (luma, &self.scratch.columns), most);
            for (rank, rectangle) in found.into_iter().enumerate() {
                self.region(luma, rectangle, rank, shapes, &mut bounded);
            }
        }
        flatness
    }

    /// Nudges a guess towards an entry that it almost matches: see `fit.rs`. The result has the guess's
    /// name, and says `fitted`. `None` where guesses of this kind cannot be fitted.
    pub fn fit(&mut self, luma: &Luma, variant: &Variant, entry: &PdqHash) -> Option<Made> {
        if variant.inverted {
            return None;
        }
        let fitted = fit::fit(
            self.kernel,
            luma,
            variant,
            entry,
            (&mut self.part, &mut self.scratch),
        )?;
        let (hash, confidence) = self.kernel.bits(&fitted.spectrum, Some(&fitted.guessed));
        Some(Made {
            variant: Variant {
                fitted: true,
                ..*variant
            },
            hash,
            quality: None,
            flatness: 0.0,
            covered: fitted.covered,
            confidence,
            samples: Some(fitted.samples),
        })
    }

    /// What a guess takes for the original. `None` where that is nothing that can be looked at: black for
    /// white, or fitted (see [`Made::look`]).
    pub fn look(&mut self, luma: &Luma, variant: &Variant) -> Option<Look> {
        if variant.inverted || variant.fitted {
            return None;
        }
        let samples = fit::samples(
            self.kernel,
            luma,
            variant,
            (&mut self.part, &mut self.scratch),
        )?;
        Some(Look::new(&samples))
    }

    /// Hashes forms of a picture that is known, as they may be met: laid down in the seven other
    /// ways, and what crops leave of it.
    pub fn make_known(
        &mut self,
        luma: &Luma,
        dihedral: bool,
        crops: bool,
        take: &mut dyn FnMut(Made),
    ) {
        self.scratch.take(self.kernel, luma);
        if dihedral {
            let shapes = VariantSet {
                dihedral,
                ..VariantSet::NONE
            };
            self.part(luma, Rectangle::WHOLE);
            self.of_part(Rectangle::WHOLE, take).laid_down(shapes);
        }
        if crops {
            for rectangle in plan::known_crops() {
                self.part(luma, rectangle);
                self.of_part(rectangle, take).laid(false, false);
            }
        }
    }

    /// Hashes what a crop leaves of a picture, as it lies and laid down in the seven other ways. `left_out` says what it
    /// takes at each side, in thousandths; at least a twentieth of a side is to be left.
    pub fn make_part(&mut self, luma: &Luma, left_out: Sides, take: &mut dyn FnMut(Made)) {
        let part = |start: u16, end: u16| {
            let share = |thousandths: u16| f32::from(thousandths.min(1000)) / 1000.0;
            let from = share(start).min(0.95);
            [from, (1.0 - share(end)).max(from + 0.05)]
        };
        let rectangle = Rectangle {
            x: part(left_out.left, left_out.right),
            y: part(left_out.top, left_out.bottom),
        };
        self.scratch.take(self.kernel, luma);
        self.part(luma, rectangle);
        let mut of = self.of_part(rectangle, take);
        of.laid(false, false);
        of.laid_down(VariantSet {
            dihedral: true,
            ..VariantSet::NONE
        });
    }

    /// Makes the part a rectangle of the picture that was taken.
    fn part(&mut self, luma: &Luma, rectangle: Rectangle) {
        self.part
            .set(self.kernel, luma, rectangle, &mut self.scratch);
    }

    /// The variants of the part, which is this rectangle. The whole has the picture's own quality.
    fn of_part<'a>(&'a mut self, rectangle: Rectangle, take: &'a mut dyn FnMut(Made)) -> Of<'a> {
        let variant = Variant {
            region: rectangle.left_out(),
            ..Variant::ORIGINAL
        };
        let quality = (rectangle != Rectangle::WHOLE).then(|| {
            let samples = self.kernel.blurred(&self.part.cells);
            quality_of(self.kernel.gradients(&samples, 0.0).sum)
        });
        Of::new(
            (self.kernel, &mut self.store),
            &self.part,
            (variant, quality),
            take,
        )
    }

    /// A rectangle that was found; those found first get more of a look.
    fn region(
        &mut self,
        luma: &Luma,
        rectangle: Rectangle,
        rank: usize,
        shapes: VariantSet,
        take: &mut dyn FnMut(Made),
    ) {
        let kernel = self.kernel;
        self.part(luma, rectangle);
        let mut of = self.of_part(rectangle, take);
        of.laid(false, false);
        if shapes.dihedral {
            of.laid(true, false);
        }
        if shapes.thorough && shapes.dihedral {
            of.laid(false, true);
            of.laid(true, true);
            of.quarters(Span::WHOLE, Span::WHOLE);
        }
        if shapes.uncrop && (rank < 3 || shapes.thorough) {
            let few = values::PLAN_REGION_UNCROPS.iter();
            let few: Vec<_> = few.map(|&cut| ([cut, cut], [cut, cut])).collect();
            of.uncrops(&few, VariantSet::NONE);
        }
        if shapes.cover && shapes.thorough && rank < 4 {
            of.covers(plan::covers(false));
        }
        if shapes.straighten && shapes.thorough && rank < 4 {
            for &tenths in values::PLAN_REGION_TURNS {
                let frame = Frame::Cut;
                let samples = warp::straightened(kernel, of.patch, f32::from(tenths) / 10.0, frame);
                if let Some(samples) = samples {
                    of.warped(
                        &samples,
                        View::Straighten { tenths, frame },
                        VariantSet::NONE,
                    );
                }
            }
        }
    }
}

/// The variants of one patch.
struct Of<'a> {
    kernel: Kernel,
    patch: &'a Patch,
    /// What every variant of it has in common.
    base: Variant,
    quality: Option<Quality>,
    take: &'a mut dyn FnMut(Made),
    store: &'a mut Store,
}

/// Rows in the frequencies along x, and tents along y, that may be used again.
#[derive(Debug)]
struct Store {
    lines: Kept<Box<Lines>>,
    tents: Kept<Tents>,
    /// The tents of a side along x, until its rows are made.
    along: Tents,
    /// What they read.
    read: Box<Read>,
    /// Rows, until what another guess at what is missing changes is added.
    first: Box<Lines>,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            lines: Kept::default(),
            tents: Kept::default(),
            along: Tents::default(),
            read: Box::new([[0.0; CELLS]; SAMPLES]),
            first: no_lines(),
        }
    }
}

/// A span, whether it is mirrored, and whether what is missing is guessed in the other way.
type Key = (Span, bool, bool);

/// What was made of one patch, by what it is; the memory serves the next patch too.
#[derive(Debug)]
struct Kept<T> {
    keys: Vec<Key>,
    values: Vec<T>,
    /// Where the next one goes, once there are [`MOST_KEPT`].
    next: usize,
}

/// What is kept of one patch.
const MOST_KEPT: usize = 96;

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            values: Vec::new(),
            next: 0,
        }
    }
}

impl<T> Kept<T> {
    fn forget(&mut self) {
        self.keys.clear();
        self.next = 0;
    }

    /// What is kept under a key, or made for it in memory that `new` gives once.
    fn get(&mut self, key: Key, new: impl FnOnce() -> T, make: impl FnOnce(&mut T)) -> &T {
        let place = self.keys.iter().position(|held| *held == key);
        let place = place.unwrap_or_else(|| {
            let place = self.next;
            self.next = (place + 1) % MOST_KEPT;
            match self.keys.get_mut(place) {
                Some(held) => *held = key,
                None => self.keys.push(key),
            }
            if self.values.len() <= place {
                self.values.push(new());
            }
            make(&mut self.values[place]);
            place
        });
        &self.values[place]
    }
}

fn no_lines() -> Box<Lines> {
    Box::new([[0.0; FREQUENCIES]; CELLS])
}

impl<'a> Of<'a> {
    fn new(
        (kernel, store): (Kernel, &'a mut Store),
        patch: &'a Patch,
        (base, quality): (Variant, Option<Quality>),
        take: &'a mut dyn FnMut(Made),
    ) -> Self {
        store.lines.forget();
        store.tents.forget();
        Self {
            kernel,
            patch,
            base,
            quality,
            take,
            store,
        }
    }

    fn spectrum(&mut self, x: (Span, bool), y: (Span, bool)) -> Spectrum {
        self.spectrum_by((x.0, x.1, false), (y.0, y.1, false))
    }

    /// How the spectrum changes where what is missing is guessed in another way.
    fn hangs_on_guess(&mut self, x: Span, y: Span, first: &Spectrum) -> Spectrum {
        let mut other = self.spectrum_by((x, false, true), (y, false, true));
        for (other, first) in other
            .as_flattened_mut()
            .iter_mut()
            .zip(first.as_flattened())
        {
            *other -= first;
        }
        other
    }

    fn spectrum_by(&mut self, x: Key, y: Key) -> Spectrum {
        let [width, height] = self.patch.size;
        let (kernel, cells) = (self.kernel, &self.patch.cells);
        let Store {
            lines,
            tents,
            along,
            read,
            first,
        } = &mut *self.store;
        let side = || Along::new(x.0, width, x.1, side::RAMP);
        let made = lines.get((x.0, x.1, false), no_lines, |lines| {
            kernel.tents(&side(), along);
            kernel.across(cells, along, read, lines);
        });
        let lines = if x.2 {
            // Where another guess is made at what is missing, only cells at the ends count otherwise.
            **first = **made;
            lines.get(x, no_lines, |lines| {
                **lines = **first;
                for beyond in side().beyond(side::OTHER_RAMP) {
                    let mut column = [0.0; CELLS];
                    let from = cells.as_flattened().get(beyond.first * CELLS..);
                    kernel.combine(
                        from.unwrap_or_default(),
                        CELLS,
                        &beyond.weights,
                        &mut column,
                    );
                    kernel.add_column(&column, &beyond.more, lines);
                }
            })
        } else {
            made
        };
        let ramp = if y.2 { side::OTHER_RAMP } else { side::RAMP };
        let down = tents.get(y, Tents::default, |tents| {
            kernel.tents(&Along::new(y.0, height, y.1, ramp), tents);
        });
        kernel.down(lines, down)
    }

    fn give(&mut self, spectrum: &Spectrum, view: View, transform: Transform, inverted: bool) {
        self.give_with(spectrum, None, view, transform, inverted);
    }

    fn give_with(
        &mut self,
        spectrum: &Spectrum,
        guessed: Option<&Spectrum>,
        view: View,
        transform: Transform,
        inverted: bool,
    ) {
        let variant = Variant {
            view,
            transform,
            inverted,
            ..self.base
        };
        let (hash, confidence) = self.kernel.bits(spectrum, guessed);
        (self.take)(Made {
            variant,
            hash,
            quality: self.quality,
            flatness: self.patch.flatness,
            covered: 0.0,
            confidence,
            samples: None,
        });
    }

    /// The whole patch, mirrored along x, y or both, as it is.
    fn laid(&mut self, x: bool, y: bool) {
        let spectrum = self.spectrum((Span::WHOLE, x), (Span::WHOLE, y));
        self.give(&spectrum, View::Whole, mirrored(x, y), false);
    }

    /// The eight ways to lay a picture down, and those with black for white.
    fn laid_down(&mut self, shapes: VariantSet) {
        for (x, y) in [(false, false), (true, false), (false, true), (true, true)] {
            let is_as_it_lies = !x && !y;
            if !shapes.dihedral && !is_as_it_lies {
                break;
            }
            let spectrum = self.spectrum((Span::WHOLE, x), (Span::WHOLE, y));
            let turned = transposed(&spectrum);
            if !is_as_it_lies {
                self.give(&spectrum, View::Whole, mirrored(x, y), false);
            }
            if shapes.dihedral {
                self.give(&turned, View::Whole, then_transposed(x, y), false);
            }
            if shapes.inverted {
                self.give(&negated(&spectrum), View::Whole, mirrored(x, y), true);
                if shapes.dihedral {
                    self.give(&negated(&turned), View::Whole, then_transposed(x, y), true);
                }
            }
        }
    }

    fn uncrops(&mut self, ladder: &[(plan::Ends, plan::Ends)], shapes: VariantSet) {
        for &(x, y) in ladder {
            let view = View::Uncrop(Sides {
                left: x[0],
                right: x[1],
                top: y[0],
                bottom: y[1],
            });
            let (x, y) = (Span::uncrop(x[0], x[1]), Span::uncrop(y[0], y[1]));
            let spectrum = self.spectrum((x, false), (y, false));
            let guessed = self.hangs_on_guess(x, y, &spectrum);
            self.give_with(&spectrum, Some(&guessed), view, Transform::Original, false);
            // Of what was mirrored too, but that which was cut evenly is asked about in `thorough` only.
            if shapes.dihedral && (shapes.thorough || view.is_even()) {
                // In the mirrored picture the same parts come from the guess. Only signs change, which do
                // not count here, and the grid, a little.
                let spectrum = self.spectrum((x, true), (y, false));
                let transform = mirrored_along_x(true);
                self.give_with(&spectrum, Some(&guessed), view, transform, false);
            }
        }
    }

    /// A rectangle of the patch, from the same cells.
    fn cropped(&mut self, rectangle: Rectangle, shapes: VariantSet) {
        let (x, y) = (Span::part(rectangle.x), Span::part(rectangle.y));
        let base = self.base;
        self.base.region = rectangle.left_out();
        for mirror in [false, true] {
            if mirror && !shapes.dihedral {
                break;
            }
            let spectrum = self.spectrum((x, mirror), (y, false));
            self.give(&spectrum, View::Whole, mirrored_along_x(mirror), false);
        }
        if shapes.thorough && shapes.dihedral {
            self.quarters(x, y);
        }
        self.base = base;
    }

    /// A part of the patch, turned by a quarter to either side.
    fn quarters(&mut self, x: Span, y: Span) {
        for (left, up) in [(true, false), (false, true)] {
            let spectrum = transposed(&self.spectrum((x, left), (y, up)));
            self.give(&spectrum, View::Whole, then_transposed(left, up), false);
        }
    }

    fn covers(&mut self, ladder: &[plan::Ends]) {
        for &[top, bottom] in ladder {
            let view = View::Cover(Sides {
                top,
                bottom,
                ..Sides::NONE
            });
            let y = Span::cover(top, bottom);
            let spectrum = self.spectrum((Span::WHOLE, false), (y, false));
            let guessed = self.hangs_on_guess(Span::WHOLE, y, &spectrum);
            self.give_with(&spectrum, Some(&guessed), view, Transform::Original, false);
        }
    }

    fn warped(&mut self, samples: &Samples, view: View, shapes: VariantSet) {
        let spectrum = self.kernel.spectrum(samples);
        if shapes.thorough && shapes.dihedral {
            let flipped = spectrum::Signs::EvenColumns.apply(&spectrum);
            self.give(&flipped, view, Transform::FlipY, false);
        }
        self.give(&spectrum, view, Transform::Original, false);
    }
}

const fn mirrored_along_x(x: bool) -> Transform {
    mirrored(x, false)
}

const fn mirrored(x: bool, y: bool) -> Transform {
    match (x, y) {
        (false, false) => Transform::Original,
        (true, false) => Transform::FlipY,
        (false, true) => Transform::FlipX,
        (true, true) => Transform::Rotate180,
    }
}

const fn then_transposed(x: bool, y: bool) -> Transform {
    match (x, y) {
        (false, false) => Transform::FlipPlus1,
        (true, false) => Transform::Rotate90,
        (false, true) => Transform::Rotate270,
        (true, true) => Transform::FlipMinus1,
    }
}

fn negated(spectrum: &Spectrum) -> Spectrum {
    spectrum.map(|row| row.map(|value| -value))
}

#[cfg(test)]
mod tests;
