//! Floor 1: what reports are drawn with: numbers and names as people read them, tables, charts, pages.
//!
//! Owned here: how things look. Everything is drawn from plain data (numbers, text, rows), and what goes
//! into a page is escaped here, so that a hostile file name stays text. A page holds all it shows: no
//! script, no font and no picture is fetched from elsewhere. Refused: to know what the figures mean, to
//! read or write files, to know of terminals and arguments. Each report composes its own page.
//!
//! Nothing here leaves the crate: what is public are the reports that use it.
#![cfg_attr(
    not(any(feature = "full", test)),
    allow(
        dead_code,
        reason = "without the whole command fewer reports are drawn"
    )
)]

pub(crate) mod chart;
pub(crate) mod lint;
pub(crate) mod name;
pub(crate) mod number;
pub(crate) mod page;
pub(crate) mod plot;
#[cfg(feature = "evaluate")]
pub(crate) mod table;

#[cfg(test)]
mod tests {
    use super::chart::{Bars, Dots, Lines, Series, Shares, bars, dots, lines, shares};
    use super::page::{Cell, Page};
    use super::plot::{
        Counts, Curve, Curves, Histogram, Intervals, Row, curves, histogram, intervals,
    };

    #[test]
    fn hostile_text_stays_text_wherever_it_is_put() {
        const HOSTILE: &str = "</style><script>alert(1)</script>\"'>&\u{1b}[2J";
        let own = || HOSTILE.to_owned();
        let drawn = [
            bars(&Bars {
                title: own(),
                rows: vec![(own(), 1.0)],
                show: |_| HOSTILE.to_owned(),
            }),
            shares(&Shares {
                title: own(),
                parts: vec![(own(), 1.0, own())],
            }),
            lines(&Lines {
                title: own(),
                x_ticks: vec![(0.0, own())],
                show: |_| HOSTILE.to_owned(),
                y_label: HOSTILE,
                series: vec![Series {
                    name: own(),
                    points: vec![(0.0, 1.0)],
                }],
                beside: Vec::new(),
            }),
            dots(&Dots {
                title: own(),
                unit: HOSTILE,
                rows: vec![(own(), vec![(own(), 1.0)])],
                beside: Vec::new(),
            }),
            curves(&Curves {
                title: own(),
                x_label: own(),
                x_ticks: vec![(0.0, own())],
                curves: vec![Curve {
                    name: own(),
                    points: vec![(0.0, 0.5)],
                }],
                mark: Some((0.0, own())),
                dots: true,
                fit: true,
            }),
            intervals(&Intervals {
                title: own(),
                series: vec![own()],
                rows: vec![Row {
                    name: own(),
                    estimates: vec![(0.5, 0.25, 0.75)],
                }],
            }),
            histogram(&Histogram {
                title: own(),
                together: 1,
                x_label: own(),
                series: vec![Counts {
                    name: own(),
                    counts: vec![1, 2],
                }],
                mark: Some((0.0, own())),
            }),
        ];
        let mut page = Page::new(HOSTILE, HOSTILE);
        page.warning(HOSTILE);
        page.lead(HOSTILE);
        page.note(HOSTILE);
        page.figures(&[(own(), own(), own())]);
        page.charts(HOSTILE, &drawn);
        let row = vec![
            Cell::text(HOSTILE),
            Cell::name(HOSTILE),
            Cell::number(own()),
        ];
        page.table(HOSTILE, &[own(), own(), own()], &[row]);
        page.pictures(HOSTILE, &[(own(), b"x")]);
        page.facts(HOSTILE, &[(HOSTILE, HOSTILE)]);
        page.again(HOSTILE);
        let html = page.finish();
        assert!(
            !html.contains("<script") && !html.contains('\u{1b}'),
            "{html}"
        );
        assert_eq!(html.matches("</style>").count(), 1, "the page's own");
        assert!(
            html.matches("&lt;/style&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&gt;&amp;")
                .count()
                > 30
        );
        // No quote of a text ends an attribute: the tags are as many as without it.
        assert_eq!(html.matches('<').count(), html.matches('>').count());
    }
}
