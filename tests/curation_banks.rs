//! Banks kept through the library alone, without the command.

#![cfg(feature = "curation")]

mod common;

use common::picture;
use hashgate::bank::{Action, BankName, ContentId, ContentState, Policy, Setting};
use hashgate::curation::add::{AddOutcome, AddPlan, add};
use hashgate::curation::audit::{Audit, AuditError};
use hashgate::curation::banks::{self, BankError, BankRecord, BankView, EntryRecord};
use hashgate::curation::entries::EntryName;
use hashgate::curation::explain::{ExplainError, ExplanationRecord, explain};
use hashgate::curation::ledger::Ledger;
use hashgate::curation::lint::{Kind, LintError, LintPlan, lint};
use hashgate::curation::policy::PolicyFileError;
use hashgate::curation::publish::{PublishOutcome, PublishPlan, PublishingError, publish};
use hashgate::curation::status::{PolicyStatus, status};
use hashgate::curation::verify::{
    DecisionsCheck, HistoryCheck, IndexCheck, StoreCheck, check_index, verify,
};
use hashgate::curation::withdraw::{Turn, TurnError, turn};
use hashgate::curation::{Notice, Observer, Progress, Silent, Workspace};
use hashgate::gate::Gate;
use hashgate::hash::{SignalType, Threshold};
use hashgate::store::{BankStore, Publication, StoreError};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A workspace that is not there yet, and a folder of three pictures and a text.
struct Scene {
    folder: tempfile::TempDir,
    workspace: Workspace,
    bank: BankName,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pictures = folder.path().join("pictures");
        std::fs::create_dir(&pictures).unwrap();
        for seed in 1..=3 {
            let path = pictures.join(format!("{seed}.png"));
            picture(seed, 320, 240).save(path).unwrap();
        }
        std::fs::write(pictures.join("notes.txt"), "no picture").unwrap();
        Self {
            workspace: Workspace::at(folder.path().join("home")).unwrap(),
            bank: "known".parse().unwrap(),
            folder,
        }
    }

    /// With a bank that has the three pictures.
    fn with_pictures() -> Self {
        let scene = Self::new();
        scene.create(Action::Block);
        assert_eq!(scene.add().added, 3);
        scene
    }

    fn create(&self, action: Action) {
        banks::create(&self.workspace, &self.bank, Policy::new(action)).unwrap();
    }

    fn pictures(&self) -> PathBuf {
        self.folder.path().join("pictures")
    }

    fn add(&self) -> AddOutcome {
        let plan = AddPlan::new([self.pictures()]);
        add(&self.workspace, &self.bank, &plan, &Silent).unwrap()
    }

    fn publish(&self) -> PublishOutcome {
        publish(&self.workspace, &PublishPlan::default(), &Silent).unwrap()
    }

    fn check(&self, name: &str) -> String {
        let bytes = std::fs::read(self.pictures().join(name)).unwrap();
        let gate = Gate::open(self.workspace.index()).unwrap();
        gate.check(&bytes).action_name().to_owned()
    }
}

/// Writes down what it is told, and asks to stop after so many reports.
#[derive(Default)]
struct Noted {
    notices: Mutex<Vec<String>>,
    reports: AtomicU64,
    stop_after: Option<u64>,
}

impl Observer for Noted {
    fn progress(&self, _: Progress<'_>) {
        self.reports.fetch_add(1, Ordering::Relaxed);
    }
    fn notice(&self, notice: Notice<'_>) {
        self.notices.lock().unwrap().push(notice.to_string());
    }
    fn is_stopped(&self) -> bool {
        (self.stop_after).is_some_and(|most| self.reports.load(Ordering::Relaxed) >= most)
    }
}

fn entry(text: &str) -> EntryName {
    text.parse().unwrap()
}

#[test]
fn banks_are_made_listed_changed_and_deleted() {
    let scene = Scene::new();
    let (home, name) = (&scene.workspace, &scene.bank);
    let missing = banks::list(home).unwrap_err();
    assert!(matches!(
        missing,
        BankError::Store(StoreError::Missing { .. })
    ));
    let made = banks::create(home, name, Policy::new(Action::Review)).unwrap();
    assert_eq!((&made.name, made.policy.action), (name, Action::Review));
    let taken = banks::create(home, name, Policy::new(Action::Review)).unwrap_err();
    assert!(matches!(
        taken,
        BankError::Store(StoreError::BankExists { .. })
    ));

    let settings = [
        Setting::Action(Action::Block),
        Setting::Threshold(Threshold(20)),
    ];
    let change = banks::set_policy(home, name, &settings).unwrap();
    assert!(change.is_changed);
    assert_eq!(change.bank.policy.threshold, Threshold(20));
    assert!(!banks::set_policy(home, name, &settings).unwrap().is_changed);
    let wide = [Setting::Threshold(Threshold(64))];
    let refused = banks::set_policy(home, name, &wide).unwrap_err();
    assert!(matches!(
        refused,
        BankError::Store(StoreError::PolicyRange(_))
    ));

    scene.add();
    let listed = banks::list(home).unwrap();
    let [record] = listed.as_slice() else {
        panic!("{listed:?}");
    };
    assert_eq!((record.items, record.active, record.withdrawn), (3, 3, 0));
    assert_eq!(record.policy.action, Action::Block);
    assert_eq!(record.signals[&SignalType::Sha256], 3);
    let line = serde_json::to_string(record).unwrap();
    assert!(line.starts_with(r#"{"bank":"known","action":"block","threshold":20,"#));
    assert!(line.contains(r#""signals":{"md5":3,"pdq":"#), "{line}");
    assert_eq!(&serde_json::from_str::<BankRecord>(&line).unwrap(), record);

    let refused = banks::delete(home, name, false).unwrap_err();
    assert!(matches!(refused, BankError::HasEntries { entries: 3, .. }));
    assert_eq!(refused.to_string(), "bank known has entries (3)");
    assert_eq!(banks::delete(home, name, true).unwrap(), 3);
    assert!(banks::list(home).unwrap().is_empty());
    assert!(BankView::open(home, name).is_err(), "it is gone");
}

#[test]
fn pictures_become_entries_and_what_is_no_picture_is_told() {
    let scene = Scene::new();
    let plan = AddPlan::new([scene.pictures()]).labels(["sample"]).jobs(2);
    let missing = add(&scene.workspace, &scene.bank, &plan, &Silent).unwrap_err();
    assert!(
        missing.to_string().contains("there is no store"),
        "{missing}"
    );
    scene.create(Action::Block);
    let noted = Noted::default();
    let done = add(&scene.workspace, &scene.bank, &plan, &noted).unwrap();
    assert_eq!(
        (done.added, done.rejected, done.is_interrupted),
        (3, 1, false)
    );
    let notices = noted.notices.into_inner().unwrap();
    assert_eq!(notices.len(), 1);
    assert!(notices[0].starts_with("not added: "), "{notices:?}");
    assert!(
        notices[0].contains("notes.txt: unsupported: "),
        "{notices:?}"
    );
    assert_eq!(noted.reports.into_inner(), 4, "one for each file");
    assert_eq!(scene.add().already_there, 3);

    let view = BankView::open(&scene.workspace, &scene.bank).unwrap();
    let items: Vec<_> = view.entries().map(Result::unwrap).collect();
    assert_eq!(items.len(), 3);
    let record = EntryRecord::from(items[0].clone());
    assert_eq!(record.content_id, items[0].id);
    assert_eq!(record.labels, ["sample"]);
    assert!(record.signals.iter().any(|hash| hash.starts_with("pdq:")));
    assert_eq!(record.signals.len(), record.qualities.len());
    assert!(record.provenance.source.ends_with("1.png"));
    let text = serde_json::to_string(&record).unwrap();
    assert_eq!(serde_json::from_str::<EntryRecord>(&text).unwrap(), record);
}

#[test]
fn whoever_watches_may_stop_and_what_is_added_stays() {
    let scene = Scene::new();
    scene.create(Action::Block);
    let plan = AddPlan::new([scene.pictures()]).jobs(1);
    let at_once = AtomicBool::new(true);
    let done = add(&scene.workspace, &scene.bank, &plan, &at_once).unwrap();
    assert_eq!((done.added, done.is_interrupted), (0, true));
    let noted = Noted {
        stop_after: Some(1),
        ..Noted::default()
    };
    let done = add(&scene.workspace, &scene.bank, &plan, &noted).unwrap();
    assert!(done.is_interrupted);
    let view = BankView::open(&scene.workspace, &scene.bank).unwrap();
    assert_eq!(view.record().items, done.added);
    drop(view);
    assert_eq!(scene.add().added, 3 - done.added, "the rest");
}

#[test]
fn what_is_published_matches_and_is_noted() {
    let scene = Scene::new();
    let early = publish(&scene.workspace, &PublishPlan::default(), &Silent).unwrap_err();
    assert!(matches!(
        early,
        PublishingError::Store(StoreError::Missing { .. })
    ));
    scene.create(Action::Block);
    scene.add();
    let done = scene.publish();
    assert!(matches!(done.publication, Publication::All { .. }));
    assert_eq!((done.published().generation, done.banks), (1, 1));
    assert!(done.not_noted.is_none());
    assert_eq!(scene.check("1.png"), "block");
    let ledger = Ledger::of(&scene.workspace);
    assert_eq!(ledger.revision_of(1).unwrap(), Some(done.revision));

    let again = scene.publish();
    assert!(!again.is_new());
    assert_eq!(ledger.revision_of(2).unwrap(), None);
    let full = PublishPlan::default().in_full(true).within_memory(1 << 30);
    let full = publish(&scene.workspace, &full, &Silent).unwrap();
    assert_eq!(full.published().generation, 2);

    // Nothing can be noted: the index is in force all the same.
    std::fs::remove_file(scene.workspace.published()).unwrap();
    std::fs::create_dir(scene.workspace.published()).unwrap();
    banks::set_policy(
        &scene.workspace,
        &scene.bank,
        &[Setting::Action(Action::Report)],
    )
    .unwrap();
    let done = scene.publish();
    let error = done.not_noted.as_ref().expect("a folder is no ledger");
    assert!(error.to_string().contains("published.jsonl"), "{error}");
    assert_eq!(scene.check("1.png"), "report");
}

#[test]
fn the_policy_file_outweighs_the_store_and_a_faulty_one_publishes_nothing() {
    let scene = Scene::with_pictures();
    let write = |text: &str| std::fs::write(scene.workspace.config(), text).unwrap();
    write("[bank.known]\naction = \"review\"\n");
    let refused = banks::set_policy(
        &scene.workspace,
        &scene.bank,
        &[Setting::Action(Action::Report)],
    )
    .unwrap_err();
    let BankError::Policy(PolicyFileError::Outweighs { line, setting, .. }) = &refused else {
        panic!("{refused}");
    };
    assert_eq!((*line, *setting), (2, "action"));
    scene.publish();
    assert_eq!(scene.check("1.png"), "review");
    assert!(
        BankView::open(&scene.workspace, &scene.bank)
            .unwrap()
            .is_in_policy_file()
    );
    let next = banks::policies(&scene.workspace).unwrap();
    assert_eq!(next.banks[0].policy.action, Action::Review);
    let other: BankName = "other".parse().unwrap();
    let unknown = next.only(std::slice::from_ref(&other)).unwrap_err();
    assert_eq!(unknown.name, other);
    let checked = banks::check_policy(&scene.workspace, &scene.workspace.config()).unwrap();
    assert_eq!((checked.settings, checked.banks), (1, Some(1)));

    write("[bank.unknown]\naction = \"review\"\n");
    let refused = publish(&scene.workspace, &PublishPlan::default(), &Silent).unwrap_err();
    assert!(matches!(
        &refused,
        PublishingError::Policy(PolicyFileError::UnknownBank { line: 2, .. })
    ));
    let found = status(&scene.workspace).unwrap();
    assert!(matches!(found.policy, PolicyStatus::Faulty(_)));
    assert!(!found.up_to_date);
    assert_eq!(scene.check("1.png"), "review", "what was in force still is");
}

#[test]
fn entries_are_withdrawn_paused_and_brought_back() {
    let scene = Scene::with_pictures();
    let (home, bank) = (&scene.workspace, &scene.bank);
    let one = [entry("#1")];
    let done = turn(home, bank, &one, Turn::Withdraw).unwrap();
    assert_eq!((done[0].id, done[0].is_changed), (ContentId(1), true));
    assert_eq!(done[0].state, ContentState::Withdrawn);
    assert!(!turn(home, bank, &one, Turn::Withdraw).unwrap()[0].is_changed);
    scene.publish();
    assert_eq!(scene.check("1.png"), "none", "it matches nothing");
    let back = turn(home, bank, &one, Turn::Reinstate).unwrap();
    assert_eq!(
        (back[0].is_changed, back[0].is_pause_ended, back[0].state),
        (true, false, ContentState::Active)
    );

    let until = hashgate::clock::now() + 86_400;
    assert!(turn(home, bank, &one, Turn::PauseUntil(until)).unwrap()[0].is_changed);
    let view = BankView::open(home, bank).unwrap();
    assert_eq!(view.paused_until(ContentId(1)), Some(until));
    drop(view);
    let back = turn(home, bank, &one, Turn::Reinstate).unwrap();
    assert_eq!((back[0].is_changed, back[0].is_pause_ended), (false, true));
    let past = turn(home, bank, &one, Turn::PauseUntil(1)).unwrap_err();
    assert!(matches!(past, TurnError::Past { until: 1 }));

    let names = [entry("2"), entry("77")];
    let refused = turn(home, bank, &names, Turn::Withdraw).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "bank known has no entry 77: nothing is changed"
    );
    let view = BankView::open(home, bank).unwrap();
    assert_eq!(view.record().withdrawn, 0, "nothing is changed");
    assert!("picture.png".parse::<EntryName>().is_err());
}

#[test]
fn an_audit_says_since_when_a_withdrawal_is_in_force() {
    let scene = Scene::with_pictures();
    scene.publish();
    let name = entry("2");
    turn(
        &scene.workspace,
        &scene.bank,
        std::slice::from_ref(&name),
        Turn::Withdraw,
    )
    .unwrap();
    let told = || {
        let audit = Audit::open(&scene.workspace).unwrap();
        audit.of(&name).unwrap().remove(0)
    };
    let before = told();
    assert_eq!((before.bank.as_str(), before.by_hand), ("known", true));
    assert!(before.changed.is_some());
    assert_eq!(before.in_force, None);
    scene.publish();
    let after = told();
    assert_eq!(after.in_force.map(|entry| entry.generation), Some(2));

    let audit = Audit::open(&scene.workspace).unwrap();
    let by_hash = audit.of(&entry(&after.signals[0])).unwrap();
    assert_eq!(by_hash[0], after);
    let missing = audit.of(&entry("md5:d41d8cd98f00b204e9800998ecf8427e"));
    assert!(matches!(missing, Err(AuditError::NoSuchEntry { .. })));
}

#[test]
fn status_tells_what_is_there_and_whether_it_is_up_to_date() {
    let scene = Scene::new();
    let empty = status(&scene.workspace).unwrap();
    assert!(empty.store.is_none() && empty.index.is_none() && empty.up_to_date);
    scene.create(Action::Block);
    scene.add();
    let found = status(&scene.workspace).unwrap();
    assert!(found.index.is_none() && !found.up_to_date);
    assert_eq!(found.banks[0].items, 3);
    scene.publish();
    let found = status(&scene.workspace).unwrap();
    assert!(found.up_to_date);
    let value = serde_json::to_value(&found).unwrap();
    assert_eq!(value["policy"], "in_force");
    assert_eq!(value["index"]["hashes"]["sha256"], 3);
    assert_eq!(value["banks"][0]["bank"], "known");
    assert!(value.get("folder").is_none(), "{value}");
}

#[test]
fn before_the_first_publication_nothing_is_damaged() {
    let scene = Scene::new();
    let found = verify(&scene.workspace, &Silent);
    assert!(found.is_sound());
    assert!(matches!(found.store, StoreCheck::Missing));
    assert!(matches!(found.index, IndexCheck::NotPublished));
    assert!(matches!(found.history, HistoryCheck::Off));
    assert!(matches!(found.decisions, DecisionsCheck::Off));

    scene.create(Action::Block);
    scene.add();
    // What a publisher leaves that was stopped before its first generation.
    std::fs::create_dir(scene.workspace.index()).unwrap();
    for name in ["lock", "manifest.tmp"] {
        std::fs::write(scene.workspace.index().join(name), b"").unwrap();
    }
    let found = verify(&scene.workspace, &Silent);
    assert!(found.is_sound(), "{found:?}");
    assert!(matches!(found.index, IndexCheck::NotPublished));
    assert!(matches!(found.store, StoreCheck::Sound { entries: 3, .. }));

    std::fs::remove_dir_all(scene.workspace.index()).unwrap();
    scene.publish();
    let found = verify(&scene.workspace, &Silent);
    assert!(found.is_sound(), "{found:?}");
    let IndexCheck::Read(report) = &found.index else {
        panic!("{found:?}");
    };
    assert_eq!(report.generation, 1);

    // Segments without their manifest: what was in force is lost.
    std::fs::remove_file(scene.workspace.index().join("manifest")).unwrap();
    let lost = check_index(&scene.workspace.index());
    assert!(matches!(lost, IndexCheck::Damaged(_)) && !lost.is_sound());
    assert!(!verify(&scene.workspace, &Silent).is_sound());
}

#[test]
fn doubtful_entries_are_found_and_counted() {
    let scene = Scene::with_pictures();
    let early = lint(&scene.workspace, &LintPlan::default(), &Silent).unwrap_err();
    assert!(matches!(early, LintError::Index { .. }), "{early}");
    let allowed: BankName = "allowed".parse().unwrap();
    banks::create(&scene.workspace, &allowed, Policy::new(Action::Allow)).unwrap();
    let plan = AddPlan::new([scene.pictures().join("1.png")]);
    add(&scene.workspace, &allowed, &plan, &Silent).unwrap();
    scene.publish();

    let view = BankView::open(&scene.workspace, &scene.bank).unwrap();
    let item = view.entries().nth(1).unwrap().unwrap();
    let pdq = item.signals.iter().find_map(|entry| entry.signal.as_pdq());
    let list = scene.folder.path().join("harmless.csv");
    let rows = format!("hash,quality\n{},90\nno hash,1\n", pdq.unwrap());
    std::fs::write(&list, rows).unwrap();
    let noted = Noted::default();
    let plan = LintPlan::default()
        .banks([scene.bank.clone()])
        .harmless([&list]);
    let report = lint(&scene.workspace, &plan, &noted).unwrap();
    assert_eq!(report.entries, 3);
    let of = |kind: Kind| report.findings.iter().filter(move |one| one.kind == kind);
    let conflicting: Vec<_> = of(Kind::Conflicting).map(|one| one.content_id).collect();
    assert!(conflicting.contains(&ContentId(1)), "{report:?}");
    assert!(of(Kind::Benign).any(|one| one.content_id == item.id));
    let notices = noted.notices.into_inner().unwrap();
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(notices[0].contains("1 line left out; the first: "));

    let unknown = LintPlan::default().banks(["unknown".parse().unwrap()]);
    assert!(matches!(
        lint(&scene.workspace, &unknown, &Silent),
        Err(LintError::Store(StoreError::NoSuchBank { .. }))
    ));
    let missing = LintPlan::default().harmless([Path::new("/nowhere/list")]);
    assert!(matches!(
        lint(&scene.workspace, &missing, &Silent),
        Err(LintError::Sample(_))
    ));
    drop(view);
    turn(&scene.workspace, &scene.bank, &[entry("3")], Turn::Withdraw).unwrap();
    let noted = Noted::default();
    lint(&scene.workspace, &LintPlan::default(), &noted).unwrap();
    let notices = noted.notices.into_inner().unwrap();
    assert!(notices[0].contains("older than the store"), "{notices:?}");
}

#[test]
fn an_explanation_tells_of_entries_that_are_in_the_store_only() {
    let scene = Scene::new();
    scene.create(Action::Block);
    let plan = AddPlan::new([scene.pictures().join("1.png")]);
    add(&scene.workspace, &scene.bank, &plan, &Silent).unwrap();
    scene.publish();
    scene.add();
    let gate = Gate::open(scene.workspace.index()).unwrap();
    let store = BankStore::open_read_only(scene.workspace.store()).unwrap();
    let input = scene.pictures().join("2.png").display().to_string();
    let mut explained = explain(&gate, &input).unwrap();
    explained.look_in(&store).unwrap();
    assert_eq!(explained.only_in_store.len(), 1);
    let record = serde_json::to_value(ExplanationRecord::from(&explained)).unwrap();
    assert_eq!(record["outcome"], "no_match");
    assert_eq!(record["only_in_store"][0]["state"], "active");
    let text = explained.to_string();
    assert!(text.contains("is in the store only: active"), "{text}");

    let digest = explained.only_in_store[0].signals[0].signal.to_string();
    let by_hash = explain(&gate, &digest).unwrap();
    assert!(by_hash.only_in_store.is_empty(), "no store was given");
    let neither = explain(&gate, "no such thing").unwrap_err();
    assert!(matches!(neither, ExplainError::Neither { .. }));
}

#[cfg(feature = "evaluate")]
mod calibration {
    use super::*;
    use hashgate::curation::calibrate::{CalibrateError, CalibrationPlan, calibrate};
    use hashgate::curation::reaches;
    use hashgate::index::Index;

    /// Picture 1 itself is harmless here: its entry may reach nowhere.
    #[test]
    fn reaches_are_set_by_a_sample_and_taken_away() {
        let scene = Scene::with_pictures();
        scene.publish();
        let sample = scene.folder.path().join("sample");
        std::fs::create_dir(&sample).unwrap();
        std::fs::copy(scene.pictures().join("1.png"), sample.join("1.png")).unwrap();
        std::fs::write(sample.join("notes.txt"), "no picture").unwrap();
        let index = Index::open(scene.workspace.index()).unwrap();
        let noted = Noted::default();
        let plan = CalibrationPlan::new([&sample]);
        let (calibration, found) = calibrate(&index, &plan, &noted).unwrap();
        assert_eq!(
            (calibration.uploads, calibration.sample.as_str()),
            (1, "sample")
        );
        assert!(calibration.noisy.iter().any(|entry| entry.content_id == 1));
        let notices = noted.notices.into_inner().unwrap();
        assert!(notices[0].contains("notes.txt: "), "{notices:?}");

        let home = &scene.workspace;
        reaches::can_be_set(home).unwrap();
        let done = reaches::set(home, &index, &found, &Silent).unwrap();
        assert!(done.set >= 3 && done.without == 0, "{done:?}");
        let again = reaches::set(home, &index, &found, &Silent).unwrap();
        assert_eq!((again.differing(), again.unchanged), (0, done.set));
        let calibrated = banks::list(home).unwrap()[0].calibrated;
        assert_eq!(calibrated, Some(done.set));
        let stopped = reaches::clear(home, &AtomicBool::new(true)).unwrap();
        assert!(stopped.is_interrupted && stopped.cleared == 0);
        assert_eq!(reaches::clear(home, &Silent).unwrap().cleared, done.set);
        assert_eq!(banks::list(home).unwrap()[0].calibrated, None);
    }

    #[test]
    fn what_cannot_be_judged_by_is_named() {
        let scene = Scene::with_pictures();
        scene.publish();
        let index = Index::open(scene.workspace.index()).unwrap();
        let by = |plan: CalibrationPlan| calibrate(&index, &plan, &Silent).unwrap_err();
        let empty = scene.folder.path().join("empty");
        std::fs::create_dir(&empty).unwrap();
        let refused = by(CalibrationPlan::new([&empty]));
        assert!(matches!(refused, CalibrateError::NoPicture { .. }));
        let refused = by(CalibrationPlan::new(["/nowhere/list"]));
        assert!(matches!(refused, CalibrateError::Sample(_)));
        let scan = scene.folder.path().join("scan.jsonl");
        std::fs::write(&scan, "{}\nno line\n").unwrap();
        let refused = by(CalibrationPlan::new([scene.pictures()]).past_scan(&scan));
        assert!(matches!(refused, CalibrateError::ScanLine { line: 2, .. }));
        let plan = CalibrationPlan::new([scene.pictures()]);
        let stopped = calibrate(&index, &plan, &AtomicBool::new(true));
        assert!(matches!(stopped, Err(CalibrateError::Stopped)));
    }
}
