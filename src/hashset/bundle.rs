//! The hash set bundle: a bank in one file, with what is needed to trust it.
//!
//! A text file of JSON objects, one a line:
//!
//! | line | holds |
//! | --- | --- |
//! | first | `{"hashgate_bundle":1,"name":…,"sequence":…,"created":…,"expires":…,"policy":…}` |
//! | each of the middle | an item, as the form `jsonl` writes it |
//! | last | `{"bundle_end":{"items":…,"signals":{…},"sha256":…}}`: counts, and the digest of all bytes before this line |
//! | behind it, where it is signed | `{"minisign":"…"}`: a minisign signature of all bytes before this line |
//!
//! Owned here: the form, and whether a file is complete. Not owned: keys and signatures (the
//! caller checks them), which bundle was seen before, and what the items do to a bank.

use crate::bank::{ContentItem, Policy};
use crate::hashset::{ExportFormat, Exported, ListWriter};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Write};

/// The newest version of the form.
const VERSION: u32 = 1;
/// Most bytes of the first line, the last one and the signature.
const MAX_HEAD: u64 = 64 * 1024;
/// Most bytes of an item's line.
const MAX_ITEM: u64 = 1 << 20;

/// The first line of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleHead {
    /// The version of the form.
    #[serde(rename = "hashgate_bundle")]
    pub version: u32,
    /// What the set is called: whoever imports it knows it again by that.
    pub name: String,
    /// Grows with each bundle of this name: one that is older than the newest seen is refused.
    pub sequence: u64,
    /// When it was made: seconds since 1970-01-01 UTC.
    pub created: u64,
    /// From when on it is no longer to be taken: seconds since 1970-01-01 UTC.
    pub expires: Option<u64>,
    /// The policy of the bank that it was made of, for whoever reads it; an import does not take it.
    pub policy: Policy,
}

/// What the last line says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct BundleEnd {
    /// Items.
    pub items: u64,
    /// Hashes of each type, and signals of each other kind.
    pub signals: BTreeMap<String, u64>,
    /// SHA-256 of all bytes before the last line, as hexadecimal digits.
    pub sha256: String,
}

/// A bundle that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// Its first line.
    pub head: BundleHead,
    /// Its last line.
    pub end: BundleEnd,
    /// How many bytes a signature is about: all but its own line.
    pub signed_bytes: u64,
    /// The signature, as minisign writes it into a file; `None` where it is not signed. Nobody has
    /// checked it yet.
    pub signature: Option<String>,
}

/// Why a file is no bundle that can be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// It could not be read.
    #[error("cannot read the bundle: {0}")]
    Io(#[from] io::Error),
    /// It has not the form, or was changed or cut off.
    #[error("line {line}: it is no whole hash set bundle: {reason}")]
    Damaged {
        /// Where, from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// It has a version that this program does not know.
    #[error(
        "it is of version {found}, and this program knows up to {VERSION}: use the newer program"
    )]
    Newer {
        /// Its version.
        found: u32,
    },
}

#[derive(Serialize, Deserialize)]
struct EndLine {
    bundle_end: BundleEnd,
}

#[derive(Serialize, Deserialize)]
struct SignatureLine {
    minisign: String,
}

/// The line that signs a bundle: to be written behind it.
#[must_use]
pub fn signature_line(signature: &str) -> String {
    let line = SignatureLine {
        minisign: signature.to_owned(),
    };
    // A text always has a JSON form.
    serde_json::to_string(&line).unwrap_or_default() + "\n"
}

/// Hashes what passes through.
struct Hashing<W> {
    inner: W,
    digest: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.digest.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Writes a bundle.
pub struct BundleWriter<W> {
    out: Hashing<W>,
    end: BundleEnd,
}

impl<W: Write> BundleWriter<W> {
    /// Begins a bundle.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn new(out: W, head: &BundleHead) -> io::Result<Self> {
        let digest = Sha256::new();
        let mut out = Hashing { inner: out, digest };
        serde_json::to_writer(&mut out, head)?;
        out.write_all(b"\n")?;
        let end = BundleEnd::default();
        Ok(Self { out, end })
    }

    /// Writes an item.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn item(&mut self, item: &ContentItem) -> io::Result<()> {
        let mut writer = ListWriter::new(&mut self.out, ExportFormat::JsonLines, "")?;
        writer.item(item)?;
        self.end.items += 1;
        let kinds = item
            .signals
            .iter()
            .map(|entry| entry.signal.signal_type().name());
        for kind in kinds.chain(item.opaque.iter().map(|one| one.kind.as_str())) {
            *self.end.signals.entry(kind.to_owned()).or_default() += 1;
        }
        Ok(())
    }

    /// Ends the bundle.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn finish(self) -> io::Result<Exported> {
        let Self { mut out, mut end } = self;
        end.sha256 = hex(&out.digest.finalize());
        let items = end.items;
        serde_json::to_writer(&mut out.inner, &EndLine { bundle_end: end })?;
        out.inner.write_all(b"\n")?;
        out.inner.flush()?;
        Ok(Exported {
            items,
            records: items,
            left_out: 0,
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a bundle from its beginning to its end and holds its counts and its digest against it.
///
/// # Errors
/// [`BundleError`] where it is not whole.
pub fn inspect(input: impl BufRead) -> Result<Bundle, BundleError> {
    let mut reader = Lines {
        input,
        line: 0,
        text: Vec::new(),
    };
    let damaged = |line: u64, reason: &str| BundleError::Damaged {
        line,
        reason: reason.to_owned(),
    };
    if !reader.next(MAX_HEAD)? {
        return Err(damaged(1, "it is empty"));
    }
    #[derive(Deserialize)]
    struct Version {
        hashgate_bundle: u32,
    }
    match serde_json::from_slice(&reader.text) {
        Ok(Version { hashgate_bundle }) if hashgate_bundle > VERSION => {
            return Err(BundleError::Newer {
                found: hashgate_bundle,
            });
        }
        Ok(_) => {}
        Err(_) => return Err(damaged(1, "it does not begin as one")),
    }
    let head: BundleHead = serde_json::from_slice(&reader.text)
        .map_err(|error| damaged(1, &format!("its first line: {error}")))?;
    let mut digest = Sha256::new();
    let mut bytes = reader.text.len() as u64;
    digest.update(&reader.text);
    let mut items = 0;
    let end = loop {
        if !reader.next(MAX_ITEM)? {
            return Err(damaged(reader.line, "it ends before its last line"));
        }
        if reader.text.starts_with(b"{\"bundle_end\"") {
            let end: EndLine = serde_json::from_slice(&reader.text)
                .map_err(|error| damaged(reader.line, &format!("its last line: {error}")))?;
            break end.bundle_end;
        }
        items += 1;
        bytes += reader.text.len() as u64;
        digest.update(&reader.text);
    };
    bytes += reader.text.len() as u64;
    if end.sha256 != hex(&digest.finalize()) {
        return Err(damaged(
            reader.line,
            "its bytes are not those that it was made of",
        ));
    }
    if end.items != items {
        return Err(damaged(reader.line, "it has not as many items as it says"));
    }
    let mut signature = None;
    if reader.next(MAX_HEAD)? {
        let line: SignatureLine = serde_json::from_slice(&reader.text)
            .map_err(|_| damaged(reader.line, "behind its end stands what is no signature"))?;
        signature = Some(line.minisign);
        if reader.next(MAX_HEAD)? {
            return Err(damaged(
                reader.line,
                "there is something behind its signature",
            ));
        }
    }
    Ok(Bundle {
        head,
        end,
        signed_bytes: bytes,
        signature,
    })
}

struct Lines<R> {
    input: R,
    line: u64,
    text: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// Goes to the next line, its end included; false at the end of the file.
    fn next(&mut self, most: u64) -> Result<bool, BundleError> {
        self.text.clear();
        self.line += 1;
        let input = &mut self.input;
        if input.take(most).read_until(b'\n', &mut self.text)? == 0 {
            return Ok(false);
        }
        if self.text.last() == Some(&b'\n') {
            return Ok(true);
        }
        let reason = match self.text.len() as u64 == most {
            true => format!("a line is longer than {most} bytes"),
            false => "its last line is cut off".to_owned(),
        };
        Err(BundleError::Damaged {
            line: self.line,
            reason,
        })
    }
}

/// Whether a record of the file is no item but part of the bundle's frame.
pub(super) fn is_frame(record: &[u8]) -> bool {
    [
        &b"{\"hashgate_bundle\""[..],
        b"{\"bundle_end\"",
        b"{\"minisign\"",
    ]
    .iter()
    .any(|front| record.starts_with(front))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bank::{Action, BankId, ContentId, ContentSignal, ContentState, Provenance};
    use crate::hashset::{ListFormat, detect, read};
    use std::ops::ControlFlow;

    fn head() -> BundleHead {
        BundleHead {
            version: 1,
            name: "mine".into(),
            sequence: 7,
            created: 1_700_000_000,
            expires: Some(1_800_000_000),
            policy: Policy::new(Action::Block),
        }
    }

    fn bundle() -> Vec<u8> {
        let mut file = Vec::new();
        let mut writer = BundleWriter::new(&mut file, &head()).unwrap();
        for id in 1..=3 {
            let hex = format!("md5:{id:032x}");
            writer
                .item(&ContentItem {
                    id: ContentId(id),
                    bank: BankId(1),
                    signals: vec![ContentSignal::new(hex.parse().unwrap(), None)],
                    opaque: Vec::new(),
                    labels: vec!["sample".into()],
                    provenance: Provenance::default(),
                    later: Vec::new(),
                    state: ContentState::Active,
                    by_hand: false,
                    changed: None,
                })
                .unwrap();
        }
        assert_eq!(writer.finish().unwrap().items, 3);
        file
    }

    #[test]
    fn a_bundle_is_read_back_signed_or_not() {
        let file = bundle();
        assert_eq!(detect(&file), Ok(ListFormat::Bundle));
        let found = inspect(&file[..]).unwrap();
        assert_eq!(found.head, head());
        assert_eq!(found.end.signals, [("md5".to_owned(), 3)].into());
        assert_eq!(
            (found.signed_bytes, &found.signature),
            (file.len() as u64, &None)
        );
        let signed = [&file[..], signature_line("two\nlines").as_bytes()].concat();
        let found = inspect(&signed[..]).unwrap();
        assert_eq!(found.signature.as_deref(), Some("two\nlines"));
        assert_eq!(found.signed_bytes, file.len() as u64);
        let mut items = 0;
        read(&signed[..], ListFormat::Bundle, &mut |row| {
            items += usize::from(row.is_ok());
            ControlFlow::Continue(())
        })
        .unwrap();
        assert_eq!(items, 3);
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_noticed() {
        let file = bundle();
        for end in 0..file.len() {
            assert!(inspect(&file[..end]).is_err(), "cut at {end}");
        }
        let last = file.len() - file.iter().rev().skip(1).position(|&b| b == b'\n').unwrap();
        for at in 0..last - 1 {
            let mut changed = file.clone();
            changed[at] ^= 1;
            assert!(inspect(&changed[..]).is_err(), "changed at {at}");
        }
        let more = [&file[..], b"{}\n"].concat();
        assert!(
            inspect(&more[..])
                .unwrap_err()
                .to_string()
                .contains("no signature")
        );
        let newer = String::from_utf8(file)
            .unwrap()
            .replacen("bundle\":1", "bundle\":2", 1);
        let error = inspect(newer.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("use the newer program"), "{error}");
    }
}
