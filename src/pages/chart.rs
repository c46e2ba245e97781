//! Plots as SVG, drawn into the page that shows them: lines over a logarithmic axis, values as
//! rows of dots, shares as bars. Colours come from the page's style, for light and for dark.

use super::number::three_digits;
use super::page::escape;
use std::fmt::Write;

/// One line of [`Lines`].
pub(crate) struct Series {
    pub(crate) name: String,
    /// Place on the x axis, and the value.
    pub(crate) points: Vec<(f64, f64)>,
}

/// Values as lines over a logarithmic y axis.
pub(crate) struct Lines {
    pub(crate) title: String,
    /// Places on the x axis, and what stands below them.
    pub(crate) x_ticks: Vec<(f64, String)>,
    pub(crate) show: fn(f64) -> String,
    pub(crate) y_label: &'static str,
    pub(crate) series: Vec<Series>,
    /// Values that the axis must hold too: those of the charts beside it, so that all have one axis.
    pub(crate) beside: Vec<f64>,
}

/// Values as dots in rows over a logarithmic x axis; each row has several.
pub(crate) struct Dots {
    pub(crate) title: String,
    pub(crate) unit: &'static str,
    pub(crate) rows: Vec<(String, Vec<(String, f64)>)>,
    /// As in [`Lines`].
    pub(crate) beside: Vec<f64>,
}

/// Values as bars from zero.
pub(crate) struct Bars {
    pub(crate) title: String,
    pub(crate) rows: Vec<(String, f64)>,
    /// How a value is written.
    pub(crate) show: fn(f64) -> String,
}

/// Parts of a whole, as one bar.
pub(crate) struct Shares {
    pub(crate) title: String,
    /// Name, value, and the value as text.
    pub(crate) parts: Vec<(String, f64, String)>,
}

pub(super) const WIDTH: f64 = 560.0;
pub(super) const LEFT: f64 = 74.0;
pub(super) const RIGHT: f64 = 24.0;
/// Colours in the page's style.
pub(super) const COLOURS: usize = 6;

/// How wide a text of 12 px is at most, nearly.
pub(super) fn width(text: &str) -> f64 {
    7.2 * text.chars().count() as f64
}

/// An axis of powers of ten.
struct Decades {
    low: i32,
    high: i32,
}

impl Decades {
    fn around(values: impl Iterator<Item = f64> + Clone) -> Self {
        let positive = values.filter(|value| value.is_finite() && *value > 0.0);
        let least = positive.clone().fold(f64::INFINITY, f64::min);
        let most = positive.fold(0.0, f64::max);
        if most <= 0.0 {
            return Self { low: 0, high: 1 };
        }
        let low = least.log10().floor() as i32;
        let high = (most.log10().ceil() as i32).max(low + 1);
        Self { low, high }
    }

    /// Where a value is, 0 at the low end and 1 at the high one.
    fn place(&self, value: f64) -> f64 {
        let low = f64::from(self.low);
        let span = f64::from(self.high - self.low);
        let log = value.max(f64::MIN_POSITIVE).log10();
        ((log - low) / span).clamp(0.0, 1.0)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        (self.low..=self.high).map(|power| 10f64.powi(power))
    }

    /// The lines between the powers of ten.
    fn minor(&self) -> impl Iterator<Item = f64> {
        (self.low..self.high)
            .flat_map(|power| (2..10).map(move |n| f64::from(n) * 10f64.powi(power)))
    }
}

pub(super) fn begin(title: &str, height: f64, summary: &str) -> String {
    format!(
        "<figure><figcaption>{}</figcaption>\n<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">\n",
        escape(title),
        escape(summary)
    )
}

pub(super) fn end(mut svg: String) -> String {
    svg.push_str("</svg></figure>\n");
    svg
}

pub(super) fn put(svg: &mut String, part: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = svg.write_fmt(part);
    svg.push('\n');
}

/// Names and colours, in as many rows as they take; gives the y below them.
pub(super) fn legend(svg: &mut String, names: &[&str]) -> f64 {
    let (mut x, mut y) = (4.0, 14.0);
    for (at, name) in names.iter().enumerate() {
        let need = 16.0 + width(name) + 14.0;
        if x + need > WIDTH && x > 4.0 {
            x = 4.0;
            y += 20.0;
        }
        let colour = at % COLOURS;
        put(
            svg,
            format_args!(
                "<circle class=\"f{colour}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"5\"/><text x=\"{:.1}\" y=\"{y:.1}\">{}</text>",
                x + 6.0,
                y - 4.0,
                x + 16.0,
                escape(name)
            ),
        );
        x += need;
    }
    y + 16.0
}

/// How high a legend of these names is.
pub(super) fn legend_height(names: &[&str]) -> f64 {
    legend(&mut String::new(), names)
}

pub(crate) fn lines(chart: &Lines) -> String {
    const PLOT: f64 = 210.0;
    let names: Vec<&str> = chart.series.iter().map(|series| &*series.name).collect();
    let top = legend_height(&names);
    let height = top + PLOT + 30.0;
    let mut svg = begin(
        &chart.title,
        height,
        &format!("{}: {} as lines", chart.title, chart.y_label),
    );
    legend(&mut svg, &names);
    let values = chart.series.iter().flat_map(|series| &series.points);
    let axis = Decades::around(
        values
            .map(|point| point.1)
            .chain(chart.beside.iter().copied()),
    );
    let y = |value: f64| top + PLOT * (1.0 - axis.place(value));
    let (first, last) = (chart.x_ticks.iter().map(|tick| tick.0))
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| {
            (a.min(x), b.max(x))
        });
    let span = if last > first { last - first } else { 1.0 };
    let inner = WIDTH - LEFT - RIGHT - 20.0;
    let x = |place: f64| LEFT + 10.0 + inner * (place - first) / span;
    let right = WIDTH - RIGHT;
    for value in axis.minor() {
        put(
            &mut svg,
            format_args!(
                "<path class=\"minor\" d=\"M{LEFT} {0:.1}H{right}\"/>",
                y(value)
            ),
        );
    }
    for value in axis.ticks() {
        put(
            &mut svg,
            format_args!(
                "<path class=\"grid\" d=\"M{LEFT} {0:.1}H{right}\"/><text class=\"tick end\" x=\"{1}\" y=\"{2:.1}\">{3}</text>",
                y(value),
                LEFT - 8.0,
                y(value) + 4.0,
                escape(&short(&(chart.show)(value)))
            ),
        );
    }
    for (place, name) in &chart.x_ticks {
        put(
            &mut svg,
            format_args!(
                "<text class=\"tick middle\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                x(*place),
                top + PLOT + 20.0,
                escape(name)
            ),
        );
    }
    for (at, series) in chart.series.iter().enumerate() {
        let colour = at % COLOURS;
        let mut path = String::new();
        for (at, &(place, value)) in series.points.iter().enumerate() {
            let step = if at == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{step}{:.1} {:.1}", x(place), y(value));
        }
        put(
            &mut svg,
            format_args!("<path class=\"line l{colour}\" d=\"{path}\"/>"),
        );
        for &(place, value) in &series.points {
            put(
                &mut svg,
                format_args!(
                    "<circle class=\"f{colour}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\"><title>{}: {}</title></circle>",
                    x(place),
                    y(value),
                    escape(&series.name),
                    escape(&(chart.show)(value))
                ),
            );
        }
    }
    end(svg)
}

/// `1.00 µs` on an axis is `1 µs`.
fn short(text: &str) -> String {
    match text.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            let number = number.trim_end_matches('0').trim_end_matches('.');
            format!("{number} {unit}")
        }
        _ => text.to_owned(),
    }
}

/// `1000000` on an axis is `1 M`.
fn short_number(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{} M", v / 1e6),
        v if v >= 1e3 => format!("{} k", v / 1e3),
        v => v.to_string(),
    }
}

pub(crate) fn dots(chart: &Dots) -> String {
    const ROW: f64 = 19.0;
    const GAP: f64 = 12.0;
    const VALUE: f64 = 78.0;
    let first = chart.rows.first().map_or(&[][..], |row| &row.1);
    let names: Vec<&str> = first.iter().map(|dot| &*dot.0).collect();
    let top = legend_height(&names);
    let rows: usize = chart.rows.iter().map(|row| row.1.len()).sum();
    let plot = ROW * rows as f64 + GAP * chart.rows.len() as f64;
    let height = top + plot + 30.0;
    let mut svg = begin(
        &chart.title,
        height,
        &format!("{}: {} as dots", chart.title, chart.unit),
    );
    legend(&mut svg, &names);
    let label = chart
        .rows
        .iter()
        .map(|row| width(&row.0))
        .fold(0.0, f64::max);
    let left = label + 16.0;
    let values = chart.rows.iter().flat_map(|row| &row.1).map(|dot| dot.1);
    let axis = Decades::around(values.chain(chart.beside.iter().copied()));
    let x = |value: f64| left + (WIDTH - VALUE - left) * axis.place(value);
    for value in axis.ticks() {
        put(
            &mut svg,
            format_args!(
                "<path class=\"grid\" d=\"M{0:.1} {1:.1}V{2:.1}\"/><text class=\"tick middle\" x=\"{0:.1}\" y=\"{3:.1}\">{4}</text>",
                x(value),
                top,
                top + plot,
                top + plot + 20.0,
                short_number(value)
            ),
        );
    }
    let mut y = top + GAP / 2.0;
    for (name, dots) in &chart.rows {
        let middle = y + ROW * dots.len() as f64 / 2.0 + 4.0;
        put(
            &mut svg,
            format_args!(
                "<text class=\"end\" x=\"{:.1}\" y=\"{middle:.1}\">{}</text>",
                left - 10.0,
                escape(name)
            ),
        );
        for (at, (name, value)) in dots.iter().enumerate() {
            let colour = at % COLOURS;
            let centre = y + ROW / 2.0;
            put(
                &mut svg,
                format_args!(
                    "<path class=\"stem l{colour}\" d=\"M{left:.1} {centre:.1}H{0:.1}\"/>\
                 <circle class=\"f{colour}\" cx=\"{0:.1}\" cy=\"{centre:.1}\" r=\"5\"><title>{1}: {2}</title></circle>\
                 <text class=\"tick halo\" x=\"{3:.1}\" y=\"{4:.1}\">{2}</text>",
                    x(*value),
                    escape(name),
                    escape(&three_digits(*value)),
                    x(*value) + 10.0,
                    centre + 4.0
                ),
            );
            y += ROW;
        }
        y += GAP;
    }
    end(svg)
}

pub(crate) fn bars(chart: &Bars) -> String {
    const ROW: f64 = 34.0;
    const VALUE: f64 = 78.0;
    let label = (chart.rows.iter())
        .map(|row| width(&row.0))
        .fold(0.0, f64::max);
    let left = label + 16.0;
    let most = (chart.rows.iter())
        .map(|row| row.1)
        .fold(f64::MIN_POSITIVE, f64::max);
    let height = ROW * chart.rows.len() as f64 + 8.0;
    let mut svg = begin(&chart.title, height, &format!("{} as bars", chart.title));
    for (at, (name, value)) in chart.rows.iter().enumerate() {
        let y = 4.0 + ROW * at as f64;
        let wide = (WIDTH - VALUE - left) * (value.max(0.0) / most);
        let base = y + ROW / 2.0 + 4.0;
        put(
            &mut svg,
            format_args!(
                "<text class=\"end\" x=\"{:.1}\" y=\"{base:.1}\">{}</text>\
             <rect class=\"f0\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{wide:.1}\" height=\"{:.1}\" rx=\"3\"/>\
             <text x=\"{:.1}\" y=\"{base:.1}\">{}</text>",
                left - 10.0,
                escape(name),
                y + 5.0,
                ROW - 10.0,
                left + wide + 8.0,
                escape(&(chart.show)(*value))
            ),
        );
    }
    end(svg)
}

pub(crate) fn shares(chart: &Shares) -> String {
    let sum: f64 = chart.parts.iter().map(|part| part.1.max(0.0)).sum();
    let names: Vec<String> = chart
        .parts
        .iter()
        .map(|(name, value, text)| {
            let percent = 100.0 * value.max(0.0) / sum.max(f64::MIN_POSITIVE);
            format!("{name} {percent:.1}%, {text}")
        })
        .collect();
    let names: Vec<&str> = names.iter().map(|name| &**name).collect();
    let top = legend_height(&names);
    let mut svg = begin(
        &chart.title,
        top + 44.0,
        &format!("{}: {}", chart.title, names.join("; ")),
    );
    legend(&mut svg, &names);
    let mut x = 4.0;
    for (at, ((_, value, _), name)) in chart.parts.iter().zip(&names).enumerate() {
        let wide = (WIDTH - 8.0) * value.max(0.0) / sum.max(f64::MIN_POSITIVE);
        put(
            &mut svg,
            format_args!(
                "<rect class=\"f{}\" x=\"{x:.1}\" y=\"{top:.1}\" width=\"{wide:.1}\" height=\"34\"><title>{}</title></rect>",
                at % COLOURS,
                escape(name)
            ),
        );
        x += wide;
    }
    end(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_hold_all_values() {
        let axis = Decades::around([4.1, 900.0].into_iter());
        assert_eq!((axis.low, axis.high), (0, 3));
        assert_eq!(axis.place(1.0), 0.0);
        assert_eq!(axis.place(1000.0), 1.0);
        assert_eq!(axis.ticks().collect::<Vec<_>>(), [1.0, 10.0, 100.0, 1000.0]);
        let one = Decades::around([10.0].into_iter());
        assert_eq!((one.low, one.high), (1, 2));
        let none = Decades::around([0.0, f64::NAN].into_iter());
        assert_eq!((none.low, none.high), (0, 1));
        assert_eq!(none.place(0.0), 0.0);
    }

    #[test]
    fn nothing_to_draw_draws_no_nonsense() {
        let chart = lines(&Lines {
            title: "a<b".to_owned(),
            x_ticks: Vec::new(),
            show: |value| value.to_string(),
            y_label: "y",
            series: Vec::new(),
            beside: Vec::new(),
        });
        assert!(chart.contains("a&lt;b") && !chart.contains("NaN") && !chart.contains("inf"));
        let chart = shares(&Shares {
            title: "t".to_owned(),
            parts: vec![("read".to_owned(), 0.0, "0 s".to_owned())],
        });
        assert!(!chart.contains("NaN") && !chart.contains("inf"));
    }

    #[test]
    fn axis_labels_are_short() {
        assert_eq!(short("1.00 µs"), "1 µs");
        assert_eq!(short("100 µs"), "100 µs");
        assert_eq!(short_number(1e4), "10 k");
        assert_eq!(short_number(1e7), "10 M");
    }
}
