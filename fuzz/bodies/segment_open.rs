//! Files of any bytes, and sound segments with something changed, their checksums set right or
//! not: they are refused or answered, and never make the program panic.

use super::{Input, banks, signal};
use hashgate::bank::{BankId, ContentId};
use hashgate::hash::{Distance, Quality, Signal, SignalType};
use hashgate::index::{Index, MANIFEST_FILE, Memory, PublishOptions, Strategy, publish, verify};
use hashgate::segment::{Segment, SegmentBuilder};
use std::convert::Infallible;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

const HEADER: usize = 128;
const SECTION: usize = 24;

/// Runs one input.
///
/// # Panics
/// Where the code that it tests does.
pub(crate) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let bytes = match input.byte() % 8 {
        0 => input.rest().to_vec(),
        1 => changed(&samples().tables, &mut input),
        _ => changed(&samples().small, &mut input),
    };
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().join("segment-0000000000000001-0000.hgs");
    fs::write(&path, &bytes).expect("written");
    for memory in [Memory::Mmap, Memory::Copy] {
        if let Ok(segment) = Segment::open(&path, memory) {
            ask_segment(&segment);
            let _ = segment.verify();
        }
    }
    if let Ok(segment) = Segment::open(&path, Memory::Copy) {
        write_manifest(home.path(), segment.seal(), segment.len());
        drop(segment);
        ask_index(home.path());
    }
}

struct Samples {
    /// Every kind of section but tables.
    small: Vec<u8>,
    /// 64-bit hashes with tables.
    tables: Vec<u8>,
}

fn samples() -> &'static Samples {
    static SAMPLES: OnceLock<Samples> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let home = tempfile::tempdir().expect("a folder");
        let build = |kinds: &[SignalType], count: u64, linear_below| {
            let mut builder = SegmentBuilder::new().linear_below(linear_below);
            for &kind in kinds {
                for number in 0..count {
                    let bytes: Vec<u8> = (0..9).map(|i| (number / 2 * 31 + i * 7) as u8).collect();
                    let signal = signal(&mut Input::new(&bytes), kind);
                    let bank = BankId(number as u32 % 3);
                    let quality = Quality::new(number as u8);
                    builder.add(&signal, bank, ContentId(number * 1000), quality);
                }
            }
            builder.remove(BankId(1), ContentId(4000));
            let path = home.path().join(format!("{linear_below}"));
            builder.write(&path, 1, &mut |_, _| {}).expect("written");
            fs::read(path).expect("read")
        };
        let kinds = [SignalType::Pdq, SignalType::Phash, SignalType::Sha1];
        Samples {
            small: build(&kinds, 40, 8192),
            tables: build(&[SignalType::Dhash], 200, 0),
        }
    })
}

fn u64_at(bytes: &[u8], at: usize) -> usize {
    let part = bytes.get(at..at + 8).and_then(|part| part.try_into().ok());
    part.map_or(0, |part| u64::from_le_bytes(part) as usize)
}

/// The sample with some of its bytes changed, or cut off, as the input says.
fn changed(sample: &[u8], input: &mut Input<'_>) -> Vec<u8> {
    let mut bytes = sample.to_vec();
    let (table, count) = (u64_at(&bytes, 40), usize::from(bytes[48]));
    let set_right = !input.byte().is_multiple_of(4);
    let changes = 1 + input.byte() % 6;
    for _ in 0..changes {
        let (begin, length) = match input.byte() % 4 {
            0 => (0, HEADER),
            1 => (table, SECTION * count),
            _ => {
                let row = table + SECTION * (usize::from(input.byte()) % count);
                (u64_at(sample, row + 8), u64_at(sample, row + 16))
            }
        };
        // The beginnings of sections, their ends, and anywhere.
        let place = match input.byte() % 3 {
            0 => input.word() % 64,
            1 => length.saturating_sub(1 + input.word() % 64),
            _ => input.word() * 257,
        };
        let value = input.byte();
        if let Some(byte) = bytes.get_mut(begin + place % length.max(1)) {
            *byte = match input.byte() % 4 {
                0 => value,
                1 => 0xff,
                2 => byte.wrapping_add(1),
                _ => *byte ^ (1 << (value % 8)),
            };
        }
    }
    if set_right {
        for row in (0..count).map(|row| table + SECTION * row) {
            let (begin, length) = (u64_at(&bytes, row + 8), u64_at(&bytes, row + 16));
            let end = begin.saturating_add(length);
            if let Some(crc) = bytes.get(begin..end).map(crc32c::crc32c) {
                bytes[row + 4..row + 8].copy_from_slice(&crc.to_le_bytes());
            }
        }
        let crc = crc32c::crc32c(&bytes[table..table + SECTION * count]);
        bytes[52..56].copy_from_slice(&crc.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..HEADER - 4]);
        bytes[HEADER - 4..HEADER].copy_from_slice(&crc.to_le_bytes());
    }
    if input.byte() % 8 == 7 {
        bytes.truncate(input.word() % bytes.len().max(1));
    }
    bytes
}

fn ask_segment(segment: &Segment) {
    let _ = (segment.types(), segment.banks(), segment.content_max());
    let mut postings = 0u64;
    segment.for_each(|_, _| postings += 1);
    for kind in SignalType::ALL {
        if let Some(postings) = segment.postings(kind) {
            for id in (0..50).chain([u32::MAX]) {
                let _ = (postings.of(id).count(), postings.count(id));
            }
        }
        if let Some(digests) = segment.digests(kind) {
            for byte in 0..=255 {
                let _ = digests.find(&vec![byte; kind.byte_len()]);
            }
        }
    }
}

/// A manifest that names the segment as the one meant.
fn write_manifest(folder: &Path, seal: u32, bytes: u64) {
    static PATTERN: OnceLock<serde_json::Value> = OnceLock::new();
    let pattern = PATTERN.get_or_init(|| {
        let home = tempfile::tempdir().expect("a folder");
        let record = hashgate::index::IndexRecord {
            bank: BankId(1),
            content: ContentId(1),
            signal: signal(&mut Input::new(&[]), SignalType::Pdq),
            quality: None,
        };
        let records = [Ok::<_, Infallible>(record)].into_iter();
        publish(home.path(), &banks(), records, &PublishOptions::default()).expect("published");
        let text = fs::read_to_string(home.path().join(MANIFEST_FILE)).expect("a manifest");
        let (json, _) = text.split_once("# crc32c ").expect("a checksum");
        serde_json::from_str(json).expect("JSON")
    });
    let mut manifest = pattern.clone();
    manifest["segments"][0]["crc32c"] = seal.into();
    manifest["segments"][0]["bytes"] = bytes.into();
    let json = format!("{manifest:#}\n");
    let crc = crc32c::crc32c(json.as_bytes());
    let path = folder.join(MANIFEST_FILE);
    fs::write(path, format!("{json}# crc32c {crc:08x}\n")).expect("written");
}

fn ask_index(folder: &Path) {
    let Ok(index) = Index::open(folder) else {
        return;
    };
    let _ = (
        index.stats(),
        verify(folder).map(|report| report.is_sound()),
    );
    let mut queries: Vec<Signal> = Vec::new();
    for kind in SignalType::ALL {
        for seed in 0..6u8 {
            let bytes = [seed, seed / 2, 3, seed, 9, 1];
            queries.push(signal(&mut Input::new(&bytes), kind));
        }
    }
    for strategy in [Strategy::Planned, Strategy::Tables] {
        let index = Index::open(folder).map(|index| index.with_strategy(strategy));
        let Ok(index) = index else { return };
        for radius in [0, 8, 31].map(Distance) {
            for query in &queries {
                let _ = index.search(query, radius);
                let _ = index.nearest(query, 2, radius);
            }
            let batch: Vec<Signal> = queries.iter().cycle().take(400).copied().collect();
            let _ = index.search_batch_limited(&batch, radius, 3);
        }
    }
}
