//! A bank judged by a sample of harmless pictures: how far out each entry may safely reach, how many
//! false flags a threshold gives, and what another threshold would have changed.

use super::guesses::{self, GuessCounts, GuessRate, Guessed, Met};
use super::statistics::Estimate;
use crate::bank::{Bank, BankId, ContentId, Policy};
use crate::hash::{Distance, PdqHash, Quality, Reach, Signal};
use crate::index::Index;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

/// The widest reach that any entry is given, in bits: what lies farther is not looked at by verified
/// matches either.
pub const WIDEST_REACH: u16 = Reach::WIDEST as u16;

/// How far beyond an entry's reach no harmless picture of the sample may lie, in bits. Re-encoding and
/// resizing move a hash by up to so many bits in most cases, so that a copy of the nearest harmless
/// picture is not flagged either.
pub const REACH_MARGIN: u16 = 8;

/// Uploads that are asked about together.
const CHUNK: usize = 1024;
/// Noisy entries that are listed at most.
const MOST_NOISY: usize = 1000;

/// One harmless upload: the hashes that it would be asked by, with their qualities.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HarmlessUpload {
    /// Its hashes: one of a list's, or a picture's own, turned and mirrored too.
    pub hashes: Vec<(PdqHash, Option<Quality>)>,
    /// What guesses at a picture's original are taken for, by the index that is judged.
    pub guessed: Guessed,
}

/// What a calibration found: the one object of `hashgate calibrate --json FILE`.
///
/// Keys are stable; further ones may be added. Distances and thresholds are in bits. Rates carry
/// the 95 % interval of Clopper and Pearson, one-sided where no flag was seen (the rule of three).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// `calibrate`.
    pub report: String,
    /// The version of the program that made it.
    pub program_version: String,
    /// The samples, as given, joined by ` + `.
    pub sample: String,
    /// Harmless uploads in it.
    pub uploads: u64,
    /// Their hashes.
    pub hashes: u64,
    /// Guesses at their originals.
    #[serde(default)]
    pub guesses: u64,
    /// The generation of the index that was judged.
    pub generation: u64,
    /// Distinct PDQ hashes in it.
    pub entries: u64,
    /// No harmless hash lies within an entry's reach and so many bits more.
    pub margin: u16,
    /// The widest reach.
    pub widest_reach: u16,
    /// Entries by reach, from 0 to the widest; those that have none (a harmless hash lies within the
    /// margin) stand in `without_reach`.
    pub by_reach: Vec<u64>,
    /// Entries that may reach nowhere.
    pub without_reach: u64,
    /// One for each enabled bank, in the order of their names, by its own policy.
    pub banks: Vec<BankRates>,
    /// Entries with a harmless hash within their bank's threshold: those with the most first.
    pub noisy: Vec<NoisyEntry>,
    /// How many more there are than are listed.
    pub noisy_left_out: u64,
    /// What a change of threshold would have changed in a past scan; null where none was given.
    pub scan: Option<ScanChange>,
}

/// What a bank flags of the sample, by threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BankRates {
    /// The bank.
    pub bank: String,
    /// Its threshold now.
    pub threshold: u16,
    /// Its least quality: harmless hashes and entries below it count as in a scan, not at all.
    pub min_quality: u8,
    /// Thresholds 0 to 63, by uploads themselves, turned and mirrored too.
    pub by_threshold: Vec<ThresholdRate>,
    /// The same for guesses at the originals of pictures; empty where there were none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guesses: Vec<GuessRate>,
}

/// What a threshold flags of the sample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ThresholdRate {
    /// In bits, inclusive.
    pub threshold: u16,
    /// Harmless uploads that are flagged.
    pub flagged: u64,
    /// Expected false flags in a million uploads that are like the sample.
    pub per_million: Estimate,
}

/// An entry that flags harmless pictures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoisyEntry {
    /// The bank.
    pub bank: String,
    /// The content item.
    pub content_id: u64,
    /// The beginning of its hash.
    pub hash: String,
    /// How far the nearest harmless hash is.
    pub nearest: u16,
    /// Harmless hashes within its bank's threshold.
    pub within_threshold: u64,
    /// How far out it may safely reach; null for nowhere.
    pub reach: Option<u16>,
}

/// What thresholds would have flagged in a past scan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScanChange {
    /// Files of the scan that had a PDQ hash.
    pub files: u64,
    /// Files that matched by PDQ then.
    pub matched: u64,
    /// Thresholds 0 to 63.
    pub by_threshold: Vec<ScanAt>,
}

/// What one threshold would have flagged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanAt {
    /// In bits, inclusive, for every bank.
    pub threshold: u16,
    /// Files that would have matched: at least, beyond the thresholds of the scan, for there only
    /// the picture as stored is known.
    pub matched: u64,
    /// Files that matched and would not have.
    pub lost: u64,
    /// Files that did not match and would have.
    pub gained: u64,
}

/// A file of a past scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScannedFile {
    /// Its PDQ hash as stored.
    pub hash: PdqHash,
    /// Its quality.
    pub quality: Option<Quality>,
    /// The least distance of its PDQ matches, by any variant; `None` where it had none.
    pub matched: Option<u16>,
}

/// How far out an entry may safely reach, by the distance of the nearest harmless hash: the largest
/// radius, up to [`WIDEST_REACH`], such that no harmless hash lies within it and [`REACH_MARGIN`] bits
/// more. `None` where even the entry itself is too near to one.
///
/// ```
/// use hashgate::evaluate::safe_reach;
/// assert_eq!(safe_reach(None), Some(60));
/// assert_eq!(safe_reach(Some(42)), Some(33));
/// assert_eq!(safe_reach(Some(8)), None);
/// ```
#[must_use]
pub fn safe_reach(nearest: Option<u16>) -> Option<u16> {
    match nearest {
        None => Some(WIDEST_REACH),
        Some(nearest) => {
            let reach = nearest.checked_sub(REACH_MARGIN + 1)?;
            Some(reach.min(WIDEST_REACH))
        }
    }
}

/// How far out the entries of an index may safely reach: see [`calibrate`].
#[derive(Debug, Default)]
pub struct Reaches {
    /// The banks that were judged.
    banks: BTreeSet<BankId>,
    near: Near,
}

impl Reaches {
    /// The reach of a hash that is in the index that was judged; `None` where its bank was not, as it
    /// is not enabled.
    #[must_use]
    pub fn of(&self, bank: BankId, content: ContentId, signal: &Signal) -> Option<Reach> {
        self.banks.contains(&bank).then(|| {
            let seen = self.near.get(&(bank, content, *signal));
            let bits = safe_reach(seen.map(|seen| seen.nearest));
            let within = bits.and_then(|bits| Reach::within(u8::try_from(bits).ok()?));
            within.unwrap_or(Reach::NOWHERE)
        })
    }
}

/// An entry's key, and what was seen near it.
type Near = BTreeMap<(BankId, ContentId, Signal), Seen>;

#[derive(Debug)]
struct Seen {
    nearest: u16,
    within_threshold: u64,
}

/// Judges the banks of an index by harmless uploads, and says how far out each entry may reach; `None`
/// where `stop` became true.
///
/// An upload's own hashes are far enough off where they are [`REACH_MARGIN`] bits beyond the reach, whatever
/// the policies. Guesses at originals count where one is flagged by its bank's policy, were there no
/// reach.
///
/// Memory depends on the sample, and on how many entries lie near it.
#[must_use]
pub fn calibrate(
    index: &Index,
    sample: &str,
    uploads: &[HarmlessUpload],
    scan: Option<&[ScannedFile]>,
    stop: &AtomicBool,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Option<(Calibration, Reaches)> {
    let mut banks: Vec<&Bank> = index
        .banks()
        .iter()
        .filter(|bank| bank.policy.enabled)
        .collect();
    banks.sort_by(|a, b| a.name.cmp(&b.name));
    let widest = usize::from(Policy::MAX_PDQ_THRESHOLD.0);
    let mut flagged: Vec<Vec<u64>> = banks.iter().map(|_| vec![0; widest + 1]).collect();
    let mut guessed = vec![GuessCounts::new(); banks.len()];
    let mut near = Near::new();
    for (number, chunk) in uploads.chunks(CHUNK).enumerate() {
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        progress((number * CHUNK) as u64, uploads.len() as u64);
        let asked: Vec<Asked> = chunk
            .par_iter()
            .map(|upload| ask(index, &banks, upload))
            .collect();
        for (Asked { nearest, hits }, upload) in asked.into_iter().zip(chunk) {
            for (counts, bank) in guessed.iter_mut().zip(&banks) {
                let flags = upload.guessed.flags.get(&bank.id);
                counts.count(flags.copied().unwrap_or_default());
            }
            for (counts, nearest) in flagged.iter_mut().zip(nearest) {
                let from = nearest.map_or(widest + 1, usize::from);
                for count in counts.iter_mut().skip(from) {
                    *count += 1;
                }
            }
            for (key, (distance, within)) in hits {
                let seen = near.entry(key).or_insert(Seen {
                    nearest: distance.0,
                    within_threshold: 0,
                });
                seen.nearest = seen.nearest.min(distance.0);
                seen.within_threshold += u64::from(within);
            }
        }
    }
    let entries = (index.signal_types().iter())
        .find(|held| held.signal_type == crate::hash::SignalType::Pdq)
        .map_or(0, |held| held.hashes);
    let (by_reach, without_reach) = reaches(entries, &near);
    let (noisy, noisy_left_out) = noisy(index, &near);
    let asked = |of: fn(&HarmlessUpload) -> u64| uploads.iter().map(of).sum();
    let guesses = asked(|upload| upload.guessed.asked);
    let calibration = Calibration {
        report: "calibrate".to_owned(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        sample: sample.to_owned(),
        uploads: uploads.len() as u64,
        hashes: asked(|upload| upload.hashes.len() as u64),
        guesses,
        generation: index.generation(),
        entries,
        margin: REACH_MARGIN,
        widest_reach: WIDEST_REACH,
        by_reach,
        without_reach,
        banks: banks
            .iter()
            .zip(flagged.iter().zip(&guessed))
            .map(|(bank, (flagged, guessed))| BankRates {
                guesses: match guesses {
                    0 => Vec::new(),
                    _ => guessed.rates(uploads.len()),
                },
                ..rates(bank, flagged, uploads.len())
            })
            .collect(),
        noisy,
        noisy_left_out,
        scan: scan.map(|files| change(index, &banks, files)),
    };
    let banks = banks.iter().map(|bank| bank.id).collect();
    Some((calibration, Reaches { banks, near }))
}

/// What one upload met.
struct Asked {
    /// For each bank, the nearest entry that its policy would let match at some threshold.
    nearest: Vec<Option<u16>>,
    /// Entries that were met.
    hits: Met,
}

fn ask(index: &Index, banks: &[&Bank], upload: &HarmlessUpload) -> Asked {
    let radius = Distance(WIDEST_REACH + REACH_MARGIN);
    let mut nearest = vec![None; banks.len()];
    let mut hits = Met::new();
    for &(hash, quality) in &upload.hashes {
        index.visit(&hash.into(), radius, |hit| {
            let place = banks.iter().position(|bank| bank.id == hit.bank);
            let Some((bank, least)) =
                place.and_then(|at| Some((banks.get(at)?, nearest.get_mut(at)?)))
            else {
                return;
            };
            // What is too faint to match is no false flag, now or at another threshold.
            let good =
                |quality: Option<Quality>| quality.is_none_or(|q| q >= bank.policy.min_quality);
            if !good(quality) || !good(hit.quality) {
                return;
            }
            let distance = hit.distance.0;
            *least = Some(least.map_or(distance, |held: u16| held.min(distance)));
            let within = distance <= bank.policy.threshold.0;
            let key = (hit.bank, hit.content, hit.signal);
            guesses::note(&mut hits, key, hit.distance, within);
        });
    }
    for (&key, &(distance, within)) in &upload.guessed.met {
        guesses::note(&mut hits, key, distance, within);
    }
    Asked { nearest, hits }
}

/// Entries by reach. Several content items may share a hash: it counts once, by its least reach.
fn reaches(entries: u64, near: &Near) -> (Vec<u64>, u64) {
    let mut by_hash: BTreeMap<Signal, u16> = BTreeMap::new();
    for ((_, _, signal), seen) in near {
        let held = by_hash.entry(*signal).or_insert(seen.nearest);
        *held = seen.nearest.min(*held);
    }
    let mut by_reach = vec![0; usize::from(WIDEST_REACH) + 1];
    let mut without = 0;
    for nearest in by_hash.values() {
        match safe_reach(Some(*nearest)).and_then(|reach| by_reach.get_mut(usize::from(reach))) {
            Some(count) => *count += 1,
            None => without += 1,
        }
    }
    if let Some(widest) = by_reach.last_mut() {
        *widest += entries.saturating_sub(by_hash.len() as u64);
    }
    (by_reach, without)
}

fn noisy(index: &Index, near: &Near) -> (Vec<NoisyEntry>, u64) {
    let mut noisy: Vec<NoisyEntry> = near
        .iter()
        .filter(|(_, seen)| seen.within_threshold > 0)
        .filter_map(|((bank, content, signal), seen)| {
            Some(NoisyEntry {
                bank: index.bank(*bank)?.name.to_string(),
                content_id: content.0,
                hash: signal.short(),
                nearest: seen.nearest,
                within_threshold: seen.within_threshold,
                reach: safe_reach(Some(seen.nearest)),
            })
        })
        .collect();
    let key = |entry: &NoisyEntry| {
        let most_first = std::cmp::Reverse(entry.within_threshold);
        (
            most_first,
            entry.nearest,
            entry.bank.clone(),
            entry.content_id,
        )
    };
    noisy.sort_by_key(key);
    let left_out = noisy.len().saturating_sub(MOST_NOISY) as u64;
    noisy.truncate(MOST_NOISY);
    (noisy, left_out)
}

fn rates(bank: &Bank, flagged: &[u64], uploads: usize) -> BankRates {
    let rate = |(threshold, &flagged): (u16, &u64)| ThresholdRate {
        threshold,
        flagged,
        per_million: Estimate::exact_share(flagged, uploads as u64).times(1e6),
    };
    BankRates {
        bank: bank.name.to_string(),
        threshold: bank.policy.threshold.0,
        min_quality: bank.policy.min_quality.get(),
        by_threshold: (0..).zip(flagged).map(rate).collect(),
        guesses: Vec::new(),
    }
}

fn change(index: &Index, banks: &[&Bank], files: &[ScannedFile]) -> ScanChange {
    let nearest: Vec<Option<u16>> = files
        .par_iter()
        .map(|file| {
            let upload = HarmlessUpload {
                hashes: vec![(file.hash, file.quality)],
                guessed: Guessed::default(),
            };
            let own = ask(index, banks, &upload)
                .nearest
                .into_iter()
                .flatten()
                .min();
            own.into_iter().chain(file.matched).min()
        })
        .collect();
    let at = |threshold: u16| {
        let mut change = ScanAt {
            threshold,
            matched: 0,
            lost: 0,
            gained: 0,
        };
        for (file, nearest) in files.iter().zip(&nearest) {
            let then = file.matched.is_some();
            let now = nearest.is_some_and(|distance| distance <= threshold);
            change.matched += u64::from(now);
            change.lost += u64::from(then && !now);
            change.gained += u64::from(now && !then);
        }
        change
    };
    ScanChange {
        files: files.len() as u64,
        matched: files.iter().filter(|file| file.matched.is_some()).count() as u64,
        by_threshold: (0..=Policy::MAX_PDQ_THRESHOLD.0).map(at).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bank::Action;
    use crate::index::{IndexRecord, PublishOptions, publish};

    /// A hash with so many of the first bits set.
    fn hash(bits: usize) -> PdqHash {
        let mut hash = PdqHash::ZERO;
        for bit in 0..bits {
            hash.set_bit(bit);
        }
        hash
    }

    /// Entries 1 to 3 at 0, 100 and 200 bits of the way.
    fn index(folder: &std::path::Path) -> Index {
        let bank = Bank {
            id: BankId(1),
            name: "known".parse().unwrap(),
            policy: Policy::new(Action::Block),
        };
        let record = |(content, bits)| IndexRecord {
            bank: BankId(1),
            content: ContentId(content),
            signal: hash(bits).into(),
            quality: Some(Quality::MAX),
        };
        let records = [(1, 0), (2, 100), (3, 200)].map(record);
        let records = records.into_iter().map(Ok::<_, std::convert::Infallible>);
        publish(folder, &[bank], records, &PublishOptions::default()).unwrap();
        Index::open(folder).unwrap()
    }

    fn upload(bits: usize) -> HarmlessUpload {
        HarmlessUpload {
            hashes: vec![(hash(bits), Some(Quality::MAX))],
            guessed: Guessed::default(),
        }
    }

    fn run(uploads: &[HarmlessUpload], scan: Option<&[ScannedFile]>) -> Calibration {
        let folder = tempfile::tempdir().unwrap();
        let index = index(folder.path());
        let never = AtomicBool::new(false);
        let found = calibrate(&index, "sample", uploads, scan, &never, &|_, _| {});
        found.unwrap().0
    }

    #[test]
    fn reaches_keep_their_margin_from_the_nearest_harmless_hash() {
        // 20 bits from entry 1, 60 from entry 2, 240 from entry 3.
        let calibration = run(&[upload(20), upload(40)], None);
        assert_eq!(calibration.entries, 3);
        let reach = |at: usize| calibration.by_reach[at];
        assert_eq!((reach(11), reach(51), reach(60)), (1, 1, 1));
        assert_eq!(calibration.by_reach.iter().sum::<u64>(), 3);
        assert_eq!(calibration.noisy.len(), 1);
        let noisy = &calibration.noisy[0];
        assert_eq!(
            (noisy.content_id, noisy.nearest, noisy.within_threshold),
            (1, 20, 1)
        );
        assert_eq!(noisy.reach, Some(11));
        let near = run(&[upload(95)], None);
        assert_eq!(near.without_reach, 1);
    }

    #[test]
    fn each_entry_has_the_reach_that_the_report_counts() {
        let folder = tempfile::tempdir().unwrap();
        let index = index(folder.path());
        let never = AtomicBool::new(false);
        let uploads = [upload(20), upload(40), upload(204)];
        let found = calibrate(&index, "sample", &uploads, None, &never, &|_, _| {});
        let (_, reaches) = found.unwrap();
        let of = |content, bits| reaches.of(BankId(1), ContentId(content), &hash(bits).into());
        assert_eq!(of(1, 0), Reach::within(11));
        assert_eq!(of(2, 100), Reach::within(51));
        assert_eq!(of(3, 200), Some(Reach::NOWHERE));
        let of_other = reaches.of(BankId(2), ContentId(1), &hash(0).into());
        assert_eq!(of_other, None, "of a bank that was not judged");
    }

    #[test]
    fn rates_are_shares_of_uploads_with_their_intervals() {
        let uploads = [upload(20), upload(40), upload(128), upload(150)];
        let bank = run(&uploads, None).banks.remove(0);
        let flagged = |threshold: usize| bank.by_threshold[threshold].flagged;
        assert_eq!([19, 20, 28, 40, 50, 63].map(flagged), [0, 1, 2, 3, 4, 4]);
        let rate = bank.by_threshold[20].per_million;
        assert_eq!(rate.value, 250_000.0);
        assert!(rate.low > 6_000.0 && rate.high < 810_000.0);
        let none = bank.by_threshold[0].per_million;
        assert!((none.high - 1e6 * (1.0 - 0.05f64.powf(0.25))).abs() < 1e-3);
    }

    #[test]
    fn what_is_too_faint_flags_nothing() {
        let mut faint = upload(5);
        faint.hashes[0].1 = Quality::new(20);
        let calibration = run(&[faint], None);
        assert_eq!(calibration.banks[0].by_threshold[63].flagged, 0);
        assert_eq!(calibration.by_reach[60], 3);
    }

    #[test]
    fn a_past_scan_says_what_would_have_changed() {
        let file = |bits, matched| ScannedFile {
            hash: hash(bits),
            quality: Some(Quality::MAX),
            matched,
        };
        // Matched at 10; matched at 25 as a variant only; not matched, 45 away.
        let files = [file(10, Some(10)), file(150, Some(25)), file(245, None)];
        let change = run(&[upload(128)], Some(&files)).scan.unwrap();
        assert_eq!((change.files, change.matched), (3, 2));
        let at = |threshold: usize| {
            let at = change.by_threshold[threshold];
            (at.matched, at.lost, at.gained)
        };
        assert_eq!(at(9), (0, 2, 0));
        assert_eq!(at(20), (1, 1, 0));
        assert_eq!(at(31), (2, 0, 0));
        assert_eq!(at(45), (3, 0, 1));
    }
}
