//! Checking every byte of a segment, and counting again what its manifest says of it.

use crate::hash::SignalType;
use crate::segment::format::{Header, SectionEntry, kind};
use crate::segment::implied::Implied;
use crate::segment::{Segment, SegmentError};
use rayon::prelude::*;

impl Segment {
    /// Reads the whole file: every section against its checksum, every byte between sections
    /// against zero. The header, the section table and the offset arrays were checked on opening.
    ///
    /// # Errors
    /// [`SegmentError::Checksum`] or [`SegmentError::Structure`] for the first damage found.
    pub fn verify(&self) -> Result<(), SegmentError> {
        let bytes = self.bytes.as_slice();
        let part = |start: u64, end: u64| {
            let range = usize::try_from(start).ok()?..usize::try_from(end).ok()?;
            bytes.get(range)
        };
        let damaged = |problem: &str| SegmentError::Structure {
            path: self.path().to_owned(),
            problem: problem.to_owned(),
        };
        self.entries
            .par_iter()
            .try_for_each(|entry| self.verify_section(entry))?;
        let table = u64::from(self.header.section_count) * size_of::<SectionEntry>() as u64;
        let mut ends = vec![size_of::<Header>() as u64];
        ends.extend(self.entries.iter().map(|entry| entry.offset + entry.length));
        let mut starts: Vec<u64> = self.entries.iter().map(|entry| entry.offset).collect();
        starts.push(self.header.table_offset);
        ends.push(self.header.table_offset + table);
        starts.push(self.header.file_length);
        for (end, start) in ends.into_iter().zip(starts) {
            let gap = part(end, start).ok_or_else(|| damaged("a gap lies outside the file"))?;
            if gap.iter().any(|&byte| byte != 0) {
                return Err(damaged("a byte between two sections is not zero"));
            }
        }
        Ok(())
    }

    /// The kinds of digest that tell nothing that SHA-256 does not tell, ascending: each item that has one has just
    /// one, and just one SHA-256 digest. Reads all postings of digests, and takes 16 bytes of memory for each.
    ///
    /// ```
    /// use hashgate::bank::{BankId, ContentId};
    /// use hashgate::hash::SignalType;
    /// use hashgate::segment::{Memory, Segment, SegmentBuilder};
    /// use hashgate::signal::digests;
    /// # let home = tempfile::tempdir()?;
    /// let path = home.path().join("example.hgs");
    /// let mut builder = SegmentBuilder::new();
    /// for signal in digests(b"a file", &[SignalType::Md5, SignalType::Sha256]) {
    ///     builder.add(&signal, BankId(1), ContentId(7), None);
    /// }
    /// let summary = builder.write(&path, 1, &mut |_, _| {})?;
    /// assert_eq!(summary.implied, [SignalType::Md5]);
    /// let segment = Segment::open(&path, Memory::default())?;
    /// assert_eq!(segment.implied_by_sha256(), summary.implied);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn implied_by_sha256(&self) -> Vec<SignalType> {
        let mut implied = Implied::default();
        for kind in self.types().into_iter().map(|part| part.signal_type) {
            if let (Some(digests), Some(postings)) = (self.digests(kind), self.postings(kind)) {
                let numbers = digests.iter().zip(0..).map(|(_, number)| number);
                let items = numbers.flat_map(|number| postings.of(number));
                implied.note(kind, items.map(|one| (one.bank.0, one.content.0)));
            }
        }
        implied.by_sha256()
    }

    /// Checks the checksum of one section.
    pub(super) fn verify_section(&self, entry: &SectionEntry) -> Result<(), SegmentError> {
        let place = || {
            let start = usize::try_from(entry.offset).ok()?;
            let length = usize::try_from(entry.length).ok()?;
            self.bytes.as_slice().get(start..start.checked_add(length)?)
        };
        let section = place().ok_or_else(|| SegmentError::Structure {
            path: self.path().to_owned(),
            problem: "a section lies outside the file".to_owned(),
        })?;
        let got = crc32c::crc32c(section);
        if got == entry.crc {
            return Ok(());
        }
        Err(SegmentError::Checksum {
            path: self.path().to_owned(),
            part: format!(
                "section {} of signal type {}, table {}",
                kind::name(entry.kind),
                entry.signal_type,
                entry.table
            ),
            expected: entry.crc,
            got,
        })
    }
}
