//! The report as a page with plots.

use super::rows::{CALIBRATED, families, recall_rows, sum_rows, title};
use crate::evaluate::report::{AtThreshold, FalseFlags, Report, Results};
use crate::evaluate::run::Thumbnail;
use crate::pages::number::{percent, rare, thousands};
use crate::pages::page::{Cell, Page};
use crate::pages::plot::{self, Counts, Curve, Curves, Histogram, Intervals, Row};

/// The report as one HTML page that holds all it shows. `pictures` show what the modifications do;
/// `command` is what gives the same figures again.
#[must_use]
pub fn page(report: &Report, pictures: &[Thumbnail], command: &str) -> String {
    let mut page = Page::new(
        "hashgate evaluate",
        "How much is found, and what is flagged wrongly?",
    );
    page.lead(&lead(report));
    page.figures(&figures(report));
    page.charts(
        "How often is a modified copy found?",
        &recall_charts(report),
    );
    page.charts(
        "How does it fall with the strength?",
        &strength_charts(report),
    );
    page.charts(
        "What would another threshold give?",
        &threshold_charts(report),
    );
    page.charts("How far apart are they?", &histograms(report));
    page.note(
        "Counts over a logarithmic axis. Copies beyond the widest distance that is looked at are not drawn. \
         Where a copy's own distance and the distance to the nearest other entry overlap, no threshold parts them.",
    );
    wrong_flags(&mut page, report);
    hardest(&mut page, report);
    let (header, rows) = sum_rows(report);
    page.table("Sums", &header, &rows);
    let (header, rows) = recall_rows(report);
    page.table("All modifications", &header, &rows);
    let shown: Vec<(String, &[u8])> = pictures
        .iter()
        .map(|one| {
            let modification = one.modification.as_ref();
            let known = report
                .modifications
                .iter()
                .find(|m| Some(&m.name) == modification);
            let name = known.map_or_else(|| "the original".to_owned(), |m| m.title());
            (name, one.jpeg.as_slice())
        })
        .collect();
    page.pictures("What do the modifications do?", &shown);
    about(&mut page, report, command);
    page.finish()
}

fn lead(report: &Report) -> String {
    let copies = report.results.first().map_or(0, |result| result.copies);
    let against = match &report.benign {
        Some(benign) => format!(
            " Flags on other pictures, and on {} hashes of harmless ones ({}), are wrong.",
            thousands(benign.entries),
            benign.name
        ),
        None => " Flags on other pictures are wrong.".to_owned(),
    };
    format!(
        "{} pictures of {} are known by one hash each. {} copies, by {} modifications, were made in \
         memory and asked about as uploads are, with a threshold of {} bits.{against}",
        thousands(report.corpus.pictures),
        report.corpus.name,
        thousands(copies),
        report.modifications.len(),
        report.threshold
    )
}

fn figures(report: &Report) -> Vec<(String, String, String)> {
    let mut figures = Vec::new();
    for result in &report.results {
        figures.push((
            format!("found, {}", title(report, result)),
            percent(result.recall.value),
            format!(
                "{} to {} with 95 % confidence",
                percent(result.recall.low),
                percent(result.recall.high)
            ),
        ));
    }
    for result in &report.results {
        let flags = result
            .false_flags_benign
            .unwrap_or(result.false_flags_corpus);
        figures.push((
            format!("wrong flags, {}", title(report, result)),
            thousands(flags.pairs),
            format!(
                "by {} pairs of pictures; a pair with at most {}",
                thousands(flags.distinct.unwrap_or(0)),
                rare(flags.per_pair.high)
            ),
        ));
    }
    figures
}

fn recall_charts(report: &Report) -> Vec<String> {
    let series: Vec<String> = report
        .results
        .iter()
        .map(|one| title(report, one))
        .collect();
    let mut groups: Vec<&str> = (report.modifications.iter())
        .map(|one| one.group.as_str())
        .collect();
    groups.dedup();
    let chart = |group: &&str| {
        let of_group = report.modifications.iter().enumerate();
        let of_group = of_group.filter(|(_, one)| one.group == *group);
        let rows = of_group.map(|(at, one)| {
            let estimates = report.results.iter().filter_map(|result| {
                let recall = result.by_modification.get(at)?.recall;
                Some((recall.value, recall.low, recall.high))
            });
            Row {
                name: one.title(),
                estimates: estimates.collect(),
            }
        });
        plot::intervals(&Intervals {
            title: capital(group),
            series: series.clone(),
            rows: rows.collect(),
        })
    };
    groups.iter().map(chart).collect()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// A plot for each family of three strengths and more.
fn strength_charts(report: &Report) -> Vec<String> {
    let families = families(&report.modifications);
    let chart = |family: &&str| {
        let of_family: Vec<(usize, f64)> = (report.modifications.iter().enumerate())
            .filter(|(_, one)| one.family == *family)
            .filter_map(|(at, one)| Some((at, f64::from(one.strength?))))
            .collect();
        // EXIF orientations are numbers, not strengths.
        if of_family.len() < 3 || *family == "exif" {
            return None;
        }
        let curve = |result: &Results| Curve {
            name: title(report, result),
            points: of_family
                .iter()
                .filter_map(|&(at, strength)| {
                    Some((strength, result.by_modification.get(at)?.recall.value))
                })
                .collect(),
        };
        Some(plot::curves(&Curves {
            title: family.replace('_', " "),
            x_label: unit(family).to_owned(),
            x_ticks: spaced(&of_family),
            curves: report.results.iter().map(curve).collect(),
            mark: None,
            dots: true,
            fit: false,
        }))
    };
    families.iter().filter_map(chart).collect()
}

/// The strengths as ticks, without those that would lie over another's.
fn spaced(strengths: &[(usize, f64)]) -> Vec<(f64, String)> {
    let values = strengths.iter().map(|&(_, strength)| strength);
    let (low, high) = values
        .clone()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let mut ticks: Vec<(f64, String)> = Vec::new();
    for value in sorted {
        let last = ticks.last().map_or(f64::NEG_INFINITY, |tick| tick.0);
        if value - last >= (high - low) / 16.0 {
            ticks.push((value, value.to_string()));
        }
    }
    ticks
}

fn unit(family: &str) -> &'static str {
    match family {
        "jpeg" => "JPEG quality",
        "gamma" => "gamma",
        "posterise" => "levels of a channel",
        "noise" => "standard deviation, of 255",
        name if name.starts_with("rotate") || name == "hue" => "degrees",
        name if name.starts_with("resize") || name == "aspect" => "percent of the length",
        _ => "percent",
    }
}

fn threshold_charts(report: &Report) -> Vec<String> {
    let mut charts = Vec::new();
    let mut kinds: Vec<_> = report
        .results
        .iter()
        .map(|result| result.signal_type)
        .collect();
    kinds.dedup();
    kinds.sort_unstable();
    kinds.dedup();
    for kind in kinds {
        let results: Vec<&Results> = report
            .results
            .iter()
            .filter(|one| one.signal_type == kind)
            .collect();
        let widest = results
            .first()
            .map_or(0, |one| one.by_threshold.len().saturating_sub(1));
        let configured = match kind.max_distance() {
            64 => report.threshold64,
            _ => report.threshold,
        };
        let step = if widest > 24 { 8 } else { 2 };
        let ticks: Vec<(f64, String)> = (0..=widest)
            .step_by(step)
            .map(|at| (at as f64, at.to_string()))
            .collect();
        let curve = |share: fn(&AtThreshold) -> f64| {
            let of = move |result: &&Results| Curve {
                name: result.variants.clone(),
                points: (result.by_threshold.iter())
                    .map(|at| (f64::from(at.threshold), share(at)))
                    .collect(),
            };
            results.iter().map(of).collect::<Vec<_>>()
        };
        let mark = Some((
            f64::from(configured),
            format!("{configured} bits, as configured"),
        ));
        let list = report
            .benign
            .as_ref()
            .map_or("another picture", |_| "a benign entry or another picture");
        charts.push(plot::curves(&Curves {
            title: format!("{kind}: copies found, by distance alone"),
            x_label: "threshold in bits".to_owned(),
            x_ticks: ticks.clone(),
            curves: curve(|at| at.recall),
            mark: mark.clone(),
            dots: false,
            fit: false,
        }));
        charts.push(plot::curves(&Curves {
            title: format!("{kind}: copies with a wrong flag, {list}"),
            x_label: "threshold in bits".to_owned(),
            x_ticks: ticks,
            curves: curve(|at| wrong(at).per_copy.value),
            mark,
            dots: false,
            fit: true,
        }));
        charts.push(roc(
            &results,
            &format!("{kind}: recall against wrong flags (ROC)"),
        ));
    }
    charts
}

/// The worse of both lists.
fn wrong(at: &AtThreshold) -> FalseFlags {
    match at.benign {
        Some(benign) if benign.per_copy.value >= at.corpus.per_copy.value => benign,
        _ => at.corpus,
    }
}

/// Recall over the share of pairs that are flagged wrongly, as a power of ten.
fn roc(results: &[&Results], heading: &str) -> String {
    /// What stands for no wrong flag at all.
    const NONE: f64 = -9.0;
    let curves = results.iter().map(|result| Curve {
        name: result.variants.clone(),
        points: (result.by_threshold.iter())
            .map(|at| {
                let pairs = wrong(at).per_pair.value;
                let place = if pairs > 0.0 {
                    pairs.log10().max(NONE + 0.5)
                } else {
                    NONE
                };
                (place, at.recall)
            })
            .collect(),
    });
    let names = [
        "none", "10⁻⁸", "10⁻⁷", "10⁻⁶", "10⁻⁵", "10⁻⁴", "10⁻³", "1 %",
    ];
    plot::curves(&Curves {
        title: heading.to_owned(),
        x_label: "share of pairs that are flagged wrongly".to_owned(),
        x_ticks: (-9..=-2)
            .zip(names)
            .map(|(power, name)| (f64::from(power), name.to_owned()))
            .collect(),
        curves: curves.collect(),
        mark: None,
        dots: true,
        fit: false,
    })
}

fn histograms(report: &Report) -> Vec<String> {
    let inner = |counts: &[u64]| {
        counts
            .get(..counts.len().saturating_sub(1))
            .unwrap_or_default()
            .to_vec()
    };
    let chart = |result: &Results| {
        let histograms = &result.histograms;
        let mut series = vec![Counts {
            name: "a copy and its original".to_owned(),
            counts: inner(&histograms.own),
        }];
        series.push(Counts {
            name: "a copy and the nearest other picture".to_owned(),
            counts: inner(&histograms.nearest_corpus),
        });
        if let Some(benign) = &histograms.nearest_benign {
            series.push(Counts {
                name: "a copy and the nearest benign entry".to_owned(),
                counts: inner(benign),
            });
        }
        let configured = match result.signal_type.max_distance() {
            64 => report.threshold64,
            _ => report.threshold,
        };
        // PDQ hashes have 128 bits set: nearly all of their distances are even.
        let together = if result.signal_type.max_distance() == 64 {
            1
        } else {
            2
        };
        plot::histogram(&Histogram {
            title: format!("{}, {}", result.signal_type, result.variants),
            together,
            x_label: match together {
                1 => "distance in bits".to_owned(),
                _ => "distance in bits, two to a column".to_owned(),
            },
            series,
            mark: Some((f64::from(configured), format!("threshold {configured}"))),
        })
    };
    report.results.iter().map(chart).collect()
}

fn wrong_flags(page: &mut Page, report: &Report) {
    /// More are in the JSON.
    const SHOWN: usize = 25;
    let header = [
        "variants",
        "picture",
        "what was done",
        "as",
        "bits",
        "flagged",
        "list",
    ];
    let header: Vec<String> = header.map(str::to_owned).into();
    let rows = report.results.iter().flat_map(|result| {
        result.false_flags.iter().take(SHOWN).map(|flag| {
            vec![
                Cell::text(&title(report, result)),
                Cell::text(&flag.file),
                Cell::text(&flag.modification.replace('_', " ")),
                Cell::text(&flag.variant),
                Cell::number(flag.distance.to_string()),
                Cell::text(&short(&flag.entry)),
                Cell::text(&flag.against),
            ]
        })
    });
    let rows: Vec<Vec<Cell>> = rows.collect();
    if rows.is_empty() {
        page.note("No copy flagged anything but its own picture, as configured.");
    } else {
        page.table("The nearest wrong flags, as configured", &header, &rows);
    }
}

fn hardest(page: &mut Page, report: &Report) {
    let Some(result) = report.results.last() else {
        return;
    };
    let header = ["picture", "copies found", "of", "share"].map(str::to_owned);
    let rows: Vec<Vec<Cell>> = (result.hardest.iter())
        .map(|one| {
            vec![
                Cell::text(&one.file),
                Cell::number(thousands(one.found)),
                Cell::number(thousands(one.copies)),
                Cell::number(percent(one.found as f64 / one.copies.max(1) as f64)),
            ]
        })
        .collect();
    let heading = format!("The hardest pictures, by {}", title(report, result));
    page.table(&heading, &header, &rows);
}

/// A hash by its beginning: reports are shown around.
fn short(entry: &str) -> String {
    let is_hash = entry.len() == 64 && entry.bytes().all(|byte| byte.is_ascii_hexdigit());
    match entry.get(..12) {
        Some(front) if is_hash => format!("{front}…"),
        _ => entry.to_owned(),
    }
}

fn about(page: &mut Page, report: &Report, command: &str) {
    page.note(&format!(
        "A share of copies carries Wilson's 95 % interval; the share of all copies one by pictures, since copies of \
         one picture are not independent; wrong flags carry Clopper and Pearson's, one-sided where none was seen (the rule of \
         three). Entries within {} bits of a picture, turned and mirrored too, are taken to be the same picture and are no \
         wrong flags. WebP is lossless here: no maintained Rust encoder of lossy WebP has a licence that fits.",
        report.same_within
    ));
    if report.calibrated {
        page.note(CALIBRATED);
    }
    let mut facts = vec![
        ("Corpus", report.corpus.name.clone()),
        ("Pictures", thousands(report.corpus.pictures)),
        (
            "Files left out",
            thousands(report.corpus.left_out.len() as u64),
        ),
        (
            "SHA-256 of its digests",
            report
                .corpus
                .sha256
                .get(..16)
                .unwrap_or_default()
                .to_owned(),
        ),
        ("Seed", report.seed.to_string()),
        ("Threshold", format!("{} bits", report.threshold)),
        ("Least quality", report.min_quality.to_string()),
        ("JPEGs hashed", report.mode.clone()),
        ("hashgate", report.program_version.clone()),
    ];
    if let Some(benign) = &report.benign {
        facts.push((
            "Benign list",
            format!("{}, {} hashes", benign.name, thousands(benign.entries)),
        ));
        facts.push((
            "The same pictures in it",
            format!(
                "{} pairs, {} beyond the threshold",
                thousands(benign.same_pairs),
                thousands(benign.same_pairs_beyond_threshold)
            ),
        ));
        if let Some(seen) = benign.same_by_eye {
            let flagged = report.results.iter().filter_map(|result| {
                let seen = result.same_by_eye?;
                Some(format!(
                    "{} flags on {} of them by {}",
                    thousands(seen.pairs),
                    thousands(seen.distinct),
                    title(report, result)
                ))
            });
            let flagged: Vec<String> = flagged.collect();
            facts.push((
                "The same in another form, as a person saw",
                format!("{} pairs; {}", thousands(seen), flagged.join(", ")),
            ));
        }
    }
    let facts: Vec<(&str, &str)> = facts
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    page.facts("What was evaluated", &facts);
    page.again(command);
}
