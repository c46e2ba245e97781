//! What `hashgate bench pipeline` reports: as JSON, as tables, as a page.

use super::machine::Machine;
use super::report::Report;
use super::stages::Stages;
use super::timing::{Latency, show_micros};
use crate::pages::chart::{self, Bars, Shares};
use crate::pages::number::{plural, thousands, three_digits};
use crate::pages::page::Cell;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// The figures of the pipeline: the one object of `hashgate bench pipeline --format json`.
///
/// Keys are stable, further ones may be added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PipelineReport {
    /// `pipeline`.
    pub bench: String,
    /// What it was measured on.
    pub machine: Machine,
    /// Files that were gone through in each run.
    pub files: u64,
    /// Bytes of the files that could be read.
    pub bytes: u64,
    /// Different hashes in the index.
    pub index_hashes: u64,
    /// Files whose hashes are among them: each of them matched in every run.
    pub held: u64,
    /// Measured runs for each number of jobs.
    pub runs: usize,
    /// One for each number of jobs.
    pub jobs: Vec<JobFigures>,
    /// Seconds of one thread for all files, stage by stage.
    pub stages: Stages,
    /// Files by outcome; the same in every run.
    pub outcomes: BTreeMap<String, u64>,
}

/// The runs with one number of jobs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobFigures {
    /// Worker threads.
    pub jobs: usize,
    /// Of each run.
    pub seconds: Vec<f64>,
    /// The median of the runs.
    pub median_seconds: f64,
    /// By the median.
    pub files_per_second: f64,
    /// Megabytes (10^6) of files a second.
    pub megabytes_per_second: f64,
    /// How long single files took, from path to verdict, over all runs, in microseconds.
    pub file_us: Latency,
    /// The most memory that the process held during these runs, the mapped index included; null
    /// where the system does not tell.
    pub peak_memory_bytes: Option<u64>,
}

impl PipelineReport {
    pub(super) const NAME: &'static str = "pipeline";

    fn job_rows(&self) -> (Vec<String>, Vec<Vec<Cell>>) {
        let header = [
            "jobs",
            "median",
            "fastest",
            "slowest",
            "files/s",
            "MB/s",
            "file p50",
            "file p99",
            "file max",
            "peak memory",
        ];
        let rows = self.jobs.iter().map(|run| {
            let least = run.seconds.iter().copied().fold(f64::INFINITY, f64::min);
            let most = run.seconds.iter().copied().fold(0.0, f64::max);
            let second = |value: f64| Cell::number(show_micros(value * 1e6));
            vec![
                Cell::number(run.jobs.to_string()),
                second(run.median_seconds),
                second(least),
                second(most),
                Cell::number(three_digits(run.files_per_second)),
                Cell::number(three_digits(run.megabytes_per_second)),
                Cell::number(show_micros(run.file_us.p50)),
                Cell::number(show_micros(run.file_us.p99)),
                Cell::number(show_micros(run.file_us.max)),
                Cell::number(run.peak_memory_bytes.map_or_else(
                    || "unknown".to_owned(),
                    |bytes| format!("{} MiB", three_digits(bytes as f64 / 1_048_576.0)),
                )),
            ]
        });
        (header.map(str::to_owned).into(), rows.collect())
    }

    fn stage_rows(&self) -> (Vec<String>, Vec<Vec<Cell>>) {
        let parts = self.stages.parts();
        let sum: f64 = parts.iter().map(|part| part.1).sum();
        let header = ["stage", "share", "all files", "a file"];
        let rows = parts.iter().map(|(name, seconds)| {
            vec![
                Cell::text(name),
                Cell::number(format!("{:.1}%", 100.0 * seconds / sum.max(1e-12))),
                Cell::number(show_micros(seconds * 1e6)),
                Cell::number(show_micros(seconds * 1e6 / self.files.max(1) as f64)),
            ]
        });
        (header.map(str::to_owned).into(), rows.collect())
    }

    fn outcome_rows(&self) -> (Vec<String>, Vec<Vec<Cell>>) {
        let rows = self.outcomes.iter();
        let rows =
            rows.map(|(name, count)| vec![Cell::text(name), Cell::number(thousands(*count))]);
        (
            ["outcome", "files"].map(str::to_owned).into(),
            rows.collect(),
        )
    }

    fn about(&self) -> String {
        format!(
            "{} files, {} MB, against an index of {} hashes, {} of them of these files",
            thousands(self.files),
            three_digits(self.bytes as f64 / 1e6),
            thousands(self.index_hashes),
            thousands(self.held)
        )
    }
}

impl Report for PipelineReport {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let remark = format!(
            "stages: one thread, each stage by itself, quickest of {}",
            self.runs
        );
        let tables = [self.job_rows(), self.stage_rows(), self.outcome_rows()];
        self.machine.write_text(out, &self.about(), tables, &remark)
    }

    fn page(&self) -> String {
        let mut page = self.machine.page("From files to verdicts");
        page.lead(&format!(
            "{}. Each file is read, decoded, hashed in every variant and looked up. Every run came \
             to the same outcomes, and every file that the index holds matched.",
            self.about()
        ));
        let speed = chart::bars(&Bars {
            title: "Files a second".to_owned(),
            rows: (self.jobs.iter())
                .map(|run| (plural(run.jobs as u64, "job"), run.files_per_second))
                .collect(),
            show: three_digits,
        });
        let stages = chart::shares(&Shares {
            title: "Where the time of one thread goes".to_owned(),
            parts: (self.stages.parts().iter())
                .map(|&(name, seconds)| (name.to_owned(), seconds, show_micros(seconds * 1e6)))
                .collect(),
        });
        let outcomes = chart::shares(&Shares {
            title: "Outcomes".to_owned(),
            parts: (self.outcomes.iter())
                .map(|(name, &count)| (name.replace('_', " "), count as f64, thousands(count)))
                .collect(),
        });
        page.charts("How fast, and why?", &[speed, stages, outcomes]);
        for (name, (header, rows)) in [
            ("Runs", self.job_rows()),
            ("Stages", self.stage_rows()),
            ("Outcomes", self.outcome_rows()),
        ] {
            page.table(name, &header, &rows);
        }
        self.machine.finish(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::search_report::tests::machine;

    fn report() -> PipelineReport {
        let file_us = Latency {
            mean: 5000.0,
            p50: 4000.0,
            p90: 8000.0,
            p99: 20_000.0,
            p999: 30_000.0,
            max: 30_000.0,
        };
        PipelineReport {
            bench: PipelineReport::NAME.to_owned(),
            machine: machine(),
            files: 300,
            bytes: 36_000_000,
            index_hashes: 1_000_150,
            held: 150,
            runs: 3,
            jobs: vec![JobFigures {
                jobs: 1,
                seconds: vec![2.0, 1.5, 1.75],
                median_seconds: 1.75,
                files_per_second: 171.4,
                megabytes_per_second: 20.6,
                file_us,
                peak_memory_bytes: Some(200 << 20),
            }],
            stages: Stages {
                read: 0.05,
                decode: 1.5,
                hash: 0.15,
                search: 0.05,
            },
            outcomes: [("match".to_owned(), 160), ("no_match".to_owned(), 140)].into(),
        }
    }

    #[test]
    fn the_json_is_read_back() {
        let report = report();
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(
            serde_json::from_str::<PipelineReport>(&json).unwrap(),
            report
        );
    }

    #[test]
    fn text_and_page_are_whole() {
        let mut text = Vec::new();
        report().write_text(&mut text).unwrap();
        insta::assert_snapshot!(String::from_utf8(text).unwrap());
        let page = report().page();
        assert_eq!(page.matches("<svg").count(), 3);
        assert!(!page.contains("NaN") && !page.contains("inf"));
    }
}
