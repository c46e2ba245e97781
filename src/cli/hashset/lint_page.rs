//! What lint found, as the page's plain data.

use crate::curation::lint::LintReport;
use crate::pages::lint::{Doubts, Finding, Kind, page as draw};

pub(super) fn page(report: &LintReport) -> String {
    let kinds = report.counts.iter().map(|(kind, &count)| Kind {
        name: kind.text().to_owned(),
        count,
        findings: (report.findings.iter())
            .filter(|finding| finding.kind == *kind)
            .map(|finding| Finding {
                bank: finding.bank.clone(),
                entry: finding.content_id.to_string(),
                hash: finding.signal.clone().unwrap_or_default(),
                detail: finding.detail.clone().unwrap_or_default(),
            })
            .collect(),
    });
    draw(&Doubts {
        entries: report.entries,
        kinds: kinds.collect(),
        qualities: report.qualities.to_vec(),
        unknown_quality: report.unknown_quality,
        nearest: report.nearest.to_vec(),
    })
}
