//! What a figure was measured on: without it a figure says nothing.

use super::error::MeasureError;
use crate::clock;
use crate::hamming::Kernel;
use crate::pages::page::{Cell, Page};
use crate::pages::table::table;
use serde::{Deserialize, Serialize};
use std::io::{self, Write};

/// What is said of figures of a machine that had other work.
pub(super) const BUSY: &str = "The machine was busy: measure again on a quiet one.";

/// The machine and the program that a report's figures are of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// When measuring began, UTC, as `2026-01-31T12:00:00Z`.
    pub date: String,
    /// The processor's name, where the system tells it.
    pub processor: String,
    /// The architecture and the operating system, as `x86_64 linux`.
    pub platform: String,
    /// Processors that this process may use.
    pub cores: usize,
    /// The system's load in the minute before, where it tells: above 0.5 others were at work.
    pub load: Option<f64>,
    /// The distance kernel that searches.
    pub kernel: String,
    /// The version of this program.
    pub program_version: String,
    /// The command line.
    pub command: String,
}

impl Machine {
    /// Looks at this machine, now; `command` is the command line that is measured.
    ///
    /// # Errors
    /// Where the environment names a distance kernel that the machine does not have.
    pub fn look(command: String) -> Result<Self, MeasureError> {
        let file = |path| std::fs::read_to_string(path).unwrap_or_default();
        let load = file("/proc/loadavg");
        let load = load.split(' ').next().and_then(|text| text.parse().ok());
        Ok(Self {
            date: clock::time(clock::now()),
            processor: processor(&file("/proc/cpuinfo")),
            platform: format!("{} {}", std::env::consts::ARCH, std::env::consts::OS),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            load,
            kernel: Kernel::detect()?.name().to_owned(),
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            command,
        })
    }

    /// In one line.
    pub(super) fn line(&self) -> String {
        let load = self.load.map_or(String::new(), |l| format!(", load {l}"));
        format!(
            "{}  {}, {} cores{load}, kernel {}, hashgate {}",
            self.date, self.processor, self.cores, self.kernel, self.program_version
        )
    }

    /// Figures of this machine as text: what they are of, tables, and what is to be said of them.
    pub(super) fn write_text(
        &self,
        out: &mut dyn Write,
        about: &str,
        tables: impl IntoIterator<Item = (Vec<String>, Vec<Vec<Cell>>)>,
        remark: &str,
    ) -> io::Result<()> {
        writeln!(out, "{}\n{about}\n", self.line())?;
        for (header, rows) in tables {
            writeln!(out, "{}\n", table(header, rows))?;
        }
        writeln!(out, "{remark}")?;
        if self.is_busy() {
            writeln!(out, "{BUSY}")?;
        }
        Ok(())
    }

    /// A page of figures of this machine.
    pub(super) fn page(&self, title: &str) -> Page {
        let mut page = Page::new("hashgate bench", title);
        if self.is_busy() {
            page.warning(BUSY);
        }
        page
    }

    /// Ends a page with what it was measured on.
    pub(super) fn finish(&self, mut page: Page) -> String {
        let load = self.load.map_or("unknown".to_owned(), |l| l.to_string());
        page.facts(
            "Measured on",
            &[
                ("When", &self.date),
                ("Processor", &self.processor),
                ("Cores", &self.cores.to_string()),
                ("Platform", &self.platform),
                ("Load before", &load),
                ("Kernel", &self.kernel),
                ("hashgate", &self.program_version),
            ],
        );
        page.again(&self.command);
        page.finish()
    }

    /// Above this, figures are of a busy machine.
    pub(super) fn is_busy(&self) -> bool {
        self.load.is_some_and(|load| load > 0.5)
    }
}

fn processor(cpuinfo: &str) -> String {
    let named = cpuinfo.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        matches!(key.trim(), "model name" | "Model" | "cpu model").then(|| value.trim().to_owned())
    });
    named.unwrap_or_else(|| "an unnamed processor".to_owned())
}

/// Most memory that this process has held at once since [`forget_peak`], in bytes, where the
/// system tells.
pub(super) fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// Begins the peak anew; whether the system let us.
pub(super) fn forget_peak() -> bool {
    std::fs::write("/proc/self/clear_refs", "5").is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_has_a_name_or_says_that_it_has_none() {
        assert_eq!(processor("a\t: 1\nmodel name\t: Chip 9\n"), "Chip 9");
        assert_eq!(processor(""), "an unnamed processor");
    }
}
