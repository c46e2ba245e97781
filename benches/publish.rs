//! How long it takes from adding one hash to a large store until a reader that is running matches
//! it: opening the store, adding, opening it anew to read, publishing, refreshing, searching.
//!
//! `HASHGATE_BENCH_HASHES` sets the number of hashes (100,000 unless told otherwise), and
//! `HASHGATE_BENCH_HOME` a folder in which store and index are kept from run to run. Each round
//! asserts that the new hash matches and that an old one still does.

use hashgate::bank::{Action, BankId, ContentSignal, Policy, Provenance};
use hashgate::hash::{Distance, PdqHash, Quality, Signal};
use hashgate::index::{Base, IndexHandle, PublishOptions};
use hashgate::store::{BankStore, NewItem, Publication, StoreError};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// SplitMix64.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The hash of entry `number`.
fn nth(number: u64) -> Signal {
    let mut state = number.wrapping_mul(0x2545_f491_4f6c_dd1d);
    let mut bytes = [0u8; 32];
    for part in bytes.chunks_exact_mut(8) {
        part.copy_from_slice(&random(&mut state).to_be_bytes());
    }
    PdqHash(bytes).into()
}

fn item(number: u64) -> NewItem {
    NewItem {
        signals: vec![ContentSignal::new(nth(number), Quality::new(100))],
        labels: Vec::new(),
        provenance: Provenance {
            source: "lists/benchmark.txt".to_owned(),
            record: Some(number.to_string()),
            metadata: None,
            added_at: 1_700_000_000,
            ..Provenance::default()
        },
        ..NewItem::default()
    }
}

/// The bank, filled up to `count` entries; returns how many entries there are now.
fn fill(folder: &Path, count: u64) -> (BankId, u64) {
    let store = BankStore::open(folder).expect("the store opens");
    let name = "bench".parse().expect("a name");
    let bank = match store.bank(&name) {
        Err(StoreError::NoSuchBank { .. }) => store.create_bank(&name, Policy::new(Action::Block)),
        known => known,
    };
    let bank = bank.expect("a bank").id;
    let mut next = store.counts(bank).expect("counts").items;
    let (begun, first) = (Instant::now(), next);
    while next < count {
        let end = (next + BankStore::BATCH as u64).min(count);
        let items: Vec<_> = (next..end).map(item).collect();
        store.add(bank, &items).expect("added");
        next = end;
    }
    if next > first {
        store.flush().expect("flushed");
    }
    eprintln!(
        "{} entries added in {:.1} s",
        next - first,
        begun.elapsed().as_secs_f64()
    );
    (bank, next)
}

fn publish(home: &Path) -> (Publication, f64) {
    let folder = home.join("index");
    let base = Base::read(&folder);
    let begun = Instant::now();
    let store = BankStore::open_read_only(home.join("store")).expect("the store opens");
    let opened = begun.elapsed().as_secs_f64();
    let snapshot = store.snapshot().expect("a snapshot");
    let done = snapshot.publish(&folder, base, false, &PublishOptions::default());
    (done.expect("published"), opened)
}

fn main() {
    let once = std::env::args().any(|argument| argument == "--test");
    let given = std::env::var("HASHGATE_BENCH_HASHES").ok();
    let given = given.and_then(|text| text.parse().ok());
    let count = given.unwrap_or(if once { 20_000 } else { 100_000 });
    let own = tempfile::tempdir().expect("a folder");
    let home = std::env::var_os("HASHGATE_BENCH_HOME");
    let home = home.map_or_else(|| own.path().to_owned(), PathBuf::from);
    let (bank, mut next) = fill(&home.join("store"), count);

    let begun = Instant::now();
    let (first, _) = publish(&home);
    eprintln!(
        "published in {:.2} s: {first:?}",
        begun.elapsed().as_secs_f64()
    );
    let reader = IndexHandle::open(home.join("index")).expect("an index");
    let heads = [
        "open", "add", "close", "reopen", "publish", "refresh", "match", "total",
    ];
    println!(
        "milliseconds {}",
        heads.map(|head| format!("{head:>8}")).join("")
    );
    for _ in 0..if once { 3 } else { 12 } {
        let new = nth(next);
        assert_eq!(reader.load().search(&new, Distance(31)), []);
        let mut at = vec![Instant::now()];
        let store = BankStore::open(home.join("store")).expect("the store opens");
        at.push(Instant::now());
        assert_eq!(store.add(bank, &[item(next)]).expect("added").added, 1);
        at.push(Instant::now());
        drop(store);
        at.push(Instant::now());
        let (done, opened) = publish(&home);
        at.push(at[3] + std::time::Duration::from_secs_f64(opened));
        at.push(Instant::now());
        assert!(reader.refresh().expect("refreshed"));
        at.push(Instant::now());
        let hits = reader.load().search(&new, Distance(31));
        at.push(Instant::now());
        assert_eq!(hits.len(), 1);
        let Publication::Change {
            published,
            added: 1,
            removed: 0,
        } = done
        else {
            panic!("not only the change: {done:?}");
        };
        assert_eq!(reader.load().search(&nth(next / 2), Distance(31)).len(), 1);
        next += 1;
        let spans = at.windows(2).map(|pair| pair[1] - pair[0]);
        let spans = spans.chain([at[7] - at[0]]);
        let columns: Vec<_> = spans
            .map(|span| format!("{:8.2}", 1e3 * span.as_secs_f64()))
            .collect();
        println!(
            "             {}  {} segments",
            columns.join(""),
            published.segments
        );
    }
}
