//! Plots of shares and counts as SVG: curves over an axis from 0 to 100 %, estimates with their
//! intervals in rows, histograms. Colours and the frame are those of `chart`.

use super::chart::{COLOURS, LEFT, RIGHT, WIDTH, begin, end, legend, legend_height, put, width};
use super::number::percent;
use super::page::escape;
use std::fmt::Write;

/// One curve of [`Curves`].
pub(crate) struct Curve {
    pub(crate) name: String,
    /// Place on the x axis, and a share of 0 to 1.
    pub(crate) points: Vec<(f64, f64)>,
}

/// Shares as curves over an axis of 0 to 100 %.
pub(crate) struct Curves {
    pub(crate) title: String,
    pub(crate) x_label: String,
    /// Places on the x axis, and what stands below them.
    pub(crate) x_ticks: Vec<(f64, String)>,
    pub(crate) curves: Vec<Curve>,
    /// A place on the x axis that is marked, and what is written there.
    pub(crate) mark: Option<(f64, String)>,
    /// Whether each point is drawn.
    pub(crate) dots: bool,
    /// Whether the axis ends at the highest point, rounded up, and not at 100 %.
    pub(crate) fit: bool,
}

/// A row of [`Intervals`].
pub(crate) struct Row {
    pub(crate) name: String,
    /// Value, lower and upper end, all 0 to 1: one for each series.
    pub(crate) estimates: Vec<(f64, f64, f64)>,
}

/// Shares with their intervals as rows of dots over an axis of 0 to 100 %.
pub(crate) struct Intervals {
    pub(crate) title: String,
    pub(crate) series: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

/// One series of [`Histogram`].
pub(crate) struct Counts {
    pub(crate) name: String,
    /// Counts from 0; all are drawn.
    pub(crate) counts: Vec<u64>,
}

/// Counts by a whole number, as steps over a logarithmic axis.
pub(crate) struct Histogram {
    pub(crate) title: String,
    /// How many numbers a column stands for.
    pub(crate) together: usize,
    pub(crate) x_label: String,
    pub(crate) series: Vec<Counts>,
    pub(crate) mark: Option<(f64, String)>,
}

const PLOT: f64 = 220.0;
/// Below the plot: ticks and the axis's name.
const FOOT: f64 = 44.0;

/// The frame of a plot: where places and shares lie.
struct Frame {
    top: f64,
    first: f64,
    span: f64,
}

impl Frame {
    fn new(top: f64, first: f64, last: f64) -> Self {
        let span = if last > first { last - first } else { 1.0 };
        Self { top, first, span }
    }

    fn x(&self, place: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * ((place - self.first) / self.span).clamp(0.0, 1.0)
    }

    fn y(&self, share: f64) -> f64 {
        self.top + PLOT * (1.0 - share.clamp(0.0, 1.0))
    }

    fn below(&self) -> f64 {
        self.top + PLOT
    }

    fn line_across(&self, svg: &mut String, share: f64, name: &str) {
        let y = self.y(share);
        put(
            svg,
            format_args!(
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{}\"/><text class=\"tick end\" x=\"{}\" y=\"{:.1}\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 8.0,
                y + 4.0,
                escape(name)
            ),
        );
    }

    fn x_axis(&self, svg: &mut String, ticks: &[(f64, String)], label: &str) {
        for (place, name) in ticks {
            put(
                svg,
                format_args!(
                    "<text class=\"tick middle\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                    self.x(*place),
                    self.below() + 18.0,
                    escape(name)
                ),
            );
        }
        put(
            svg,
            format_args!(
                "<text class=\"tick middle\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                (LEFT + WIDTH - RIGHT) / 2.0,
                self.below() + 37.0,
                escape(label)
            ),
        );
    }

    fn mark(&self, svg: &mut String, mark: Option<&(f64, String)>) {
        let Some((place, text)) = mark else {
            return;
        };
        let x = self.x(*place);
        put(
            svg,
            format_args!(
                "<path class=\"mark\" d=\"M{x:.1} {:.1}V{:.1}\"/><text class=\"tick halo\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                self.top,
                self.below(),
                x + 5.0,
                self.top + 12.0,
                escape(text)
            ),
        );
    }
}

/// Shares as curves.
pub(crate) fn curves(chart: &Curves) -> String {
    let names: Vec<&str> = chart.curves.iter().map(|curve| &*curve.name).collect();
    let top = legend_height(&names) + 4.0;
    let mut svg = begin(
        &chart.title,
        top + PLOT + FOOT,
        &format!("{}, as curves by {}", chart.title, chart.x_label),
    );
    legend(&mut svg, &names);
    let points = chart.curves.iter().flat_map(|curve| &curve.points);
    let places = points.map(|point| point.0);
    let places = places.chain(chart.x_ticks.iter().map(|tick| tick.0));
    let (first, last) = places.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), place| {
        (low.min(place), high.max(place))
    });
    let frame = Frame::new(top, first, last);
    let most = if chart.fit {
        round_up(highest(chart))
    } else {
        1.0
    };
    for fifth in 0..=5 {
        let share = f64::from(fifth) / 5.0;
        let value = 100.0 * most * share;
        // As many digits as tell the lines apart.
        let digits = (1.0 - (20.0 * most).log10().floor()).clamp(0.0, 6.0) as usize;
        let digits = if most >= 0.5 { 0 } else { digits };
        frame.line_across(&mut svg, share, &format!("{value:.digits$} %"));
    }
    frame.x_axis(&mut svg, &chart.x_ticks, &chart.x_label);
    frame.mark(&mut svg, chart.mark.as_ref());
    for (number, curve) in chart.curves.iter().enumerate() {
        let colour = number % COLOURS;
        let mut path = String::new();
        for (place, share) in &curve.points {
            let step = if path.is_empty() { 'M' } else { 'L' };
            let _ = write!(
                path,
                "{step}{:.1} {:.1}",
                frame.x(*place),
                frame.y(*share / most)
            );
        }
        put(
            &mut svg,
            format_args!("<path class=\"line l{colour}\" d=\"{path}\"/>"),
        );
        for (place, share) in curve.points.iter().filter(|_| chart.dots) {
            put(
                &mut svg,
                format_args!(
                    "<circle class=\"f{colour}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\"><title>{}: {}</title></circle>",
                    frame.x(*place),
                    frame.y(*share / most),
                    escape(&curve.name),
                    percent(*share)
                ),
            );
        }
    }
    end(svg)
}

fn highest(chart: &Curves) -> f64 {
    let points = chart.curves.iter().flat_map(|curve| &curve.points);
    points.map(|point| point.1).fold(0.0, f64::max)
}

/// The next of 1, 2 and 5 times a power of ten; at least a thousandth of a percent, at most 1.
fn round_up(share: f64) -> f64 {
    let ladder = (-5..0).flat_map(|power| [1.0, 2.0, 5.0].map(|n| n * 10f64.powi(power)));
    ladder
        .into_iter()
        .find(|&step| step >= share)
        .unwrap_or(1.0)
}

/// Shares with their intervals, in rows.
pub(crate) fn intervals(chart: &Intervals) -> String {
    const STEP: f64 = 13.0;
    const GAP: f64 = 7.0;
    /// For the value, at the right.
    const VALUE: f64 = 58.0;
    let names: Vec<&str> = chart.series.iter().map(|name| &**name).collect();
    let top = legend_height(&names) + 18.0;
    let label = (chart.rows.iter())
        .map(|row| width(&row.name))
        .fold(0.0, f64::max);
    let left = (label + 14.0).min(WIDTH / 2.0);
    let right = WIDTH - VALUE;
    let lines = chart.series.len().max(1) as f64;
    let step = STEP * lines + GAP;
    let height = top + step * chart.rows.len() as f64 + 4.0;
    let mut svg = begin(
        &chart.title,
        height,
        &format!("{}, shares with their intervals", chart.title),
    );
    legend(&mut svg, &names);
    let x = |share: f64| left + (right - left) * share.clamp(0.0, 1.0);
    for quarter in 0..=4 {
        let at = x(f64::from(quarter) / 4.0);
        put(
            &mut svg,
            format_args!(
                "<path class=\"grid\" d=\"M{at:.1} {:.1}V{height:.1}\"/><text class=\"tick middle\" x=\"{at:.1}\" y=\"{:.1}\">{} %</text>",
                top - 4.0,
                top - 8.0,
                25 * quarter
            ),
        );
    }
    for (number, row) in chart.rows.iter().enumerate() {
        let y = top + step * number as f64 + GAP / 2.0;
        put(
            &mut svg,
            format_args!(
                "<text class=\"end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                left - 10.0,
                y + STEP * lines / 2.0 + 4.0,
                escape(&row.name)
            ),
        );
        for (series, (value, low, high)) in row.estimates.iter().enumerate() {
            let colour = series % COLOURS;
            let middle = y + STEP * (series as f64 + 0.5);
            let name = chart.series.get(series).map_or("", |name| name);
            put(
                &mut svg,
                format_args!(
                    "<path class=\"reach l{colour}\" d=\"M{:.1} {middle:.1}H{:.1}\"/>\
                     <circle class=\"f{colour}\" cx=\"{:.1}\" cy=\"{middle:.1}\" r=\"4.5\"><title>{}: {} ({} to {})</title></circle>\
                     <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                    x(*low),
                    x(*high),
                    x(*value),
                    escape(name),
                    percent(*value),
                    percent(*low),
                    percent(*high),
                    right + 10.0,
                    middle + 4.0,
                    percent(*value)
                ),
            );
        }
    }
    end(svg)
}

/// Counts as steps.
pub(crate) fn histogram(chart: &Histogram) -> String {
    let names: Vec<&str> = chart.series.iter().map(|series| &*series.name).collect();
    let top = legend_height(&names) + 4.0;
    let mut svg = begin(
        &chart.title,
        top + PLOT + FOOT,
        &format!("{}, counts by {}", chart.title, chart.x_label),
    );
    legend(&mut svg, &names);
    let together = chart.together.max(1);
    let columns: Vec<Vec<u64>> = (chart.series.iter())
        .map(|series| {
            series
                .counts
                .chunks(together)
                .map(|few| few.iter().sum())
                .collect()
        })
        .collect();
    let most = columns.iter().flatten().copied().max().unwrap_or(0).max(1) as f64;
    let decades = (most.log10().ceil() as i32).max(1);
    let last = columns.iter().map(Vec::len).max();
    let frame = Frame::new(top, 0.0, last.unwrap_or(1).max(1) as f64);
    // One event stands above the ground; none lies on it.
    let share = |count: u64| match count {
        0 => 0.0,
        n => ((n as f64).log10() + 0.35) / (f64::from(decades) + 0.35),
    };
    for power in 0..=decades {
        let count = 10u64.pow(power.unsigned_abs());
        let name = super::number::thousands(count);
        frame.line_across(&mut svg, share(count), &name);
    }
    frame.line_across(&mut svg, 0.0, "0");
    let numbers = together * last.unwrap_or(1);
    let step = if numbers > 24 { 8 } else { 2 };
    let ticks: Vec<(f64, String)> = (0..numbers)
        .step_by(step)
        .map(|number| ((number / together) as f64 + 0.5, number.to_string()))
        .collect();
    frame.x_axis(&mut svg, &ticks, &chart.x_label);
    for (number, counts) in columns.iter().enumerate() {
        let colour = number % COLOURS;
        let ground = frame.below();
        let mut path = format!("M{:.1} {ground:.1}", frame.x(0.0));
        for (place, &count) in counts.iter().enumerate() {
            let _ = write!(
                path,
                "V{:.1}H{:.1}",
                frame.y(share(count)),
                frame.x(place as f64 + 1.0)
            );
        }
        let _ = write!(path, "V{ground:.1}");
        put(
            &mut svg,
            format_args!(
                "<path class=\"area f{colour}\" d=\"{path}Z\"/><path class=\"step l{colour}\" d=\"{path}\"/>"
            ),
        );
    }
    let mark = chart.mark.as_ref();
    frame.mark(
        &mut svg,
        mark.map(|(number, text)| ((number / together as f64).floor() + 1.0, text.clone()))
            .as_ref(),
    );
    end(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_to_draw_draws_no_nonsense() {
        let empty = [
            curves(&Curves {
                title: "a<b".to_owned(),
                x_label: String::new(),
                x_ticks: Vec::new(),
                curves: Vec::new(),
                mark: None,
                dots: true,
                fit: true,
            }),
            intervals(&Intervals {
                title: "a<b".to_owned(),
                series: Vec::new(),
                rows: Vec::new(),
            }),
            histogram(&Histogram {
                title: "a<b".to_owned(),
                together: 2,
                x_label: String::new(),
                series: Vec::new(),
                mark: Some((3.0, "x".to_owned())),
            }),
        ];
        for svg in empty {
            assert!(svg.contains("a&lt;b"));
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

    #[test]
    fn axes_that_fit_end_at_round_numbers() {
        for (share, most) in [
            (0.0, 0.000_01),
            (0.013, 0.02),
            (0.05, 0.05),
            (0.3, 0.5),
            (0.7, 1.0),
        ] {
            assert!((round_up(share) - most).abs() < 1e-12, "{share}");
        }
    }

    #[test]
    fn shares_lie_where_they_belong() {
        let svg = intervals(&Intervals {
            title: "t".to_owned(),
            series: vec!["s".to_owned()],
            rows: vec![
                Row {
                    name: "all".to_owned(),
                    estimates: vec![(1.0, 0.5, 1.0)],
                },
                Row {
                    name: "none".to_owned(),
                    estimates: vec![(0.0, 0.0, 0.5)],
                },
            ],
        });
        // From 42.8 (the label's width and a gap) to 502.
        assert!(svg.contains("cx=\"502.0\""), "{svg}");
        assert!(svg.contains("cx=\"42.8\""), "{svg}");
        assert!(svg.contains("M272.4 "), "the middle: {svg}");
    }
}
