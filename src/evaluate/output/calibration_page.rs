//! The calibration as a page with plots.

use super::calibration_rows::{guess_rows, in_a_million, noisy_rows, rate_rows, scan_rows};
use crate::evaluate::calibrate::{BankRates, Calibration, ThresholdRate};
use crate::pages::number::thousands;
use crate::pages::page::Page;
use crate::pages::plot::{self, Counts, Curve, Curves, Histogram};

/// Noisy entries that the page shows; the JSON has more.
const NOISY_SHOWN: usize = 100;

/// The calibration as one HTML page that holds all it shows.
#[must_use]
pub fn calibration_page(found: &Calibration) -> String {
    let mut page = Page::new("hashgate calibrate", "How far may the entries reach?");
    page.lead(&format!(
        "{} PDQ hashes of generation {} were held against {} harmless uploads of {} ({} hashes). An \
         entry's safe reach is the largest radius, up to {} bits, such that no harmless hash lies within \
         it and {} bits more.",
        thousands(found.entries),
        found.generation,
        thousands(found.uploads),
        found.sample,
        thousands(found.hashes),
        found.widest_reach,
        found.margin
    ));
    page.figures(&figures(found));
    page.charts("How far may they reach?", &[reach_chart(found)]);
    page.charts(
        "How many harmless uploads does a threshold flag?",
        &rate_charts(found),
    );
    page.note(
        "Expected false flags among a million uploads that are like the sample, with the exact interval of Clopper \
         and Pearson at 95 %. Where none was flagged, the upper end is 3 in the number of uploads: the rule of three. A \
         sample that is not like your uploads says little about them.",
    );
    for bank in &found.banks {
        let (header, rows) = rate_rows(bank);
        page.table(
            &format!("{}, threshold {}", bank.bank, bank.threshold),
            &header,
            &rows,
        );
        if !bank.guesses.is_empty() {
            let (header, rows) = guess_rows(bank);
            page.table(
                &format!("{}, by guesses at the originals of uploads", bank.bank),
                &header,
                &rows,
            );
        }
    }
    if found.noisy.is_empty() {
        page.note("No entry flags a picture of the sample.");
    } else {
        let (header, rows) = noisy_rows(found, NOISY_SHOWN);
        page.table("Noisy entries: look at these", &header, &rows);
    }
    if let Some(scan) = &found.scan {
        let (header, rows) = scan_rows(scan);
        page.table(
            "What another threshold would have changed in the past scan",
            &header,
            &rows,
        );
        page.note(
            "One threshold for all banks. Beyond the thresholds of the scan only pictures as stored are counted: at least \
             so many would have matched.",
        );
    }
    page.facts(
        "What was judged",
        &[
            ("Sample", &found.sample),
            ("Generation", &found.generation.to_string()),
            ("Margin", &format!("{} bits", found.margin)),
            ("hashgate", &found.program_version),
        ],
    );
    page.again(&format!(
        "hashgate calibrate --benign {}",
        found.sample.replace(" + ", " --benign ")
    ));
    page.finish()
}

fn figures(found: &Calibration) -> Vec<(String, String, String)> {
    let all = found.noisy.len() as u64 + found.noisy_left_out;
    let mut figures = vec![(
        "noisy entries".to_owned(),
        thousands(all),
        "flag harmless pictures now".to_owned(),
    )];
    for bank in &found.banks {
        let at = bank.by_threshold.get(usize::from(bank.threshold));
        if let Some(rate) = at {
            figures.push((
                format!("{}, threshold {}", bank.bank, bank.threshold),
                thousands(rate.flagged),
                format!("flagged; in a million {}", in_a_million(&rate.per_million)),
            ));
        }
    }
    figures
}

fn reach_chart(found: &Calibration) -> String {
    plot::histogram(&Histogram {
        title: "Entries by safe reach".to_owned(),
        // PDQ distances are even, and what is left of them is odd.
        together: 2,
        x_label: "bits, two to a column".to_owned(),
        series: vec![Counts {
            name: format!(
                "entries ({} may reach nowhere)",
                thousands(found.without_reach)
            ),
            counts: found.by_reach.clone(),
        }],
        mark: None,
    })
}

fn rate_charts(found: &Calibration) -> Vec<String> {
    let chart = |bank: &BankRates| {
        let curve = |name: &str, share: fn(&ThresholdRate) -> f64| Curve {
            name: name.to_owned(),
            points: (bank.by_threshold.iter())
                .map(|rate| (f64::from(rate.threshold), share(rate) / 1e6))
                .collect(),
        };
        plot::curves(&Curves {
            title: format!("{}: share of harmless uploads flagged", bank.bank),
            x_label: "threshold in bits".to_owned(),
            x_ticks: (0..=63)
                .step_by(8)
                .map(|at| (f64::from(at), at.to_string()))
                .collect(),
            curves: vec![
                curve("seen", |rate| rate.per_million.value),
                curve("at most, with 95 % confidence", |rate| {
                    rate.per_million.high
                }),
            ],
            mark: Some((
                f64::from(bank.threshold),
                format!("threshold {}", bank.threshold),
            )),
            dots: false,
            fit: true,
        })
    };
    found.banks.iter().map(chart).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::output::write_calibration_text;

    /// A calibration whose names are hostile.
    fn hostile() -> Calibration {
        let name = "<script>alert(1)</script>\u{1b}[2J";
        let per_million = serde_json::json!({"value": 20_000.0, "low": 500.0, "high": 110_000.0});
        let value = serde_json::json!({
            "report": "calibrate", "program_version": "0.1.0", "sample": name, "uploads": 50,
            "hashes": 60, "guesses": 0, "generation": 3, "entries": 2, "margin": 8, "widest_reach": 60,
            "by_reach": vec![1; 61], "without_reach": 1,
            "banks": [{
                "bank": name, "threshold": 31, "min_quality": 50,
                "by_threshold": [{"threshold": 31, "flagged": 1, "per_million": per_million}],
            }],
            "noisy": [{
                "bank": name, "content_id": 7, "hash": "pdq:0f0f0f0f…", "nearest": 2,
                "within_threshold": 1, "reach": null,
            }],
            "noisy_left_out": 0, "scan": null,
        });
        serde_json::from_value(value).expect("a calibration")
    }

    #[test]
    fn hostile_names_are_text_in_the_page_and_on_a_terminal() {
        let page = calibration_page(&hostile());
        assert!(!page.contains("<script") && !page.contains('\u{1b}'));
        assert!(
            page.matches("&lt;script&gt;alert(1)&lt;/script&gt;")
                .count()
                >= 5
        );
        assert_eq!(page.matches("<svg").count(), 2);
        let mut text = Vec::new();
        write_calibration_text(&mut text, &hostile()).expect("written");
        let text = String::from_utf8(text).expect("UTF-8");
        let sample = text.lines().next().expect("a line");
        assert!(
            sample.contains("\\u{1b}[2J: 50 harmless uploads"),
            "{sample}"
        );
    }
}
