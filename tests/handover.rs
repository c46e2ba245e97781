//! Hand-over reports and the table of channels, through the library alone.

use hashgate::clock::Clock;
use hashgate::handover::{
    Custody, FileNow, HandoverError, Language, Place, Report, ReportOptions, uploader_text,
};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

const AT: u64 = 1_798_675_200;

/// A file as `hashgate scan --format jsonl` writes it: two matches, a harmless one, and one of a file that
/// is gone.
fn scan(folder: &Path) -> PathBuf {
    let here = folder.join("here.jpg");
    fs::write(&here, "abc").unwrap();
    let line = |path: &Path, outcome: &str, action: &str| {
        json!({
            "path": path, "outcome": outcome, "action": action, "bytes": 3,
            "signals": {"md5": "900150983cd24fb0d6963f7d28e17f72"}, "matches": [{"bank": "known"}],
        })
    };
    let lines = [
        line(&here, "match", "block"),
        line(&folder.join("gone.jpg"), "match", "review"),
        line(&here, "match", "allow"),
        line(&here, "no_match", "none"),
        json!({"summary": {"program_version": "0.0.9", "index_generation": 7}}),
    ];
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let path = folder.join("scan.jsonl");
    fs::write(&path, text).unwrap();
    path
}

fn options() -> ReportOptions {
    ReportOptions::new(Place::of_country("PK"))
        .by(Some("somebody".into()))
        .clock(Clock::fixed(AT))
}

#[test]
fn a_report_has_the_matches_their_files_facts_and_the_chain_of_custody() {
    let folder = tempfile::tempdir().unwrap();
    let scan = scan(folder.path());
    let report = Report::of_scan(&scan, &options()).unwrap();
    assert!(!report.media_included);
    assert_eq!(report.made, "2026-12-31T00:00:00Z");
    assert_eq!(report.items.len(), 2, "the harmless one is not handed over");
    assert_eq!(report.channels[0].country, "PK");
    let FileNow::Read { sha256, bytes, .. } = &report.items[0].file_now else {
        panic!("{:?}", report.items[0].file_now);
    };
    let of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!((&**sha256, *bytes), (of_abc, 3));
    assert!(matches!(
        report.items[1].file_now,
        FileNow::Unreadable { .. }
    ));
    assert_eq!(report.items[0].matches, json!([{"bank": "known"}]));
    let [
        Custody::Scan {
            index_generation, ..
        },
        Custody::Report { by, .. },
    ] = &report.custody[..]
    else {
        panic!("{:?}", report.custody);
    };
    assert_eq!(index_generation, &Some(json!(7)));
    assert_eq!(by.as_deref(), Some("somebody"));
    let written = serde_json::to_value(&report).unwrap();
    assert_eq!(written["hashgate_report"], 1);
    assert_eq!(written["custody"][0]["step"], "scan");
    assert_eq!(written["custody"][1]["step"], "report");
    assert_eq!(written["items"][0]["file_now"]["bytes"], 3);
    assert!(written["items"][1]["file_now"]["unreadable"].is_string());
    assert_eq!(written["items"][0]["path_hex"], json!(null));
}

#[test]
fn only_the_actions_that_are_named_are_handed_over() {
    let folder = tempfile::tempdir().unwrap();
    let scan = scan(folder.path());
    for (actions, count) in [(&["review"][..], 1), (&["allow"], 1), (&["none"], 0)] {
        let actions = actions.iter().map(ToString::to_string).collect();
        let report = Report::of_scan(&scan, &options().actions(actions)).unwrap();
        assert_eq!(report.items.len(), count);
    }
}

#[test]
fn what_is_no_whole_scan_gives_no_report() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("part.jsonl");
    let make = || Report::of_scan(&path, &options()).unwrap_err();
    assert!(matches!(make(), HandoverError::Io { doing: "open", .. }));
    fs::write(&path, "{}\nno line\n").unwrap();
    assert!(matches!(make(), HandoverError::Line { line: 2, .. }));
    fs::write(&path, "{\"outcome\": \"match\", \"action\": \"block\"}\n").unwrap();
    let part = make();
    assert!(matches!(part, HandoverError::NoSummary { .. }));
    assert!(
        !part.to_string().contains("--"),
        "no advice on flags: {part}"
    );
}

#[cfg(unix)]
#[test]
fn a_pipe_in_the_file_s_place_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let scan = scan(folder.path());
    let pipe = folder.path().join("gone.jpg");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let report = Report::of_scan(&scan, &options()).unwrap();
    let FileNow::Unreadable { unreadable } = &report.items[1].file_now else {
        panic!("{:?}", report.items[1].file_now);
    };
    assert!(unreadable.contains("no regular file"), "{unreadable}");
}

#[test]
fn channels_of_one_s_own_come_first_and_a_table_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.json");
    let own = json!([{
        "country": "PK", "name": "Own desk", "kind": "hotline", "web": "https://example.org/",
        "languages": ["ur"], "note": "", "source": "ourselves",
    }]);
    fs::write(&path, own.to_string()).unwrap();
    let channels = Place::of_country("pk").with(&path).channels().unwrap();
    assert_eq!(channels[0].name, "Own desk");
    assert!(channels.last().unwrap().is_anywhere());
    let text = uploader_text("Look:\n{channels}\nEnd", &channels[..1]);
    assert_eq!(text, "Look:\n- Own desk: https://example.org/\nEnd");
    for language in [Language::English, Language::Urdu] {
        let text = uploader_text(language.template(), &channels);
        assert!(text.contains("https://example.org/") && !text.contains('{'));
    }
    fs::write(&path, "[{\"country\": \"PK\"}]").unwrap();
    let refused = Place::everywhere().with(&path).channels().unwrap_err();
    assert!(matches!(refused, HandoverError::Table { .. }), "{refused}");
    fs::remove_file(&path).unwrap();
    let refused = Place::everywhere().with(&path).channels().unwrap_err();
    assert!(matches!(refused, HandoverError::Io { doing: "read", .. }));
    let refused = Place::of_country("Pakistan").channels().unwrap_err();
    assert!(
        matches!(refused, HandoverError::Country { .. }),
        "{refused}"
    );
}
