//! Where in a picture another picture may lie: behind a border, between bars, under a caption, in a
//! screenshot, on a page, on a busy ground.
//!
//! Two ways, since each finds what the other misses. *Ground*: what is of one colour around and
//! between things is cut away, again and again. *Lines*: a pasted picture has four straight edges,
//! and across each the luma steps more, row after row, than a little to either side of it.
//!
//! Everything found is a guess to be hashed: a wrong one costs a query, never a verdict.

use crate::rules::values;
use crate::signal::pdq::kernel::Kernel;
use crate::signal::variants::luma::Luma;
use crate::signal::variants::patch::Rectangle;

/// How far cells of one ground may lie apart, of 255.
const SAME_GROUND: f32 = values::RECTANGLES_SAME_GROUND;
/// The same where the picture itself begins with nearly the colour of its border.
const VERY_SAME: f32 = values::RECTANGLES_VERY_SAME;
/// Least side of a picture within a picture, as a share of that.
const LEAST_SIDE: f32 = values::RECTANGLES_LEAST_SIDE;
/// Least area of one.
const LEAST_AREA: f32 = values::RECTANGLES_LEAST_AREA;
/// How near the edges of two rectangles lie where they are taken for one.
const SAME_WITHIN: f32 = values::RECTANGLES_SAME_WITHIN;
/// Lines that are kept in each direction.
const MOST_LINES: usize = values::RECTANGLES_MOST_LINES;

/// At most `most` rectangles, the likeliest first; the whole is not among them.
///
/// `columns` are the picture's cells, column after column.
pub(super) fn find(
    kernel: Kernel,
    (luma, columns): (&Luma, &[f32]),
    most: usize,
) -> Vec<Rectangle> {
    let mut found = Found {
        luma,
        most,
        rectangles: vec![Rectangle::WHOLE],
    };
    let view = View {
        kernel,
        luma,
        columns,
    };
    // Trimmed first, then what lies apart on the ground, then what lines enclose.
    for within in [SAME_GROUND, VERY_SAME] {
        for cells in trims(&view, within) {
            found.add(&view, cells);
        }
    }
    let mut pieces = Vec::new();
    if let Some(ground) = ground(&view) {
        cut(&view, view.all(), ground, 0, &mut pieces);
    }
    pieces.sort_by_key(|piece| std::cmp::Reverse(piece.area()));
    for cells in pieces.iter().take(4) {
        found.add(&view, *cells);
    }
    if let Some(ground) = ground(&view) {
        for cells in pieces.iter().take(1) {
            for wide in widened(&view, *cells, ground) {
                found.add(&view, wide);
            }
        }
    }
    for rectangle in enclosed(&view, most) {
        found.add_rectangle(rectangle);
    }
    found.rectangles.split_off(1)
}

struct Found<'a> {
    luma: &'a Luma,
    most: usize,
    rectangles: Vec<Rectangle>,
}

impl Found<'_> {
    fn add(&mut self, view: &View<'_>, cells: Cells) {
        let [left, right, top, bottom] = view.refined(cells);
        let luma = self.luma;
        let across = |edge: f32| (edge * luma.cell[0] / luma.size[0]).clamp(0.0, 1.0);
        let down = |edge: f32| (edge * luma.cell[1] / luma.size[1]).clamp(0.0, 1.0);
        self.add_rectangle(Rectangle {
            x: [across(left), across(right)],
            y: [down(top), down(bottom)],
        });
    }

    fn add_rectangle(&mut self, new: Rectangle) {
        let (width, height) = (new.x[1] - new.x[0], new.y[1] - new.y[0]);
        let is_known = |held: &Rectangle| {
            let pairs = [
                (held.x[0], new.x[0]),
                (held.x[1], new.x[1]),
                (held.y[0], new.y[0]),
                (held.y[1], new.y[1]),
            ];
            pairs.iter().all(|(a, b)| (a - b).abs() < SAME_WITHIN)
        };
        if self.rectangles.len() <= self.most
            && width >= LEAST_SIDE
            && height >= LEAST_SIDE
            && width * height >= LEAST_AREA
            && !self.rectangles.iter().any(is_known)
        {
            self.rectangles.push(new);
        }
    }
}

/// A rectangle of whole cells; the ends are not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cells {
    x: [usize; 2],
    y: [usize; 2],
}

impl Cells {
    fn area(self) -> usize {
        self.x[1].saturating_sub(self.x[0]) * self.y[1].saturating_sub(self.y[0])
    }
}

/// A picture's cells by rows and by columns.
struct View<'a> {
    luma: &'a Luma,
    /// The cells again, column after column.
    columns: &'a [f32],
    kernel: Kernel,
}

impl View<'_> {
    fn all(&self) -> Cells {
        Cells {
            x: [0, self.luma.columns],
            y: [0, self.luma.rows],
        }
    }

    /// How many lines there are along x (rows) or y (columns), and how many cells one has.
    fn shape(&self, along_x: bool) -> (usize, usize) {
        let (columns, rows) = (self.luma.columns, self.luma.rows);
        if along_x {
            (rows, columns)
        } else {
            (columns, rows)
        }
    }

    /// The cells of one row or column, within a range.
    fn line(&self, along_x: bool, place: usize, range: [usize; 2]) -> &[f32] {
        let (_, length) = self.shape(along_x);
        let cells = if along_x {
            self.luma.cells.as_slice()
        } else {
            self.columns
        };
        let start = place * length;
        cells.get(start + range[0]..start + range[1]).unwrap_or(&[])
    }

    /// Whether a row or column is of one colour, but for a cell in fifty.
    fn is_ground(
        &self,
        along_x: bool,
        place: usize,
        range: [usize; 2],
        colour: f32,
        within: f32,
    ) -> bool {
        let line = self.line(along_x, place, range);
        let others = self.kernel.others(line, colour, within);
        others as usize * values::RECTANGLES_OTHERS <= line.len()
    }

    /// How much each cell along a line speaks for an edge there, from -1 to 1: whether the luma steps
    /// more across it than a little before and after it.
    fn says(&self, along_x: bool, place: usize, said: &mut [f32]) {
        let (count, length) = self.shape(along_x);
        let places = [
            place.saturating_sub(3),
            place.saturating_sub(1),
            place + 1,
            (place + 3).min(count.saturating_sub(1)),
        ];
        let lines = places.map(|place| self.line(along_x, place, [0, length]));
        self.kernel.says(lines, said);
    }

    fn mean(&self, along_x: bool, place: usize, range: [usize; 2]) -> f32 {
        let line = self.line(along_x, place, range);
        line.iter().sum::<f32>() / line.len().max(1) as f32
    }

    /// The edges of a rectangle, to a part of a cell: a cell that the edge runs through is a
    /// mixture of those to either side of it.
    fn refined(&self, cells: Cells) -> [f32; 4] {
        let edge = |along_x: bool, place: usize, range: [usize; 2], forward: bool, count: usize| {
            let place = place as isize;
            let step = if forward { 1 } else { -1 };
            // The outermost cells of the rectangle, and those to either side.
            let first = if forward { place } else { place - 1 };
            let (outer, inner) = (first - step, first + step);
            let inside = |i: isize| i >= 0 && i < count as isize;
            if !inside(outer) || !inside(inner) || !inside(first) {
                return place as f32;
            }
            let (mut up, mut down) = (0.0, 0.0);
            let (outer, first, inner) = (outer as usize, first as usize, inner as usize);
            let [outer, mixed, inner] = [outer, first, inner].map(|i| self.line(along_x, i, range));
            for ((outer, mixed), inner) in outer.iter().zip(mixed).zip(inner) {
                let difference = inner - outer;
                up += (inner - mixed) * difference;
                down += difference * difference;
            }
            let share = if down > 0.0 {
                (up / down).clamp(0.0, 1.0)
            } else {
                0.0
            };
            place as f32 + share * step as f32
        };
        let Cells { x, y } = cells;
        [
            edge(false, x[0], y, true, self.luma.columns),
            edge(false, x[1], y, false, self.luma.columns),
            edge(true, y[0], x, true, self.luma.rows),
            edge(true, y[1], x, false, self.luma.rows),
        ]
    }
}

/// What is left where margins of one colour are taken off, again and again.
fn trims(view: &View<'_>, within: f32) -> Vec<Cells> {
    let mut trimmed = Vec::new();
    let mut cells = view.all();
    for _ in 0..4 {
        let before = cells;
        for (along_x, from_start) in [(true, true), (true, false), (false, true), (false, false)] {
            let (range, across) = if along_x {
                (cells.x, cells.y)
            } else {
                (cells.y, cells.x)
            };
            if range[1] <= range[0] || across[1] <= across[0] {
                return trimmed;
            }
            let edge = if from_start { across[0] } else { across[1] - 1 };
            let colour = view.mean(along_x, edge, range);
            let mut count = 0;
            while count < across[1] - across[0] {
                let place = if from_start {
                    across[0] + count
                } else {
                    across[1] - 1 - count
                };
                if !view.is_ground(along_x, place, range, colour, within) {
                    break;
                }
                count += 1;
            }
            let sides = if along_x { &mut cells.y } else { &mut cells.x };
            if from_start {
                sides[0] += count
            } else {
                sides[1] -= count.min(sides[1] - sides[0])
            }
        }
        if cells == before || cells.area() == 0 {
            break;
        }
        trimmed.push(cells);
    }
    trimmed
}

/// The colour that most of the picture's outermost cells have, if a third of them has one.
fn ground(view: &View<'_>) -> Option<f32> {
    let Cells { x, y } = view.all();
    let mut counts = [0usize; 64];
    let mut total = 0;
    let lines = [
        (true, 0, x),
        (true, y[1].saturating_sub(1), x),
        (false, 0, y),
        (false, x[1].saturating_sub(1), y),
    ];
    for (along_x, place, range) in lines {
        for &value in view.line(along_x, place, range) {
            if let Some(count) = counts.get_mut((value / 4.0) as usize) {
                *count += 1;
            }
            total += 1;
        }
    }
    let (best, count) = counts
        .windows(2)
        .map(|two| two.iter().sum::<usize>())
        .enumerate()
        .max_by_key(|&(_, count)| count)?;
    (count * 3 >= total).then_some(4.0 * (best + 1) as f32)
}

/// Cuts a rectangle along rows, then columns of the ground, and keeps what is left.
fn cut(view: &View<'_>, cells: Cells, ground: f32, depth: usize, pieces: &mut Vec<Cells>) {
    const MOST_PIECES: usize = values::RECTANGLES_MOST_PIECES;
    if depth >= 6 || pieces.len() >= MOST_PIECES {
        return;
    }
    let along_x = depth.is_multiple_of(2);
    let (range, across) = if along_x {
        (cells.x, cells.y)
    } else {
        (cells.y, cells.x)
    };
    let mut start = None;
    let mut parts = Vec::new();
    for place in across[0]..across[1] {
        let is_ground = view.is_ground(along_x, place, range, ground, SAME_GROUND);
        match (is_ground, start) {
            (false, None) => start = Some(place),
            (true, Some(from)) => {
                parts.push([from, place]);
                start = None;
            }
            _ => {}
        }
    }
    if let Some(from) = start {
        parts.push([from, across[1]]);
    }
    let whole = view.all().area() as f32;
    for part in parts {
        let piece = if along_x {
            Cells {
                x: cells.x,
                y: part,
            }
        } else {
            Cells {
                x: part,
                y: cells.y,
            }
        };
        if (piece.area() as f32) < LEAST_AREA * whole {
            continue;
        }
        let same = piece == cells;
        if !same || depth == 0 {
            cut(view, piece, ground, depth + 1, pieces);
        } else if !pieces.contains(&piece) {
            pieces.push(piece);
        }
    }
}

/// What a piece on a ground may be seen of: a picture as wide as the screen whose own ground is the
/// screen's, with and without what is free above and below it.
fn widened(view: &View<'_>, cells: Cells, ground: f32) -> [Cells; 2] {
    let all = view.all();
    let free = |place: &usize| view.is_ground(true, *place, all.x, ground, SAME_GROUND);
    let above = (0..cells.y[0]).rev().take_while(free).count();
    let below = (cells.y[1]..all.y[1]).take_while(free).count();
    let tall = [cells.y[0] - above, cells.y[1] + below];
    [cells.y, tall].map(|y| Cells { x: all.x, y })
}

/// A straight edge: where it is, in cells, and how much each cell along it speaks for it.
struct Line {
    at: usize,
    edge: f32,
    /// Sums of what the cells say, from the first on.
    sums: Vec<f32>,
}

impl Line {
    /// The mean of what the cells of a stretch say; from -1 to 1.
    fn support(&self, range: [usize; 2]) -> f32 {
        let sum = |i: usize| self.sums.get(i).copied().unwrap_or(0.0);
        (sum(range[1]) - sum(range[0])) / range[1].saturating_sub(range[0]).max(1) as f32
    }
}

/// The strongest straight edges along one direction, and the picture's own.
fn lines(view: &View<'_>, along_x: bool) -> Vec<Line> {
    let (count, length) = view.shape(along_x);
    if count < 16 || length < 16 {
        return Vec::new();
    }
    let all = |place: usize| view.line(along_x, place, [0, length]);
    let mut said = vec![0.0f32; length];
    let mut score = vec![0.0f32; count];
    for (place, score) in score.iter_mut().enumerate().take(count - 2).skip(2) {
        view.says(along_x, place, &mut said);
        *score = view.kernel.best_stretch(&said, PEAK * PIECE as f32);
    }
    let mut peaks: Vec<(f32, usize)> = Vec::new();
    for (first, near) in score.windows(5).enumerate() {
        let [_, before, here, after, _] = near else {
            continue;
        };
        let is_peak = near.iter().all(|other| other <= here) && (after < here || before < here);
        if is_peak && *here > PEAK * length as f32 {
            peaks.push((*here, first + 2));
        }
    }
    peaks.sort_by(|a, b| b.0.total_cmp(&a.0));
    peaks.truncate(MOST_LINES);
    let mut lines: Vec<Line> = peaks
        .into_iter()
        .map(|(_, place)| {
            view.says(along_x, place, &mut said);
            let mut sums = Vec::with_capacity(length + 1);
            sums.push(0.0);
            let (mut sum, mut up, mut down) = (0.0, 0.0, 1e-6);
            let cells = all(place - 1).iter().zip(all(place)).zip(all(place + 1));
            for (&said, ((low, mid), high)) in said.iter().zip(cells) {
                sum += said;
                sums.push(sum);
                if said > 0.0 {
                    up += (high - mid) * (high - low);
                    down += (high - low) * (high - low);
                }
            }
            Line {
                at: place,
                edge: place as f32 + (up / down).clamp(0.0, 1.0),
                sums,
            }
        })
        .collect();
    // The picture's own edges say a little.
    let own: Vec<f32> = (0..=length).map(|i| OWN_EDGE * i as f32).collect();
    lines.push(Line {
        at: 0,
        edge: 0.0,
        sums: own.clone(),
    });
    lines.push(Line {
        at: count,
        edge: count as f32,
        sums: own,
    });
    lines.sort_by_key(|line| line.at);
    lines
}

/// What a straight edge must have for it, as a share of its line.
const PEAK: f32 = values::RECTANGLES_PEAK;
/// Cells of a line that are added up before its best stretch is looked for.
const PIECE: usize = values::RECTANGLES_PIECE;

/// What the picture's own edge counts as.
const OWN_EDGE: f32 = values::RECTANGLES_OWN_EDGE;

/// How much of any rectangle is not flat.
struct Richness {
    columns: usize,
    /// Sums over all cells above and to the left; a row and a column more than there are cells.
    sums: Vec<u32>,
}

impl Richness {
    fn new(luma: &Luma) -> Self {
        const STEP: f32 = values::RECTANGLES_RICH_STEP;
        let columns = luma.columns + 1;
        let mut sums = vec![0; columns * (luma.rows + 1)];
        for (y, row) in luma.cells.chunks_exact(luma.columns.max(1)).enumerate() {
            let (above, below) = sums.split_at_mut((y + 1) * columns);
            let above = above.iter().skip(y * columns + 1);
            let mut sum = 0;
            let mut before = row.first().copied().unwrap_or(0.0);
            for ((value, above), below) in row.iter().zip(above).zip(below.iter_mut().skip(1)) {
                sum += u32::from((value - before).abs() > STEP);
                before = *value;
                *below = above + sum;
            }
        }
        Self { columns, sums }
    }

    fn share(&self, x: [usize; 2], y: [usize; 2]) -> f32 {
        let at = |x: usize, y: usize| {
            let sum = self.sums.get(y * self.columns + x);
            sum.copied().unwrap_or(0)
        };
        let rich = (at(x[1], y[1]) + at(x[0], y[0])) - (at(x[0], y[1]) + at(x[1], y[0]));
        rich as f32 / ((x[1] - x[0]) * (y[1] - y[0])).max(1) as f32
    }
}

/// The rectangles that lines enclose, those first whose weakest side is the strongest.
fn enclosed(view: &View<'_>, most: usize) -> Vec<Rectangle> {
    let luma = view.luma;
    let (upright, level) = (lines(view, false), lines(view, true));
    let rich = Richness::new(luma);
    let mut scored: Vec<(f32, Rectangle)> = Vec::new();
    let across = |line: &Line| (line.edge * luma.cell[0] / luma.size[0]).min(1.0);
    let down = |line: &Line| (line.edge * luma.cell[1] / luma.size[1]).min(1.0);
    for (i, left) in upright.iter().enumerate() {
        for right in upright.iter().skip(i + 1) {
            let x = [across(left), across(right)];
            if x[1] - x[0] < LEAST_SIDE {
                continue;
            }
            for (j, top) in level.iter().enumerate() {
                let columns = [left.at, right.at];
                let above = top.support(columns);
                if above < LEAST_SUPPORT {
                    continue;
                }
                for bottom in level.iter().skip(j + 1) {
                    let y = [down(top), down(bottom)];
                    let rows = [top.at, bottom.at];
                    let supports = [
                        above,
                        bottom.support(columns),
                        left.support(rows),
                        right.support(rows),
                    ];
                    let least = supports.iter().copied().fold(1.0, f32::min);
                    if least < LEAST_SUPPORT || y[1] - y[0] < LEAST_SIDE {
                        continue;
                    }
                    let mean = supports.iter().sum::<f32>() / 4.0;
                    // What is flat within is a button or a text, sooner than a picture.
                    let within = rich.share(columns, rows);
                    scored.push((least + 0.5 * mean + 0.5 * within, Rectangle { x, y }));
                }
            }
        }
    }
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.truncate(4 * most);
    scored.into_iter().map(|(_, rectangle)| rectangle).collect()
}

/// What each side of an enclosed rectangle must have at least.
const LEAST_SUPPORT: f32 = values::RECTANGLES_LEAST_SUPPORT;
