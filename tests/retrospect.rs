//! Recording uploads, the history of their hashes, and entries that arrive later, through the library
//! alone.

#![cfg(feature = "curation")]

mod common;
mod store_support;

use common::picture;
use hashgate::bank::{Action, BankId, ContentSignal, Policy};
use hashgate::clock::Clock;
use hashgate::decisions::{DecisionError, Entry, Input, for_each};
use hashgate::gate::{Gate, GateOptions, Score, VariantSet, Verdict};
use hashgate::hash::{Family, SignalType};
use hashgate::index::{Base, PublishOptions};
use hashgate::retrospect::{
    Doubt, News, NoSources, RecordError, Recorder, RecorderOptions, Retro, RetroError,
    RetroOptions, RetroSummary, Since, WhyAll, history, kept_hashes,
};
use hashgate::store::{BankStore, History, HistoryError, HistorySettings, Upload};
use hashgate::watch::Silent;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use store_support::item;

const NOW: u64 = 1_800_000_000;

/// A home with a store of one bank, and where everything is in it.
struct Home {
    folder: tempfile::TempDir,
    bank: BankId,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = BankStore::open(folder.path().join("store")).unwrap();
        let bank = store.create_bank(&"known".parse().unwrap(), Policy::new(Action::Block));
        let home = Self {
            bank: bank.unwrap().id,
            folder,
        };
        // Enough others that one more is news and not all.
        let others = (1..60).map(|n| item(&[store_support::signal(SignalType::Md5, n)]));
        store.add(home.bank, &others.collect::<Vec<_>>()).unwrap();
        drop(store);
        home.publish();
        home
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn publish(&self) {
        let store = BankStore::open(self.at("store")).unwrap();
        let base = Base::read(&self.at("index"));
        let snapshot = store.snapshot().unwrap();
        let options = PublishOptions::default();
        snapshot
            .publish(&self.at("index"), base, false, &options)
            .unwrap();
    }

    /// The PDQ hash of a picture becomes an entry; it is in force when it is published.
    fn add(&self, number: u32) {
        let gate = self.gate(VariantSet::NONE);
        let verdict = gate.check(&upload(number));
        let of_pixels = verdict.queries.iter();
        let mut of_pixels = of_pixels.filter(|query| query.signal.as_pdq().is_some());
        let query = of_pixels.next().expect("a picture has a hash");
        let mut entry = item(&[]);
        entry.signals = vec![ContentSignal::new(query.signal, query.quality)];
        let store = BankStore::open(self.at("store")).unwrap();
        store.add(self.bank, &[entry]).unwrap();
    }

    fn gate(&self, variants: VariantSet) -> Gate {
        let options = GateOptions::default()
            .variants(variants)
            .signals([SignalType::Sha256]);
        Gate::open_with(self.at("index"), options).unwrap()
    }

    fn keep(&self, names: bool) {
        let settings = HistorySettings {
            days: 30,
            hashes: 500,
            names,
        };
        assert_eq!(
            history::begin(&self.at("history"), settings, NOW).unwrap(),
            0
        );
    }

    fn options(&self) -> RecorderOptions {
        RecorderOptions::new()
            .decisions(Some(self.at("decisions")))
            .history(Some(self.at("history")))
            .clock(Clock::fixed(NOW))
    }

    /// Judges uploads and records what came of them.
    fn judge(&self, numbers: &[u32], options: &RecorderOptions) -> Vec<Verdict> {
        let mut recorder = Recorder::open(options).unwrap();
        let gate = self.gate(VariantSet::STANDARD);
        let none = recorder
            .set_index(&gate.index(), &self.at("store"))
            .unwrap();
        assert!(none.is_none(), "{none:?}");
        let judge = |&number: &u32| {
            let bytes = upload(number);
            let verdict = gate.check(&bytes);
            let path = PathBuf::from(format!("upload-{number}.png"));
            recorder
                .note_file(&path, &verdict, bytes.len() as u64)
                .unwrap();
            verdict
        };
        let verdicts = numbers.iter().map(judge).collect();
        recorder.commit().unwrap();
        verdicts
    }

    fn kept(&self) -> Vec<Upload> {
        let history = History::open_read_only(self.at("history")).unwrap();
        let uploads = history.uploads(NOW).unwrap();
        uploads.map(Result::unwrap).collect()
    }

    fn decisions(&self) -> Vec<Entry> {
        let mut all = Vec::new();
        let findings = for_each(&self.at("decisions"), |entry, _| {
            all.push(entry.clone());
            Ok::<_, DecisionError>(ControlFlow::Continue(()))
        });
        assert_eq!(findings.unwrap(), []);
        all
    }

    fn retro_options(&self) -> RetroOptions<'static> {
        let scratch = self.folder.path();
        RetroOptions::new(
            self.at("history"),
            self.at("store"),
            self.at("index"),
            scratch,
        )
        .clock(Clock::fixed(NOW + 60))
    }

    /// Which uploads would be stopped now, and the counts; what was found is settled.
    fn retro(&self, options: RetroOptions<'_>) -> (Vec<String>, RetroSummary) {
        let mut found = Vec::new();
        let retro = Retro::open(options).unwrap();
        let held = retro.hold(&Silent, |one| {
            assert!(one.is_stopped && one.digests().count() > 0);
            found.push(one.upload.name.clone().unwrap_or_default());
            Ok::<_, RetroError>(())
        });
        (found, held.unwrap().settle().unwrap())
    }
}

fn upload(number: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let picture = picture(number, 256, 256);
    picture
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

/// The rule: digests first, then the picture itself, then guesses at an original; nothing that was fitted to
/// one entry; and never more than the settings allow.
#[test]
fn exactly_those_hashes_of_an_upload_are_kept_that_the_rule_names() {
    let home = Home::new();
    home.add(1);
    home.publish();
    home.keep(true);
    let verdict = &home.judge(&[1], &home.options())[0];
    let kept = home.kept();
    let hashes = &kept[0].hashes;
    assert_eq!(*hashes, kept_hashes(verdict));
    let is_fitted = |query: &&hashgate::gate::Query| {
        query
            .evidence
            .is_some_and(|evidence| evidence.fitted_from.is_some())
    };
    let fitted = verdict.queries.iter().filter(is_fitted).count();
    assert_eq!(hashes.len() + fitted, verdict.queries.len());
    let rank = |hash: &hashgate::store::UploadHash| {
        let is_digest = hash.signal.signal_type().family() == Family::Digest;
        (!is_digest, hash.is_guess)
    };
    assert!(hashes.is_sorted_by_key(rank), "{hashes:?}");
    assert_eq!(hashes[0].signal.signal_type().family(), Family::Digest);
    assert!(hashes.iter().any(|hash| hash.is_guess), "guesses come last");
    let upload = &kept[0];
    assert_eq!((upload.at, upload.action), (NOW, Some(Action::Block)));
    assert_eq!((&*upload.outcome, upload.left_out), ("match", 0));
    // With room for three only, the three most telling.
    let settings = HistorySettings {
        days: 30,
        hashes: 3,
        names: true,
    };
    history::begin(&home.at("history"), settings, NOW).unwrap();
    home.judge(&[1], &home.options());
    let fewer = &home.kept()[1];
    assert_eq!(fewer.hashes, hashes[..3]);
    assert_eq!(fewer.left_out as usize, hashes.len() - 3);
}

/// A hash that was fitted to one entry is as good as that entry's: it is not kept.
#[test]
fn what_was_fitted_to_one_entry_is_not_kept() {
    let home = Home::new();
    let gate = home.gate(VariantSet::STANDARD);
    let mut verdict = gate.check(&upload(1));
    let before = kept_hashes(&verdict);
    let guess = verdict.queries.iter_mut().find_map(|query| {
        let evidence = query
            .evidence
            .as_mut()
            .filter(|evidence| evidence.is_guess)?;
        evidence.fitted_from = Some(Score::from_value(0.5)?);
        Some(query.signal)
    });
    let guess = guess.expect("a guess is made of this picture");
    let kept = kept_hashes(&verdict);
    assert_eq!(kept.len() + 1, before.len());
    let of_guess = |all: &[hashgate::store::UploadHash]| {
        all.iter().filter(|hash| hash.signal == guess).count()
    };
    assert_eq!(of_guess(&kept) + 1, of_guess(&before));
}

#[test]
fn nothing_is_kept_where_the_history_is_off_or_was_not_asked_for() {
    let home = Home::new();
    home.add(1);
    home.publish();
    let off = Recorder::open(&home.options()).err().unwrap();
    assert!(
        matches!(off, RecordError::History(HistoryError::Off { .. })),
        "{off}"
    );
    assert!(!off.to_string().contains("--"), "no advice on flags: {off}");
    assert!(!home.at("history").exists() && !home.at("decisions").exists());
    assert_eq!(history::show(&home.at("history"), NOW).unwrap(), None);
    assert!(!history::end(&home.at("history")).unwrap());
    home.keep(true);
    home.judge(&[1, 2], &home.options().history(None));
    assert_eq!(home.kept(), []);
    assert_eq!(home.decisions().len(), 1, "the match, and only that");
    // Nothing at all is recorded, and nothing need be waited for.
    let mut recorder = Recorder::open(&RecorderOptions::new()).unwrap();
    assert!(recorder.wanted().is_none() && !recorder.is_on());
    let verdict = home.gate(VariantSet::NONE).check(&upload(1));
    recorder.note_file("x.png".as_ref(), &verdict, 1).unwrap();
    assert!(recorder.is_due(0));
}

#[test]
fn names_are_left_out_of_both_records() {
    let home = Home::new();
    home.add(1);
    home.publish();
    home.keep(true);
    home.judge(&[1], &home.options().names(false));
    let kept = home.kept();
    assert_eq!((&kept[0].name, &kept[0].name_hex), (&None, &None));
    let decisions = home.decisions();
    assert_eq!(decisions[0].decision.input.name, None);
    assert!(
        decisions[0]
            .decision
            .signals
            .contains_key(&SignalType::Sha256)
    );
    let mut recorder = Recorder::open(&home.options().names(false).history(None)).unwrap();
    let verdict = home.gate(VariantSet::NONE).check(&upload(1));
    let named = Input {
        name: Some("somebody".into()),
        ..Input::default()
    };
    recorder.note(&verdict, named).unwrap();
    recorder.commit().unwrap();
    drop(recorder);
    assert_eq!(home.decisions()[1].decision.input.name, None);
    // The history's own setting holds whatever the recorder is told.
    home.keep(false);
    home.judge(&[2], &home.options());
    assert_eq!(home.kept()[1].name, None);
}

#[test]
fn an_answer_waits_until_its_record_is_on_the_disk() {
    let home = Home::new();
    home.add(1);
    home.publish();
    let options = home.options().history(None);
    let mut recorder = Recorder::open(&options).unwrap();
    let verdict = home.gate(VariantSet::NONE).check(&upload(1));
    assert!(recorder.is_due(1), "nothing was taken down");
    recorder.note(&verdict, Input::default()).unwrap();
    assert!(!recorder.is_due(1), "one waits for others");
    assert!(
        recorder.is_due(1_000_000),
        "but no more than so many are held back"
    );
    assert_eq!(home.decisions().len(), 0);
    recorder.commit().unwrap();
    assert!(recorder.is_due(1));
    assert_eq!(home.decisions().len(), 1);
    for _ in 0..256 {
        recorder.note(&verdict, Input::default()).unwrap();
    }
    assert!(recorder.is_due(1), "a group is whole");
    let second = Recorder::open(&options).err().unwrap();
    assert!(matches!(
        second,
        RecordError::Decisions(DecisionError::Locked { .. })
    ));
}

#[test]
fn decisions_tell_their_entries_sources_where_the_store_is_the_index_s() {
    let home = Home::new();
    home.add(1);
    home.publish();
    home.judge(&[1], &home.options().history(None));
    let decision = &home.decisions()[0].decision;
    let sources = decision.matches[0]
        .sources
        .as_ref()
        .expect("the store is there");
    assert_eq!(sources[0].source, "list.csv");
    // Another store knows nothing of this index.
    let other = Home::new();
    let mut recorder = Recorder::open(&home.options().history(None)).unwrap();
    let index = home.gate(VariantSet::NONE).index();
    let why = recorder.set_index(&index, &other.at("store")).unwrap();
    assert!(matches!(why, Some(NoSources::OtherStore)), "{why:?}");
    let why = recorder.set_index(&index, &home.at("nowhere")).unwrap();
    assert!(why.is_none());
}

#[test]
fn the_history_is_shown_purged_and_ended() {
    let home = Home::new();
    home.keep(true);
    home.judge(&[1, 2], &home.options());
    let folder = home.at("history");
    let shown = history::show(&folder, NOW).unwrap().unwrap();
    assert_eq!((shown.uploads, shown.days, shown.names), (2, 30, true));
    assert_eq!((shown.oldest, shown.newest), (Some(NOW), Some(NOW)));
    assert!(shown.hashes > 2 && shown.base_revision.is_some());
    let written = serde_json::to_value(&shown).unwrap();
    assert_eq!(written["hashes_an_upload"], 500);
    assert_eq!(history::purge(&folder, false, NOW).unwrap(), 0);
    assert_eq!(
        history::purge(&folder, false, NOW + 31 * 86_400).unwrap(),
        2
    );
    home.judge(&[3], &home.options());
    assert_eq!(history::purge(&folder, true, NOW).unwrap(), 1);
    let bad = HistorySettings {
        days: 0,
        hashes: 1,
        names: true,
    };
    let refused = history::begin(&folder, bad, NOW).unwrap_err();
    assert!(matches!(refused, HistoryError::Setting { .. }), "{refused}");
    assert!(history::end(&folder).unwrap());
    let off = history::purge(&folder, true, NOW).unwrap_err();
    assert!(matches!(off, HistoryError::Off { .. }), "{off}");
}

#[test]
fn an_entry_that_arrives_later_finds_the_upload_and_is_news_until_that_is_settled() {
    let home = Home::new();
    home.keep(true);
    home.judge(&[1, 2, 3], &home.options());
    let (found, summary) = home.retro(home.retro_options());
    assert_eq!((found.len(), summary.news), (0, News::Nothing));
    home.add(2);
    let unpublished = Retro::open(home.retro_options()).unwrap();
    assert_eq!(unpublished.doubt(), Some(Doubt::NotPublished));
    drop(unpublished);
    home.publish();
    let told = || {
        let retro = Retro::open(home.retro_options()).unwrap();
        assert_eq!(retro.doubt(), None);
        let mut lines = Vec::new();
        let held = retro.hold(&Silent, |one| {
            lines.push(serde_json::to_value(one).unwrap());
            Ok::<_, RetroError>(())
        });
        (lines, held.unwrap())
    };
    let (lines, unsettled) = told();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["name"], "upload-2.png");
    assert_eq!(lines[0]["then"]["outcome"], "no_match");
    assert_eq!(lines[0]["now"]["action"], "block");
    assert!(lines[0]["digests"]["sha256"].is_string());
    assert_eq!(unsettled.summary.news, News::Hashes(1));
    drop(unsettled);
    let (lines, held) = told();
    assert_eq!(
        lines.len(),
        1,
        "nobody was told for certain: it is news again"
    );
    let summary = held.settle().unwrap();
    assert_eq!(
        (summary.uploads, summary.matched, summary.stopped_now),
        (3, 1, 1)
    );
    let written = serde_json::to_value(&summary).unwrap();
    assert_eq!(
        (&written["new_hashes"], &written["stopped_now"]),
        (&1.into(), &1.into())
    );
    assert_eq!(home.retro(home.retro_options()).0.len(), 0, "said once");
    let (found, summary) = home.retro(home.retro_options().since(Since::Everything));
    assert_eq!(found, ["upload-2.png"]);
    assert_eq!(summary.news, News::All(WhyAll::Asked));
    let left: Vec<_> = std::fs::read_dir(home.folder.path()).unwrap().collect();
    let is_scratch = |name: &str| name.starts_with("retro-");
    assert!(
        !left
            .iter()
            .any(|one| is_scratch(&one.as_ref().unwrap().file_name().to_string_lossy()))
    );
}

#[test]
fn a_generation_is_looked_up_and_one_that_nobody_noted_is_an_error() {
    let home = Home::new();
    home.keep(true);
    home.judge(&[1], &home.options());
    let before = BankStore::open_read_only(home.at("store"))
        .unwrap()
        .revision();
    home.add(1);
    home.publish();
    home.retro(home.retro_options());
    let revision_of = |generation| Ok((generation == 1).then_some(before));
    let since = |generation| {
        let since = Since::Generation {
            generation,
            revision_of: &revision_of,
        };
        home.retro_options().since(since)
    };
    let (found, summary) = home.retro(since(1));
    assert_eq!((found.len(), summary.news), (1, News::Hashes(1)));
    assert_eq!(
        home.retro(since(1)).0.len(),
        1,
        "a generation that is named settles nothing"
    );
    let hold = |options| {
        let retro: Retro<'_> = Retro::open(options).unwrap();
        retro
            .hold(&Silent, |_| Ok::<_, RetroError>(()))
            .err()
            .unwrap()
    };
    assert!(matches!(
        hold(since(9)),
        RetroError::NotNoted { generation: 9 }
    ));
    let broken = |_| Err("it cannot be read".into());
    let since = Since::Generation {
        generation: 1,
        revision_of: &broken,
    };
    let failed = hold(home.retro_options().since(since));
    assert_eq!(failed.to_string(), "it cannot be read");
}

#[test]
fn what_stops_or_is_missing_says_so() {
    let home = Home::new();
    let off = Retro::open(home.retro_options()).err().unwrap();
    assert!(
        matches!(off, RetroError::History(HistoryError::Off { .. })),
        "{off}"
    );
    home.keep(true);
    home.judge(&[1], &home.options());
    home.add(1);
    home.publish();
    // What a retro that was killed has left is removed, and nothing else.
    std::fs::create_dir(home.at("retro-left")).unwrap();
    std::fs::write(home.at("retro-left/file"), "x").unwrap();
    let stopped = AtomicBool::new(true);
    let retro = Retro::open(home.retro_options()).unwrap();
    assert!(!home.at("retro-left").exists() && home.at("decisions").exists());
    let locked = Retro::open(home.retro_options()).err().unwrap();
    assert!(matches!(
        locked,
        RetroError::History(HistoryError::Locked { .. })
    ));
    let held = retro.hold(&stopped, |_| Ok::<_, RetroError>(())).unwrap();
    let summary = held.settle().unwrap();
    assert!(summary.interrupted && summary.uploads == 0);
    assert_eq!(
        home.retro(home.retro_options()).0.len(),
        1,
        "it is news still"
    );
    let mut elsewhere = home.retro_options();
    elsewhere.store = home.at("nowhere");
    let missing = Retro::open(elsewhere).err().unwrap();
    assert!(matches!(missing, RetroError::NoStore { .. }), "{missing}");
    let other = Home::new();
    let mut options = home.retro_options();
    options.store = other.at("store");
    let retro = Retro::open(options).unwrap();
    assert_eq!(retro.doubt(), Some(Doubt::OtherStore));
    let held = retro.hold(&Silent, |_| Ok::<_, RetroError>(())).unwrap();
    assert_eq!(held.summary.news, News::All(WhyAll::OtherStore));
    assert_eq!(held.summary.matched, 1);
}
