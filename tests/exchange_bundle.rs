//! Feeds, from one home to another over a static file server: followed, withdrawn from, forged, held back, cut off and killed.

#![cfg(feature = "full")]

mod common;
mod feed_support;

use common::Hashgate;
use feed_support::{Fault, Publisher, Site, Subscriber, name};
use hashgate::clock::{self, Clock};
use hashgate::curation::exchange::{ExchangeError, FetchOptions};
use hashgate::curation::export::{ExportForm, ExportOptions, Exporter};
use hashgate::curation::feed::{FeedError, FolderShelf, Shelf, ShelfError};
use hashgate::curation::{Observer, Silent, bundle};
use hashgate::store::Facts;
use serde_json::Value;
use std::cell::Cell;
use std::fs::{self, File};
use std::sync::atomic::{AtomicU64, Ordering};

const HEAD: &str = "LIST.feed";
const FILES: &str = "LIST.files";

/// A publisher of 30 entries, its site, and a subscriber that has none yet.
fn three() -> (Publisher, Site, Subscriber) {
    let publisher = Publisher::new();
    publisher.add(1..=30);
    publisher.publish();
    let site = Site::of(&publisher.place);
    let subscriber = Subscriber::of(&site.at(HEAD), &publisher.public_key);
    (publisher, site, subscriber)
}

#[test]
fn what_is_added_and_taken_back_arrives_by_what_changed_alone() {
    let (publisher, site, subscriber) = three();
    let first = subscriber.fetch();
    assert_eq!((first.added, first.pages), (30, 2), "{first:?}");
    assert_eq!(site.asked(), ["200 LIST.feed", "200 bundle"]);
    assert_eq!(subscriber.standing(), publisher.standing());
    for source in subscriber.sources() {
        let said = source.metadata.expect("it says where it comes from");
        let publisher = format!("publisher=LIST; key={}", publisher.public_key);
        assert!(said.starts_with(&publisher), "{said}");
        assert!(said.contains("case-") && source.record.is_some(), "{said}");
    }
    let same = subscriber.fetch();
    assert_eq!((same.added, same.updated, same.pages), (0, 0, 1));
    assert_eq!(site.asked(), ["304 LIST.feed"]);

    publisher.add(31..=32);
    publisher.withdraw([3]);
    let done = publisher.publish();
    assert_eq!(
        (done.given, done.taken_back, done.items),
        (2, 1, 31),
        "{done:?}"
    );
    assert!(!done.is_whole && done.files == 1, "{done:?}");
    let (fetched, told) = subscriber.fetch_by(&FetchOptions::default(), &Silent);
    let fetched = fetched.expect("fetched");
    assert_eq!(
        (fetched.added, fetched.taken_back, fetched.stopped),
        (2, 1, 1)
    );
    assert_eq!(told, 1, "what no longer matches is told at once");
    assert_eq!(site.asked(), ["200 LIST.feed", "200 jsonl"]);
    assert_eq!(subscriber.standing(), publisher.standing());

    // Nothing changed: a new head that is good for longer.
    let again = publisher.publish();
    assert_eq!(
        (again.files, again.sequence),
        (0, done.sequence + 1),
        "{again:?}"
    );
    let fetched = subscriber.fetch();
    assert_eq!(
        (fetched.added, fetched.updated, fetched.taken_back),
        (0, 0, 0)
    );
    assert_eq!(site.asked(), ["200 LIST.feed"]);

    // Who comes later has the same, and who has missed some goes on from where it is.
    let late = Subscriber::of(&site.at(HEAD), &publisher.public_key);
    late.fetch();
    assert_eq!(site.asked(), ["200 LIST.feed", "200 bundle", "200 jsonl"]);
    for number in 40..43 {
        publisher.add([number]);
        publisher.publish();
    }
    let fetched = late.fetch();
    assert_eq!((fetched.added, fetched.pages), (3, 4));
    subscriber.fetch();
    assert_eq!(subscriber.standing(), publisher.standing());
    assert_eq!(late.standing(), publisher.standing());
    // An entry that stands again.
    let store = hashgate::store::BankStore::open(publisher.workspace.store()).expect("a store");
    let third = "md5:00000000000000000000000000000003"
        .parse()
        .expect("a hash");
    let third = store.find(&third).expect("looked up")[0];
    store.reinstate(third, 11).expect("reinstated");
    drop(store);
    publisher.publish();
    assert_eq!(late.fetch().given_again, 1);
    assert_eq!(late.standing(), publisher.standing());
}

#[test]
fn what_the_key_did_not_sign_changes_nothing() {
    let (publisher, site, subscriber) = three();
    subscriber.fetch();
    let old = fs::read(site.folder.join(HEAD)).expect("a head");
    publisher.add([31]);
    publisher.withdraw([1]);
    publisher.publish();
    // Of the head, of what changed.
    site.fault(HEAD, Fault::Flip(40));
    subscriber.refused("not by this key, or it was changed");
    let head = fs::read(site.folder.join(HEAD)).expect("a head");
    for end in [2, 40, 85, 92, 200, 300].map(|cut| head.len() - cut) {
        site.fault(HEAD, Fault::Instead(head[..end].to_vec()));
        subscriber.refused("the head of the feed: ");
    }
    site.mend();
    let delta = site.file(FILES, ".jsonl");
    site.fault(&delta, Fault::Flip(5));
    subscriber.refused("is not what the head of the feed was signed for");
    site.fault(
        &delta,
        Fault::More(b"{\"id\":\"9\",\"status\":\"withdrawn\"}\n".to_vec()),
    );
    subscriber.refused("answered with more than");
    site.fault(&delta, Fault::Instead(Vec::new()));
    subscriber.refused("is not what the head of the feed was signed for");
    site.mend();
    subscriber.fetch();
    assert_eq!(subscriber.standing(), publisher.standing());
    // Of all.
    let whole = site.file(FILES, ".bundle");
    let late = Subscriber::of(&site.at(HEAD), &publisher.public_key);
    site.fault(&whole, Fault::Flip(700));
    late.refused("is not what the head of the feed was signed for");
    site.mend();
    // An older head, whoever serves it.
    site.fault(HEAD, Fault::Instead(old.clone()));
    subscriber.refused("is older than what was seen before");
    late.refused("is older than what was seen before");
    let early = Subscriber::of(&site.at(HEAD), &publisher.public_key);
    early.fetch();
    site.mend();
    let fetched = early.fetch();
    assert_eq!(
        (fetched.added, fetched.stopped),
        (1, 1),
        "an older one is good for who saw no newer"
    );
    // Another's key, and what is no feed.
    let other = Publisher::new();
    let deceived = Subscriber::of(&site.at(HEAD), &other.public_key);
    deceived.refused("not by this key");
    site.fault(HEAD, Fault::Instead(b"<html>".to_vec()));
    subscriber.refused("neither the head of a feed nor a bundle");
    site.fault(HEAD, Fault::Instead(vec![b'{'; 2 << 20]));
    subscriber.refused("neither the head of a feed nor a bundle");
    site.mend();
    // Two heads of one sequence: somebody signs at two places.
    fs::remove_file(publisher.workspace.feeds()).expect("removed");
    let now = fs::read(site.folder.join(HEAD)).expect("a head");
    fs::write(site.folder.join(HEAD), &old).expect("written");
    let mut options = publisher.options();
    options.expires_after = 6 * 86_400;
    let done = publisher.publish_by(&options, &publisher.shelf());
    assert_eq!(done.expect("published").sequence, sequence(&now));
    subscriber.refused("two different heads of the sequence");
    publisher.publish();
    subscriber.fetch();
    assert_eq!(subscriber.standing(), publisher.standing());
}

/// The sequence of a head.
fn sequence(head: &[u8]) -> u64 {
    let line = head.split(|&byte| byte == b'\n').next().expect("a line");
    let head: Value = serde_json::from_slice(line).expect("JSON");
    head["sequence"].as_u64().expect("a number")
}

#[test]
fn what_has_expired_is_refused_and_what_is_held_back_is_noticed() {
    let (publisher, site, subscriber) = three();
    subscriber.fetch();
    let mut options = publisher.options();
    options.clock = Clock::fixed(clock::now() - 8 * 86_400);
    publisher.add([31]);
    let done = publisher.publish_by(&options, &publisher.shelf());
    assert!(done.expect("published").expires < clock::now());
    subscriber.refused("expired at");
    publisher.publish();
    subscriber.fetch();
    // The server says that nothing has changed, and what it had is no longer good.
    let bank = subscriber.store.bank(&name("FEED")).expect("a bank").id;
    let kept = subscriber.store.fact(bank, b"fetch/progress");
    let mut progress: Value =
        serde_json::from_slice(&kept.expect("read").expect("some")).expect("JSON");
    progress["position"]["expires"] = 1.into();
    let facts = Facts::default().put(b"fetch/progress", progress.to_string().as_bytes());
    subscriber.store.keep(bank, &facts).expect("kept");
    site.asked();
    subscriber.refused("expired at");
    assert_eq!(site.asked(), ["304 LIST.feed"]);
}

#[test]
fn an_answer_that_breaks_off_is_taken_by_a_later_fetch() {
    let (publisher, site, subscriber) = three();
    let whole = site.file(FILES, ".bundle");
    site.fault(&whole, Fault::Cut(2_000));
    subscriber.refused("broke off");
    site.mend();
    assert_eq!(subscriber.fetch().added, 30);
    fs::rename(site.folder.join(&whole), site.folder.join("away")).expect("moved");
    let late = Subscriber::of(&site.at(HEAD), &publisher.public_key);
    late.refused("there is nothing at the address (404)");
    fs::rename(site.folder.join("away"), site.folder.join(&whole)).expect("moved");
    late.fetch();
    assert_eq!(late.standing(), publisher.standing());
}

/// A place that fails for good after so many changes.
struct Failing<'a> {
    shelf: &'a FolderShelf,
    left: Cell<u64>,
}

impl Failing<'_> {
    fn may(&self) -> Result<(), ShelfError> {
        match self.left.get() {
            0 => Err("it is killed".into()),
            left => {
                self.left.set(left - 1);
                Ok(())
            }
        }
    }
}

impl Shelf for Failing<'_> {
    fn get(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, ShelfError> {
        self.may().and_then(|()| self.shelf.get(name, most))
    }
    fn copy(&self, name: &str, most: u64, to: &mut File) -> Result<bool, ShelfError> {
        self.may().and_then(|()| self.shelf.copy(name, most, to))
    }
    fn length(&self, name: &str) -> Result<Option<u64>, ShelfError> {
        self.may().and_then(|()| self.shelf.length(name))
    }
    fn put(&self, name: &str, from: &mut File) -> Result<(), ShelfError> {
        self.may().and_then(|()| self.shelf.put(name, from))
    }
    fn replace(&self, name: &str, bytes: &[u8], over: Option<&[u8]>) -> Result<bool, ShelfError> {
        self.may()
            .and_then(|()| self.shelf.replace(name, bytes, over))
    }
    fn list(&self, folder: &str) -> Result<Vec<(String, u64)>, ShelfError> {
        self.may().and_then(|()| self.shelf.list(folder))
    }
    fn remove(&self, name: &str) -> Result<(), ShelfError> {
        self.may().and_then(|()| self.shelf.remove(name))
    }
}

#[test]
fn a_publication_that_is_killed_anywhere_leaves_a_feed_that_the_next_one_mends() {
    let (publisher, site, subscriber) = three();
    subscriber.fetch();
    let shelf = publisher.shelf();
    let mut options = publisher.options();
    // Old files go at once, so that removing them is killed too.
    options.grace = 0;
    let mut states = vec![publisher.standing()];
    let (mut killed, mut done) = (0, 0);
    for after in 0..32 {
        let next = 100 + 2 * after;
        publisher.add([next, next + 1]);
        publisher.withdraw([next]);
        states.push(publisher.standing());
        let failing = Failing {
            shelf: &shelf,
            left: Cell::new(after),
        };
        let published = publisher.publish_by(&options, &failing);
        subscriber.fetch();
        let has = subscriber.standing();
        // Each state that was whole, and never an earlier one again.
        let at = states.iter().position(|state| *state == has);
        let at = at.unwrap_or_else(|| panic!("killed after {after}: {has:?}"));
        states.drain(..at);
        match published {
            Ok(_) => {
                assert_eq!(has, publisher.standing());
                done += 1;
            }
            Err(_) => killed += 1,
        }
    }
    assert!(killed > 3 && done > 3, "{killed} killed, {done} done");
    publisher.publish_by(&options, &shelf).expect("mended");
    subscriber.fetch();
    assert_eq!(subscriber.standing(), publisher.standing());
    let late = Subscriber::of(&site.at(HEAD), &publisher.public_key);
    late.fetch();
    assert_eq!(late.standing(), publisher.standing());
    // No file is left that the head does not name.
    let head = fs::read_to_string(site.folder.join(HEAD)).expect("a head");
    for entry in fs::read_dir(site.folder.join(FILES)).expect("a folder") {
        let file = entry.expect("an entry").file_name();
        let file = file.to_string_lossy();
        let digest = file.split('.').next().expect("a name");
        assert!(head.contains(digest), "{file}");
    }
}

#[test]
fn files_that_are_lost_at_the_place_are_made_anew() {
    let (publisher, site, subscriber) = three();
    subscriber.fetch();
    fs::remove_file(site.folder.join(site.file(FILES, ".bundle"))).expect("removed");
    let done = publisher.publish();
    assert!(done.is_whole && done.is_anew, "{done:?}");
    subscriber.fetch();
    let late = Subscriber::of(&site.at(HEAD), &publisher.public_key);
    late.fetch();
    // A changed byte is found where something is published.
    let path = site.folder.join(site.file(FILES, ".bundle"));
    fs::remove_dir_all(site.folder.join(FILES)).expect("removed");
    publisher.add([31]);
    let done = publisher.publish();
    assert!(done.is_anew && !path.exists(), "{done:?}");
    subscriber.fetch();
    assert_eq!(subscriber.standing(), publisher.standing());
    assert_eq!(late.fetch().added, 1);
    // Another's feed is not written over.
    let other = Publisher::new();
    other.add([1]);
    let refused = other.publish_by(&other.options(), &publisher.shelf());
    assert!(
        matches!(refused, Err(FeedError::Other { .. })),
        "{refused:?}"
    );
}

/// Asks to stop from the so-many-th question on.
struct StopAfter(AtomicU64);

impl Observer for StopAfter {
    fn is_stopped(&self) -> bool {
        let left = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                Some(left.saturating_sub(1))
            });
        left == Ok(0)
    }
}

#[test]
fn a_fetch_that_is_stopped_anywhere_goes_on_and_loses_nothing() {
    let (publisher, site, subscriber) = three();
    let mut stopped = 0;
    for after in 0_u64.. {
        assert!(after < 200, "it never ends");
        let observer = StopAfter(AtomicU64::new(after));
        match subscriber.fetch_by(&FetchOptions::default(), &observer).0 {
            Ok(_) => break,
            Err(ExchangeError::Stopped { .. }) => stopped += 1,
            Err(error) => panic!("stopped after {after}: {error}"),
        }
        // Something that the stopped fetch may have read is gone from what comes next.
        if after > 0 && after % 2 == 0 && after < 20 {
            publisher.withdraw([after]);
            publisher.publish();
        }
    }
    assert!(stopped > 2, "{stopped}");
    subscriber.fetch();
    assert_eq!(subscriber.standing(), publisher.standing());
    let all = Subscriber::of(&site.at(HEAD), &publisher.public_key);
    let options = FetchOptions::default();
    all.fetch();
    let mut anew = options;
    anew.anew = true;
    let fetched = all.fetch_by(&anew, &Silent).0.expect("fetched");
    assert!(fetched.is_complete && fetched.added == 0, "{fetched:?}");
    assert_eq!(all.standing(), publisher.standing());
}

#[test]
fn much_that_is_gone_is_asked_about_on_both_sides() {
    let (publisher, site, subscriber) = three();
    subscriber.fetch();
    let before = subscriber.standing();
    publisher.withdraw(1..=20);
    let refused = publisher.publish_by(&publisher.options(), &publisher.shelf());
    assert!(
        matches!(
            refused,
            Err(FeedError::Shrinks {
                gone: 20,
                before: 30,
                ..
            })
        ),
        "{refused:?}"
    );
    // What changed is lost, so that what is gone is not said by name.
    fs::remove_dir_all(site.folder.join(FILES)).expect("removed");
    publisher.publish();
    for _ in 0..2 {
        let refused = subscriber.try_fetch();
        assert!(
            matches!(refused, Err(ExchangeError::Shrinks { gone: 20, .. })),
            "{refused:?}"
        );
        assert_eq!(subscriber.standing(), before);
    }
    let mut options = FetchOptions::default();
    options.accept_shrink = true;
    let fetched = subscriber.fetch_by(&options, &Silent).0.expect("fetched");
    assert_eq!(fetched.stopped, 20);
    assert_eq!(subscriber.standing(), publisher.standing());
    // Said by name it applies, however much it is.
    let mut options = publisher.options();
    options.accept_shrink = true;
    publisher.add(50..=90);
    publisher.publish();
    subscriber.fetch();
    publisher.withdraw(50..=85);
    let done = publisher.publish_by(&options, &publisher.shelf());
    assert_eq!(done.expect("published").taken_back, 36);
    assert_eq!(subscriber.fetch().stopped, 36);
    assert_eq!(subscriber.standing(), publisher.standing());
}

#[test]
fn a_feeds_own_bundle_in_the_place_of_its_head_is_refused() {
    let (publisher, _site, subscriber) = three();
    subscriber.fetch();
    // All anew, by whoever has the place and not the key: it is signed, newer, and never expires.
    publisher.add([77]);
    publisher.publish();
    let files = publisher.place.join("LIST.files");
    let bundles = fs::read_dir(files)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path());
    let newest = bundles
        .filter(|path| path.extension().is_some_and(|end| end == "bundle"))
        .max_by_key(|path| {
            fs::metadata(path)
                .expect("facts")
                .modified()
                .expect("a time")
        });
    let newest = fs::read(newest.expect("a bundle")).expect("read");
    let head = publisher.place.join("LIST.feed");
    let kept = fs::read(&head).expect("a head");
    fs::write(&head, newest).expect("written");
    subscriber.refused("a bundle lies where the feed");
    fs::write(&head, kept).expect("written");
    subscriber.fetch();
    assert_eq!(subscriber.standing(), publisher.standing());
}

#[test]
fn a_signed_bundle_at_an_address_is_a_complete_list() {
    let publisher = Publisher::new();
    publisher.add(1..=30);
    fs::create_dir(&publisher.place).expect("a folder");
    let site = Site::of(&publisher.place);
    let file = publisher.place.join("list.bundle");
    let subscriber = Subscriber::of(&site.at("list.bundle"), &publisher.public_key);
    let export = |is_signed: bool| {
        let options = ExportOptions::new(name("LIST"), ExportForm::Bundle);
        let exporter = Exporter::open(&publisher.workspace, options).expect("a bank");
        let out = File::create(&file).expect("a file");
        exporter.write(out, &Silent).expect("written");
        if is_signed {
            bundle::sign(&file, &publisher.key, None).expect("signed");
        }
    };
    subscriber.refused("there is nothing at the address");
    export(false);
    subscriber.refused("it is not signed");
    export(true);
    let old = fs::read(&file).expect("a bundle");
    assert_eq!(subscriber.fetch().added, 30);
    site.asked();
    subscriber.fetch();
    assert_eq!(site.asked(), ["304 list.bundle"]);
    publisher.withdraw([4]);
    publisher.add([31]);
    export(true);
    let fetched = subscriber.fetch();
    assert_eq!((fetched.added, fetched.stopped), (1, 1), "{fetched:?}");
    assert_eq!(subscriber.standing(), publisher.standing());
    site.fault("list.bundle", Fault::Instead(old));
    subscriber.refused("is older than what was seen before");
    site.fault("list.bundle", Fault::Flip(900));
    subscriber.refused("the bundle: ");
    site.fault("list.bundle", Fault::Cut(900));
    subscriber.refused("broke off");
}

#[test]
fn two_homes_share_a_list_as_typed() {
    let (ours, theirs) = (Hashgate::new(), Hashgate::new());
    let place = tempfile::tempdir().expect("a folder");
    let list = place.path().join("list.txt");
    let pdq = |byte: u8| format!("{byte:02x}").repeat(32);
    let hashes: Vec<String> = (0..40).map(|byte| pdq(byte * 5 + 3)).collect();
    fs::write(&list, hashes.join("\n")).expect("written");
    let text = |path: &std::path::Path| path.display().to_string();
    let (folder, key) = (
        text(&place.path().join("site")),
        text(&place.path().join("key")),
    );
    ours.expect(0, &["bank", "create", "known", "--action", "block"]);
    ours.expect(
        0,
        &["import", "--bank", "known", "--format", "pdq", &text(&list)],
    );
    ours.expect(0, &["hashset", "keygen", &key]);
    ours.expect(2, &["export", "--bank", "known", "--to", &folder]);
    let export = [
        "export",
        "--bank",
        "known",
        "--to",
        &folder,
        "--secret-key",
        &key,
    ];
    let said = ours.expect(0, &export).out;
    assert!(
        said.contains("40 entries") && said.contains("known.feed"),
        "{said}"
    );
    let site = Site::of(&place.path().join("site"));
    let (url, public) = (
        format!("url={}", site.at("known.feed")),
        format!("public_key={key}.pub"),
    );
    let add = [
        "exchange", "add", "partner", "--api", "bundle", "--action", "block",
    ];
    theirs.expect(2, &[&add[..], &["--set", &url]].concat());
    theirs.expect(
        2,
        &[&add[..], &["--set", &url, "--set", "public_key=no"]].concat(),
    );
    theirs.expect(0, &[&add[..], &["--set", &url, "--set", &public]].concat());
    theirs.expect(0, &["exchange", "test", "partner"]);

    // Killed at any moment, again and again.
    for after in [0, 5, 20, 60, 120, 250] {
        let mut command = theirs.command();
        command.args(["exchange", "fetch"]);
        command
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        let mut child = common::watched(&mut command);
        std::thread::sleep(std::time::Duration::from_millis(after));
        let _ = child.kill();
        child.output();
    }
    theirs.expect(0, &["exchange", "fetch"]);
    let hash = format!("pdq:{}", hashes[7]);
    theirs.expect(1, &["match", &hash]);
    let audit = theirs.expect(0, &["audit", &hash]).out;
    for said in ["exchange:partner", "publisher=known", "list.txt"] {
        assert!(audit.contains(said), "{said}: {audit}");
    }
    ours.expect(0, &["bank", "withdraw", "known", &hash]);
    ours.expect(0, &export);
    theirs.expect(0, &["exchange", "fetch"]);
    theirs.expect(0, &["match", &hash]);
    theirs.expect(1, &["match", &format!("pdq:{}", hashes[8])]);
    theirs.expect(0, &["verify"]);
    let said = ours.expect(0, &export).out;
    assert!(said.contains("nothing has changed"), "{said}");
}
