//! What `hashgate bench gate` reports: as JSON, as a table, as a page.

use super::machine::Machine;
use super::report::Report;
use super::timing::{Latency, show_micros};
use crate::pages::chart::{self, Bars};
use crate::pages::number::{thousands, three_digits};
use crate::pages::page::Cell;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// The figures of gates: the one object of `hashgate bench gate --format json`.
///
/// Times are in microseconds (`_us`), from a file's bytes in memory to its verdict, one file after the other. Keys are
/// stable, further ones may be added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateReport {
    /// `gate`.
    pub bench: String,
    /// What it was measured on.
    pub machine: Machine,
    /// Files that were judged in each run.
    pub files: u64,
    /// Files whose hashes each index holds: each of them matched in every run of every gate.
    pub held: u64,
    /// Digests that the index has of each file that it holds, beside the PDQ hash.
    #[serde(default)]
    pub digests: Vec<String>,
    /// How the made hashes are spread.
    pub distribution: String,
    /// Whether JPEGs were hashed from their pixels (`exact`) or their coefficients (`fast`, `auto`).
    pub mode: String,
    /// Measured runs; of each file the median counts.
    pub runs: usize,
    /// One for each index.
    pub sizes: Vec<SizeFigures>,
}

/// The gates over one index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SizeFigures {
    /// Different hashes in it.
    pub hashes: u64,
    /// One for each set of variants, in the order asked for.
    pub gates: Vec<GateFigures>,
}

/// What one gate takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateFigures {
    /// The variants that are asked about.
    pub variants: String,
    /// Hashes that a file is asked about, in the mean.
    pub queries: f64,
    /// Files a second.
    pub files_per_second: f64,
    /// Processor time a file, in the mean: of the whole process, as a large file is digested on a thread of its own.
    pub cpu_us: f64,
    /// How many times that of the first gate.
    pub times_first: f64,
    /// How much more than that of the first gate.
    pub more_than_first_us: f64,
    /// How long single files took.
    pub file_us: Latency,
    /// Files by outcome; the same in every run.
    pub outcomes: BTreeMap<String, u64>,
    /// The paths of those that matched; what is no UTF-8 in them is replaced.
    #[serde(default)]
    pub matched: Vec<String>,
}

impl GateReport {
    pub(super) const NAME: &'static str = "gate";

    fn rows(&self) -> (Vec<String>, Vec<Vec<Cell>>) {
        let header = [
            "hashes",
            "variants",
            "queries",
            "files/s",
            "CPU a file",
            "more",
            "times",
            "p50",
            "p99",
            "max",
            "match",
        ];
        let rows = self.sizes.iter().flat_map(|size| {
            size.gates.iter().map(|gate| {
                let micros = |value: f64| Cell::number(show_micros(value));
                vec![
                    Cell::number(thousands(size.hashes)),
                    Cell::text(&gate.variants),
                    Cell::number(three_digits(gate.queries)),
                    Cell::number(three_digits(gate.files_per_second)),
                    micros(gate.cpu_us),
                    micros(gate.more_than_first_us),
                    Cell::number(format!("{:.2}", gate.times_first)),
                    micros(gate.file_us.p50),
                    micros(gate.file_us.p99),
                    micros(gate.file_us.max),
                    Cell::number(thousands(gate.outcomes.get("match").copied().unwrap_or(0))),
                ]
            })
        });
        (header.map(str::to_owned).into(), rows.collect())
    }

    fn about(&self) -> String {
        format!(
            "{} files, {} of them in each index{}, among {} hashes; mode {}, one by one, from bytes in memory to the verdict",
            thousands(self.files),
            thousands(self.held),
            match &self.digests[..] {
                [] => String::new(),
                digests => format!(" with {} too", digests.join(", ")),
            },
            self.distribution,
            self.mode
        )
    }
}

impl Report for GateReport {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let remark = format!(
            "more, times: than the first variants of the same index; of each file the median of {}",
            self.runs
        );
        (self.machine).write_text(out, &self.about(), [self.rows()], &remark)
    }

    fn page(&self) -> String {
        let mut page = self.machine.page("What guesses cost");
        page.lead(&format!(
            "{}. The gates judged each file in turn. Every run came to the same outcomes, and every file that an \
             index holds matched.",
            self.about()
        ));
        let bars: Vec<_> = (self.sizes.iter())
            .map(|size| {
                chart::bars(&Bars {
                    title: format!("Processor time a file, {} hashes", thousands(size.hashes)),
                    rows: (size.gates.iter())
                        .map(|gate| (gate.variants.clone(), gate.cpu_us))
                        .collect(),
                    show: show_micros,
                })
            })
            .collect();
        page.charts("What do guesses cost?", &bars);
        let (header, rows) = self.rows();
        page.table("Gates", &header, &rows);
        self.machine.finish(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::search_report::tests::machine;

    fn report() -> GateReport {
        let gate = |variants: &str, cpu_us: f64| GateFigures {
            variants: variants.to_owned(),
            queries: if variants == "none" { 1.0 } else { 214.5 },
            files_per_second: 1e6 / cpu_us,
            cpu_us,
            times_first: cpu_us / 2000.0,
            more_than_first_us: cpu_us - 2000.0,
            file_us: Latency {
                mean: cpu_us,
                p50: cpu_us,
                p90: 2.0 * cpu_us,
                p99: 3.0 * cpu_us,
                p999: 4.0 * cpu_us,
                max: 4.0 * cpu_us,
            },
            outcomes: [("match".to_owned(), 160), ("no_match".to_owned(), 140)].into(),
            matched: vec!["a.jpg".to_owned()],
        };
        let size = |hashes: u64, more: f64| SizeFigures {
            hashes,
            gates: vec![gate("none", 2000.0), gate("standard", 2000.0 + more)],
        };
        GateReport {
            bench: GateReport::NAME.to_owned(),
            machine: machine(),
            files: 300,
            held: 150,
            digests: Vec::new(),
            distribution: "correlated".to_owned(),
            mode: "exact".to_owned(),
            runs: 3,
            sizes: vec![size(10_150, 3000.0), size(1_000_150, 5000.0)],
        }
    }

    #[test]
    fn the_json_is_read_back() {
        let report = report();
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<GateReport>(&json).unwrap(), report);
    }

    #[test]
    fn text_and_page_are_whole() {
        let mut text = Vec::new();
        report().write_text(&mut text).unwrap();
        insta::assert_snapshot!(String::from_utf8(text).unwrap());
        let page = report().page();
        assert_eq!(page.matches("<svg").count(), 2);
        assert!(!page.contains("NaN") && !page.contains("inf"));
    }
}
