//! What `hashgate bench search` reports: as JSON, as tables, as a page.

use super::machine::{BUSY, Machine};
use super::report::Report;
use super::size::Size;
use super::timing::{Latency, show_micros};
use crate::hash::SignalType;
use crate::pages::chart::{self, Dots, Lines, Series};
use crate::pages::number::{thousands, three_digits};
use crate::pages::page::Cell;
use crate::pages::table::table;
use serde::{Deserialize, Serialize};
use std::io::{self, Write};

/// The figures of searching: the one object of `hashgate bench search --format json`.
///
/// Times are in seconds or, where the name says so, in microseconds (`_us`); keys are stable,
/// further ones may be added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchReport {
    /// `search`.
    pub bench: String,
    /// What it was measured on.
    pub machine: Machine,
    /// The type of the hashes.
    pub signal_type: SignalType,
    /// What made hashes and queries follow from.
    pub seed: u64,
    /// Queries in a batch.
    pub batch: usize,
    /// How the index's bytes are held: `mmap`, `populate`, `copy`.
    pub memory: String,
    /// One for each index.
    pub indexes: Vec<IndexFigures>,
}

/// One index and the searches of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexFigures {
    /// The distribution's name, or the stem of the list's.
    pub data: String,
    /// Hashes that went in, one for each content item.
    pub hashes: u64,
    /// Different ones among them.
    pub distinct: u64,
    /// From hashes in memory to a published, synced index.
    pub build_seconds: f64,
    /// Threads that built it.
    pub build_threads: usize,
    /// Bytes on disk.
    pub bytes: u64,
    /// Those for each hash that went in.
    pub bytes_per_hash: f64,
    /// From the folder to an index that answers.
    pub open_seconds: f64,
    /// The first query after opening, within the widest radius.
    pub first_query_us: f64,
    /// One for each radius.
    pub searches: Vec<SearchFigures>,
}

/// The searches of an index within one radius.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchFigures {
    /// Bits, inclusive.
    pub radius: u16,
    /// Different queries that were asked.
    pub queries: u64,
    /// Those among them that were made from a hash of the index; each found it.
    pub planted: u64,
    /// Hits of all queries.
    pub hits: u64,
    /// Queries that have any.
    pub queries_with_hits: u64,
    /// Single queries on one thread.
    pub latency_us: Latency,
    /// Single queries on one thread.
    pub queries_per_second: f64,
    /// One for each number of threads.
    pub batches: Vec<Batches>,
    /// Queries whose answers were held against a scan of all hashes and are right.
    pub checked: u64,
}

/// Queries asked in batches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Batches {
    /// Threads that asked.
    pub threads: usize,
    /// Queries that were asked.
    pub queries: u64,
    /// How long all of them took.
    pub seconds: f64,
    /// Queries answered in a second.
    pub queries_per_second: f64,
}

impl SearchReport {
    pub(super) const NAME: &'static str = "search";

    fn index_rows(&self) -> (Vec<String>, Vec<Vec<Cell>>) {
        let header = [
            "data",
            "hashes",
            "distinct",
            "build",
            "threads",
            "bytes/hash",
            "open",
            "first query",
        ];
        let rows = self.indexes.iter().map(|index| {
            vec![
                Cell::text(&index.data),
                Cell::number(Size(index.hashes).to_string()),
                Cell::number(thousands(index.distinct)),
                Cell::number(show_micros(index.build_seconds * 1e6)),
                Cell::number(index.build_threads.to_string()),
                Cell::number(format!("{:.1}", index.bytes_per_hash)),
                Cell::number(show_micros(index.open_seconds * 1e6)),
                Cell::number(show_micros(index.first_query_us)),
            ]
        });
        (header.map(str::to_owned).into(), rows.collect())
    }

    /// The threads that batches were asked on.
    fn threads(&self) -> Vec<usize> {
        let first = (self.indexes.iter()).find_map(|index| index.searches.first());
        first.map_or(Vec::new(), |s| {
            s.batches.iter().map(|b| b.threads).collect()
        })
    }

    fn search_rows(&self) -> (Vec<String>, Vec<Vec<Cell>>) {
        let mut header: Vec<String> = ["data", "hashes", "radius"].map(str::to_owned).into();
        header.extend(Latency::default().points().map(|(name, _)| name.to_owned()));
        header.push("queries/s".to_owned());
        header.extend(
            self.threads()
                .iter()
                .map(|&n| format!("batch/s, {}", threads(n))),
        );
        header.extend(["hits/query", "checked"].map(str::to_owned));
        let mut rows = Vec::new();
        for index in &self.indexes {
            for search in &index.searches {
                let mut row = vec![
                    Cell::text(&index.data),
                    Cell::number(Size(index.hashes).to_string()),
                    Cell::number(search.radius.to_string()),
                ];
                let points = search.latency_us.points();
                row.extend(points.map(|(_, micros)| Cell::number(show_micros(micros))));
                row.push(Cell::number(three_digits(search.queries_per_second)));
                let batches = search.batches.iter();
                row.extend(batches.map(|b| Cell::number(three_digits(b.queries_per_second))));
                let per_query = search.hits as f64 / search.queries.max(1) as f64;
                row.push(Cell::number(three_digits(per_query)));
                row.push(Cell::number(format!("{} exact", search.checked)));
                rows.push(row);
            }
        }
        (header, rows)
    }

    fn latency_charts(&self) -> Vec<String> {
        let searches = self.indexes.iter().flat_map(|index| &index.searches);
        let points = searches.flat_map(|search| search.latency_us.points());
        let beside: Vec<f64> = points.map(|(_, micros)| micros).collect();
        let charts = self.indexes.iter().map(|index| {
            let series = index.searches.iter().map(|search| Series {
                name: format!("r = {}", search.radius),
                points: (0..)
                    .zip(search.latency_us.points())
                    .map(|(at, (_, micros))| (f64::from(at), micros))
                    .collect(),
            });
            chart::lines(&Lines {
                title: index.title(),
                x_ticks: (0..)
                    .zip(Latency::default().points())
                    .map(|(at, (name, _))| (f64::from(at), name.to_owned()))
                    .collect(),
                show: show_micros,
                y_label: "time of a query",
                series: series.collect(),
                beside: beside.clone(),
            })
        });
        charts.collect()
    }

    fn throughput_charts(&self) -> Vec<String> {
        let searches = self.indexes.iter().flat_map(|index| &index.searches);
        let rates = searches.flat_map(|search| {
            let batches = search.batches.iter().map(|b| b.queries_per_second);
            batches.chain([search.queries_per_second])
        });
        let beside: Vec<f64> = rates.collect();
        let charts = self.indexes.iter().map(|index| {
            let rows = index.searches.iter().map(|search| {
                let mut dots = vec![("one by one".to_owned(), search.queries_per_second)];
                dots.extend((search.batches.iter()).map(|b| {
                    let name = format!("batches of {}, {}", self.batch, threads(b.threads));
                    (name, b.queries_per_second)
                }));
                (format!("r = {}", search.radius), dots)
            });
            chart::dots(&Dots {
                title: index.title(),
                unit: "queries a second",
                rows: rows.collect(),
                beside: beside.clone(),
            })
        });
        charts.collect()
    }

    /// Median time by number of hashes, where there are several numbers: one chart for each law.
    fn size_charts(&self) -> Vec<String> {
        let mut laws: Vec<&str> = self.indexes.iter().map(|index| &*index.data).collect();
        laws.dedup();
        let charts = laws.iter().filter_map(|law| {
            let indexes: Vec<_> = self.indexes.iter().filter(|i| i.data == *law).collect();
            let radii: Vec<u16> = indexes.first()?.searches.iter().map(|s| s.radius).collect();
            if indexes.len() < 2 {
                return None;
            }
            let at = |index: &IndexFigures| (index.hashes.max(1) as f64).log10();
            let series = radii.iter().map(|&radius| Series {
                name: format!("r = {radius}"),
                points: (indexes.iter())
                    .filter_map(|index| {
                        let search = index.searches.iter().find(|s| s.radius == radius)?;
                        Some((at(index), search.latency_us.p50))
                    })
                    .collect(),
            });
            Some(chart::lines(&Lines {
                title: (*law).to_owned(),
                x_ticks: (indexes.iter())
                    .map(|index| (at(index), Size(index.hashes).to_string()))
                    .collect(),
                show: show_micros,
                y_label: "median time of a query",
                series: series.collect(),
                beside: Vec::new(),
            }))
        });
        charts.collect()
    }
}

impl IndexFigures {
    fn title(&self) -> String {
        format!("{}, {} hashes", self.data, Size(self.hashes))
    }
}

fn threads(number: usize) -> String {
    match number {
        1 => "1 thread".to_owned(),
        n => format!("{n} threads"),
    }
}

impl Report for SearchReport {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", self.machine.line())?;
        writeln!(
            out,
            "{} hashes, index held by {}\n",
            self.signal_type, self.memory
        )?;
        let (header, rows) = self.index_rows();
        writeln!(out, "{}\n", table(header, rows))?;
        let (header, rows) = self.search_rows();
        writeln!(out, "{}", table(header, rows))?;
        if self.machine.is_busy() {
            writeln!(out, "\n{BUSY}")?;
        }
        Ok(())
    }

    fn page(&self) -> String {
        let mut page = self.machine.page("Searching");
        page.lead(&format!(
            "Exact search within a radius in an index of {} hashes, held by {}. Every query is \
             asked once; every planted hash was found, and the checked answers are those of a scan \
             of all hashes.",
            self.signal_type, self.memory
        ));
        page.charts("How long does one query take?", &self.latency_charts());
        page.charts("How many queries a second?", &self.throughput_charts());
        page.charts("How does it grow?", &self.size_charts());
        let (header, rows) = self.search_rows();
        page.table("Searches", &header, &rows);
        let (header, rows) = self.index_rows();
        page.table("Indexes", &header, &rows);
        self.machine.finish(page)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn machine() -> Machine {
        Machine {
            date: "2026-01-31T12:00:00Z".to_owned(),
            processor: "Chip <9>".to_owned(),
            platform: "x86_64 linux".to_owned(),
            cores: 2,
            load: Some(0.1),
            kernel: "avx512".to_owned(),
            program_version: "0.1.0".to_owned(),
            command: "hashgate bench search".to_owned(),
        }
    }

    fn report() -> SearchReport {
        let latency_us = Latency {
            mean: 5.0,
            p50: 4.1,
            p90: 6.0,
            p99: 9.5,
            p999: 30.25,
            max: 1200.0,
        };
        let search = |radius| SearchFigures {
            radius,
            queries: 100,
            planted: 50,
            hits: 51,
            queries_with_hits: 50,
            latency_us,
            queries_per_second: 200_000.0,
            batches: [1, 2]
                .map(|threads| Batches {
                    threads,
                    queries: 100,
                    seconds: 0.0004,
                    queries_per_second: 250_000.0,
                })
                .into(),
            checked: 64,
        };
        let index = |hashes| IndexFigures {
            data: "uniform".to_owned(),
            hashes,
            distinct: hashes,
            build_seconds: 1.25,
            build_threads: 2,
            bytes: 128 * hashes,
            bytes_per_hash: 128.0,
            open_seconds: 0.001,
            first_query_us: 900.0,
            searches: [0, 31].map(search).into(),
        };
        SearchReport {
            bench: SearchReport::NAME.to_owned(),
            machine: machine(),
            signal_type: SignalType::Pdq,
            seed: 1,
            batch: 1024,
            memory: "mmap".to_owned(),
            indexes: [100_000, 1_000_000].map(index).into(),
        }
    }

    #[test]
    fn the_json_is_read_back() {
        let report = report();
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<SearchReport>(&json).unwrap(), report);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["bench"], "search");
        assert_eq!(value["signal_type"], "pdq");
        assert_eq!(
            value["indexes"][1]["searches"][1]["latency_us"]["p999"],
            30.25
        );
    }

    #[test]
    fn the_text_is_a_table() {
        let mut text = Vec::new();
        report().write_text(&mut text).unwrap();
        insta::assert_snapshot!(String::from_utf8(text).unwrap());
    }

    #[test]
    fn the_page_is_whole_and_asks_nothing_of_the_network() {
        let page = report().page();
        assert!(page.contains("Chip &lt;9&gt;"), "text is escaped");
        assert_eq!(
            page.matches("<svg").count(),
            5,
            "two of latency, two of throughput, one of growth"
        );
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
        for outside in ["http://", "https://", "src=", "@import", "<script"] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(!page.contains("NaN") && !page.contains("inf"));
    }
}
