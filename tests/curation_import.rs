//! Lists in and out through the library alone, as a service uses it: no command is compiled.
#![cfg(feature = "curation")]

mod curation_support;
mod store_support;

use curation_support::{Desk, StopAfter, digests, exchange, md5, options};
use hashgate::bank::BankId;
use hashgate::clock::Clock;
use hashgate::curation::export::{ExportError, ExportForm, ExportOptions, Exporter};
use hashgate::curation::import::{
    ImportError, ImportOptions, Importer, LeftOutRow, ListSource, NotWhole, TooMuchChange, import,
};
use hashgate::curation::{Notice, Observer, Progress, Silent};
use hashgate::hashset::{ExportFormat, ListFormat};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes down what it is told.
#[derive(Default)]
struct Told {
    notices: Mutex<Vec<String>>,
    steps: AtomicU64,
}

impl Observer for Told {
    fn progress(&self, _: Progress<'_>) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    fn notice(&self, notice: Notice<'_>) {
        let kind = match notice {
            Notice::LeftOut(_) => "left out",
            Notice::Doubt(_) | Notice::ListFormat { .. } => "doubt",
            _ => "else",
        };
        let mut notices = self.notices.lock().unwrap();
        notices.push(format!("{kind}: {notice}"));
    }
}

#[test]
fn a_list_comes_from_a_file_or_from_anything_that_reads() {
    let desk = Desk::new();
    let path = desk.folder.join("list.txt");
    fs::write(&path, digests(1..=3)).unwrap();
    let told = Told::default();
    let mut importer = Importer::open(&desk.workspace, options()).unwrap();
    assert_eq!(importer.bank().id, BankId(1));
    let done = importer.import(ListSource::file(&path), &told).unwrap();
    assert_eq!((done.added, done.changed()), (3, 3));
    assert_eq!(done.format, Some(ListFormat::Typed));
    assert!(!done.preview && !done.interrupted);
    assert!(told.steps.load(Ordering::Relaxed) > 0);
    let text = digests(2..=5);
    let more = ListSource::reader("more", text.as_bytes());
    let done = importer.import(more, &told).unwrap();
    assert_eq!((done.added, done.already_there), (2, 2));
    importer.finish();
    assert_eq!(desk.active().len(), 5);
    assert_eq!(*told.notices.lock().unwrap(), Vec::<String>::new());

    let missing = ListSource::file(desk.folder.join("missing.txt"));
    let failed = import(&desk.workspace, options(), missing, &Silent).unwrap_err();
    assert!(matches!(failed, ImportError::Io(_)), "{failed}");
    let failed = desk.import(options(), "").unwrap_err();
    assert!(matches!(failed, ImportError::Empty), "{failed}");
}

#[test]
fn every_form_that_others_read_is_imported_again() {
    let desk = Desk::new();
    let csv = format!(
        "pdq,quality,tags\n{},90,a\n{},80,\n",
        "0f".repeat(32),
        "a5".repeat(32)
    );
    let done = desk.import(options(), &csv).unwrap();
    assert_eq!((done.format, done.added), (Some(ListFormat::Csv), 2));
    desk.import(options(), &digests(7..=9)).unwrap();
    let want = desk.active();
    assert_eq!(want.len(), 5);
    for format in [
        ExportFormat::Typed,
        ExportFormat::Csv,
        ExportFormat::JsonLines,
    ] {
        let other = Desk::new();
        let done = other
            .import(options(), &desk.export(ExportForm::List(format)))
            .unwrap();
        assert_eq!(done.rejected, 0, "{format}");
        assert_eq!(other.active(), want, "{format}");
    }
}

#[test]
fn a_compressed_list_is_unpacked() {
    let desk = Desk::new();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut gzip, digests(1..=50).as_bytes()).unwrap();
    let packed = gzip.finish().unwrap();
    let list = ListSource::reader("packed", packed.as_slice());
    let done = import(&desk.workspace, options(), list, &Silent).unwrap();
    assert_eq!((done.format, done.added), (Some(ListFormat::Typed), 50));
}

#[test]
fn a_preview_counts_and_changes_nothing() {
    let desk = Desk::new();
    desk.import(options(), &digests(1..=3)).unwrap();
    let before = desk.dump();
    let would = desk
        .import(options().dry_run(true), &digests(2..=6))
        .unwrap();
    assert!(would.preview);
    assert_eq!((would.added, would.already_there), (3, 2));
    assert_eq!(would.changed(), 0);
    assert_eq!(desk.dump(), before);
    let mut done = desk.import(options(), &digests(2..=6)).unwrap();
    done.preview = true;
    assert_eq!(done, would, "what was foretold came");
}

#[test]
fn rows_that_cannot_be_used_are_told_and_counted() {
    let desk = Desk::new();
    let text = digests([1]) + "md5 oops\n" + &digests([2]);
    let told = Told::default();
    let list = ListSource::reader("a list", text.as_bytes());
    let done = import(&desk.workspace, options(), list, &told).unwrap();
    assert_eq!((done.added, done.rejected), (2, 1));
    let notices = told.notices.into_inner().unwrap();
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(
        notices[0].starts_with("left out: a list:2: not imported: "),
        "{notices:?}"
    );

    // A record that its source took back, where its source's ids are not asked for: typed.
    let json = format!(
        "{{\"md5\":\"{}\"}}\n{{\"md5\":\"{}\",\"id\":\"x7\",\"status\":\"withdrawn\"}}\n",
        md5(3),
        md5(4)
    );
    let seen = RefCell::new(Vec::new());
    let mut importer = Importer::open(&desk.workspace, options()).unwrap();
    let list = ListSource::reader("a list", json.as_bytes());
    let rows = |row: LeftOutRow<'_>| match row {
        LeftOutRow::TakenBack { line, id, .. } => {
            seen.borrow_mut().push(format!("{line} {id}"));
        }
        other => seen.borrow_mut().push(other.to_string()),
    };
    let done = importer.import_telling(list, &Silent, &rows).unwrap();
    assert_eq!((done.added, done.rejected), (1, 1));
    assert_eq!(*seen.borrow(), ["2 x7"]);
    drop(importer);

    // Many are counted, and the first ones told.
    let many = digests([1]) + &"md5 oops\n".repeat(30);
    let told = Told::default();
    let list = ListSource::reader("a list", many.as_bytes());
    let done = import(&desk.workspace, options().rows_told(7), list, &told).unwrap();
    assert_eq!(done.rejected, 30);
    assert_eq!(told.notices.into_inner().unwrap().len(), 7);
}

#[test]
fn a_list_that_may_not_be_what_it_is_taken_for_is_doubted() {
    use sha2::Digest;
    let mut text = String::new();
    for number in 0u32..40 {
        for byte in sha2::Sha256::digest(number.to_le_bytes()) {
            write!(text, "{byte:02x}").unwrap();
        }
        text.push('\n');
    }
    let told = Told::default();
    let desk = Desk::new();
    let list = ListSource::reader("digests", text.as_bytes());
    let done = import(&desk.workspace, options(), list, &told).unwrap();
    assert_eq!(done.format, Some(ListFormat::PdqLines));
    let notices = told.notices.into_inner().unwrap();
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(
        notices[0].starts_with("doubt: digests: read as pdq, but "),
        "{notices:?}"
    );
    let named = options().format(ListFormat::Sha256Lines);
    let done = desk.import(named, &text).unwrap();
    assert_eq!(
        (done.format, done.added),
        (Some(ListFormat::Sha256Lines), 40)
    );
}

#[test]
fn options_that_need_another_are_refused() {
    let desk = Desk::new();
    for lacking in [options().sync(true), options().complete(true)] {
        let failed = desk.import(lacking, &digests([1])).unwrap_err();
        assert!(matches!(failed, ImportError::NoSource), "{failed}");
    }
    let columns = options().columns(["pdq=hash".parse().unwrap()]);
    let failed = desk.import(columns, &digests([1])).unwrap_err();
    let format = ListFormat::Typed;
    assert!(
        matches!(failed, ImportError::NoColumns { format: found } if found == format),
        "{failed}"
    );
    assert!(!failed.to_string().contains("--"), "{failed}");
    let elsewhere = ImportOptions::new("nowhere".parse().unwrap());
    let failed = desk.import(elsewhere, &digests([1])).unwrap_err();
    assert!(matches!(failed, ImportError::Store(_)), "{failed}");
    assert_eq!(desk.active(), BTreeSet::new());
}

#[test]
fn a_list_that_would_empty_a_bank_changes_nothing() {
    let desk = Desk::new();
    desk.import(options(), &exchange((1..=40).map(|hash| (hash, "Active"))))
        .unwrap();
    let before = desk.dump();
    let gone = exchange((1..=30).map(|hash| (hash, "Deleted")));
    let refused = desk.import(options(), &gone).unwrap_err();
    let ImportError::TooMuchChange(TooMuchChange::Shrinks {
        stopped, active, ..
    }) = refused
    else {
        panic!("{refused}");
    };
    assert_eq!((stopped, active), (30, 40));
    assert!(!refused.to_string().contains("--"), "{refused}");
    assert_eq!(desk.dump(), before);
    let done = desk.import(options().max_shrink(75), &gone).unwrap();
    assert_eq!((done.taken_back, done.stopped), (30, 30));
    assert_eq!(desk.active().len(), 10);
    let rest = exchange((31..=40).map(|hash| (hash, "Deleted")));
    let done = desk.import(options().max_shrink(0), &rest).unwrap();
    assert_eq!(done.stopped, 10, "ten may always leave");

    let many = exchange((50..=60).map(|hash| (hash, "Active")));
    let before = desk.dump();
    let refused = desk.import(options().max_added(10), &many).unwrap_err();
    let ImportError::TooMuchChange(TooMuchChange::Grows { added, max_added }) = refused else {
        panic!("{refused}");
    };
    assert_eq!((added, max_added), (11, 10));
    assert_eq!(desk.dump(), before);
    let done = desk.import(options().max_added(11), &many).unwrap();
    assert_eq!(done.added, 11);
    let all = exchange((50..=60).map(|hash| (hash, "Deleted")));
    let done = desk.import(options().accept_shrink(true), &all).unwrap();
    assert_eq!(done.stopped, 11);
}

#[test]
fn a_complete_list_takes_back_what_it_lacks_and_only_where_it_is_whole() {
    let desk = Desk::new();
    let complete = || options().source("daily").complete(true);
    let done = desk.import(complete(), &digests(1..=20)).unwrap();
    assert_eq!(done.added, 20);
    // Another source of one of them.
    let other = options().source("other").labels(["seen".to_owned()]);
    desk.import(other, &digests([3])).unwrap();
    let broken = digests(4..=20) + "md5 oops\n";
    let done = desk.import(complete(), &broken).unwrap();
    assert_eq!(done.not_whole, Some(NotWhole::BadRows));
    assert_eq!((done.taken_back, desk.active().len()), (0, 20));
    let done = desk.import(complete(), &digests(4..=21)).unwrap();
    assert_eq!(done.not_whole, None);
    // The third is still the other source's.
    assert_eq!((done.added, done.taken_back, done.stopped), (1, 3, 2));
    let done = desk.import(complete(), &digests(1..=21)).unwrap();
    assert_eq!((done.given_again, done.restored), (3, 2));
    assert_eq!(desk.active().len(), 21);

    let page = exchange([(1, "Active")]).replace("Records\":false", "Records\":true");
    let done = desk.import(complete(), &page).unwrap();
    assert!(done.has_more);
    assert_eq!(done.not_whole, Some(NotWhole::OnePage));
    assert_eq!(desk.active().len(), 22);
}

#[test]
fn a_record_that_comes_again_replaces_what_it_said_where_its_ids_are_its_source_s() {
    let desk = Desk::new();
    let sync = || options().source("partner").sync(true);
    let row = |id: &str, number: u64| format!("{{\"md5\":\"{}\",\"id\":\"{id}\"}}\n", md5(number));
    desk.import(sync(), &(row("a", 1) + &row("b", 2))).unwrap();
    let done = desk.import(sync(), &row("a", 3)).unwrap();
    assert_eq!((done.updated, done.stopped), (1, 1));
    let want = [2, 3].map(|number| format!("md5 {}", md5(number)));
    assert_eq!(desk.active(), want.into());
}

#[test]
fn an_import_that_is_stopped_anywhere_ends_the_same_when_it_is_run_again() {
    let text = digests(1..=40) + "md5 oops\n" + &digests(30..=60);
    let complete = || {
        (options().source("daily").complete(true).accept_shrink(true)).clock(Clock::fixed(1_000))
    };
    let begin = || {
        let desk = Desk::new();
        desk.import(complete(), &digests(100..=105)).unwrap();
        desk
    };
    let run = |desk: &Desk, observer: &dyn Observer, text: &str| {
        let list = ListSource::reader("a list", text.as_bytes());
        import(&desk.workspace, complete(), list, observer).unwrap()
    };
    let whole = text.replace("md5 oops\n", "");
    let straight = begin();
    let done = run(&straight, &Silent, &text);
    assert_eq!(done.not_whole, Some(NotWhole::BadRows));
    run(&straight, &Silent, &whole);
    let want = straight.active();
    assert_eq!(want.len(), 60);
    let mut interrupted = 0;
    for most in [0, 1, 2, 3, 5, 20, 42, 60, 75] {
        let desk = begin();
        let observer = StopAfter::new(most);
        let done = run(&desk, &observer, &whole);
        interrupted += u64::from(done.interrupted);
        assert!(done.interrupted, "{most}: {done:?}");
        assert_eq!(done.taken_back, 0, "{most}");
        assert_eq!(desk.active().len() as u64, 6 + done.added, "{most}");
        assert!(!run(&desk, &Silent, &whole).interrupted);
        assert_eq!(desk.active(), want, "{most}");
    }
    assert_eq!(interrupted, 9);
}

#[test]
fn a_look_that_is_stopped_changes_nothing_and_says_so() {
    let desk = Desk::new();
    desk.import(options(), &digests(1..=5)).unwrap();
    let before = desk.dump();
    let observer = StopAfter::new(20);
    let text = digests(10..=90);
    let list = ListSource::reader("a list", text.as_bytes());
    let looked_at = options().max_added(1_000);
    let done = import(&desk.workspace, looked_at, list, &observer).unwrap();
    assert!(done.interrupted && done.preview, "{done:?}");
    assert_eq!(done.changed(), 0);
    assert_eq!(desk.dump(), before);
}

#[test]
fn an_export_that_is_stopped_is_no_whole_list() {
    let desk = Desk::new();
    desk.import(options(), &digests(1..=5)).unwrap();
    let typed = ExportForm::List(ExportFormat::Typed);
    let open = |options| Exporter::open(&desk.workspace, options);
    let observer = StopAfter::new(2);
    let exporter = open(ExportOptions::new("list".parse().unwrap(), typed)).unwrap();
    let failed = exporter.write(Vec::new(), &observer).unwrap_err();
    assert!(matches!(failed, ExportError::Interrupted), "{failed}");
    let all = ExportOptions::new("list".parse().unwrap(), typed).all(true);
    let failed = open(all).unwrap_err();
    assert!(matches!(failed, ExportError::NoState { form } if form == typed));
    let nowhere = open(ExportOptions::new("nowhere".parse().unwrap(), typed));
    assert!(matches!(nowhere, Err(ExportError::Store(_))));
}

#[test]
fn entries_that_match_nothing_go_out_only_where_the_form_can_say_so() {
    let desk = Desk::new();
    let sync = || options().source("partner").sync(true);
    let row = |id: &str, more: &str| format!("{{\"md5\":\"{}\",\"id\":\"{id}\"{more}}}\n", md5(1));
    desk.import(sync(), &row("a", "")).unwrap();
    desk.import(sync(), &row("a", ",\"status\":\"withdrawn\""))
        .unwrap();
    let write = |options: ExportOptions| {
        let exporter = Exporter::open(&desk.workspace, options).unwrap();
        let mut out = Vec::new();
        (exporter.write(&mut out, &Silent).unwrap(), out)
    };
    let form = ExportForm::List(ExportFormat::JsonLines);
    let (done, out) = write(ExportOptions::new("list".parse().unwrap(), form));
    assert_eq!((done.items, done.inactive, out.len()), (0, 1, 0));
    let (done, out) = write(ExportOptions::new("list".parse().unwrap(), form).all(true));
    assert_eq!((done.items, done.inactive), (1, 0));
    let json = serde_json::to_value(done).unwrap();
    assert_eq!(json["records"], 1);
    let out = String::from_utf8(out).unwrap();
    assert!(out.contains("withdrawn"), "{out}");
}

#[test]
fn an_outcome_has_a_json_form_and_a_line_for_people() {
    let desk = Desk::new();
    let done = desk.import(options(), &digests(1..=2)).unwrap();
    let json = serde_json::to_value(&done).unwrap();
    assert_eq!(json["format"], "tx");
    assert_eq!(json["added"], 2);
    assert_eq!(json["signals"]["md5"], 2);
    assert_eq!(json["not_whole"], serde_json::Value::Null);
    assert_eq!(
        done.to_string(),
        "read as tx: 2 md5; 2 added, 0 updated, 0 already there, 0 rejected"
    );
}

#[cfg(unix)]
#[test]
fn a_quiet_pipe_is_waited_for_until_the_observer_stops() {
    use hashgate::curation::import::Waiting;
    use std::io::Write as _;
    let desk = Desk::new();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let observer = StopAfter::new(12);
    writer.write_all(digests(1..=3).as_bytes()).unwrap();
    // The writer stays open and says no more.
    let list = ListSource::reader("a pipe", Waiting::new(reader, &observer));
    let done = import(&desk.workspace, options(), list, &observer).unwrap();
    assert!(done.interrupted, "{done:?}");
    drop(writer);

    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(digests(1..=3).as_bytes()).unwrap();
    drop(writer);
    let list = ListSource::reader("a pipe", Waiting::new(reader, &Silent));
    let done = import(&desk.workspace, options(), list, &Silent).unwrap();
    assert_eq!((done.added, done.interrupted), (3, false));
}
