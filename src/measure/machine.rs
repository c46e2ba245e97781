//! What a figure was measured on: without it a figure says nothing.

use super::error::MeasureError;
use crate::hamming::Kernel;
use crate::pages::page::Page;
use serde::{Deserialize, Serialize};
use std::time::{SystemTime, UNIX_EPOCH};

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
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let file = |path| std::fs::read_to_string(path).unwrap_or_default();
        let load = file("/proc/loadavg");
        let load = load.split(' ').next().and_then(|text| text.parse().ok());
        Ok(Self {
            date: date(since.map_or(0, |since| since.as_secs())),
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

    /// A page of figures of this machine.
    pub(super) fn page(&self, title: &str) -> Page {
        let mut page = Page::new("hashgate bench", title);
        if self.is_busy() {
            page.warning("The machine was busy: measure again on a quiet one.");
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

/// A moment, given in seconds since 1970, in the calendar.
fn date(seconds: u64) -> String {
    let (mut days, of_day) = (seconds / 86_400, seconds % 86_400);
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    loop {
        let length = 365 + u64::from(is_leap(year));
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!(
        "{year}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z",
        days + 1
    )
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
    fn moments_are_in_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (978_307_199, "2000-12-31T23:59:59Z"),
            (1_735_689_600, "2025-01-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(date(seconds), text);
        }
    }

    #[test]
    fn a_processor_has_a_name_or_says_that_it_has_none() {
        assert_eq!(processor("a\t: 1\nmodel name\t: Chip 9\n"), "Chip 9");
        assert_eq!(processor(""), "an unnamed processor");
    }
}
