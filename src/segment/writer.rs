//! Writing sections one behind the other, with their checksums; the header goes in last.

use crate::files::create_new;
use crate::segment::format::{
    ALIGNMENT, BYTE_ORDER, DEFAULT_SEED, FACTS_VERSION, Header, MAGIC, PLAIN_VERSION, SectionEntry,
    VERSION, kind,
};
use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;
use zerocopy::IntoBytes;

pub(super) struct SectionWriter {
    file: BufWriter<File>,
    offset: u64,
    entries: Vec<SectionEntry>,
}

impl SectionWriter {
    /// A new file, which must not be there yet.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let mut file = BufWriter::with_capacity(1 << 18, create_new(path)?);
        file.write_all(&[0; size_of::<Header>()])?;
        Ok(Self {
            file,
            offset: size_of::<Header>() as u64,
            entries: Vec::new(),
        })
    }

    fn align(&mut self) -> io::Result<()> {
        let gap = self.offset.next_multiple_of(ALIGNMENT as u64) - self.offset;
        self.file
            .write_all(&[0; ALIGNMENT][..gap as usize % ALIGNMENT])?;
        self.offset += gap;
        Ok(())
    }

    pub(super) fn section(
        &mut self,
        kind: u16,
        signal_type: u8,
        table: u8,
        bytes: &[u8],
    ) -> io::Result<()> {
        self.align()?;
        self.entries.push(SectionEntry {
            kind,
            signal_type,
            table,
            crc: crc32c::crc32c(bytes),
            offset: self.offset,
            length: bytes.len() as u64,
        });
        self.file.write_all(bytes)?;
        self.offset += bytes.len() as u64;
        Ok(())
    }

    /// Writes the section table and the header, and waits until all is on the disk. Returns the
    /// file's length and the header's checksum, which stands for the whole file.
    pub(super) fn finish(mut self, generation: u64) -> io::Result<(u64, u32)> {
        self.align()?;
        let table = self.entries.as_slice().as_bytes();
        let table_offset = self.offset;
        let table_crc = crc32c::crc32c(table);
        self.file.write_all(table)?;
        self.offset += table.len() as u64;
        self.align()?;
        // What programs before a version can read they shall go on reading.
        let has = |kinds: &[u16]| self.entries.iter().any(|entry| kinds.contains(&entry.kind));
        let version = match has(&[kind::REACHES, kind::FORMS]) {
            true => VERSION,
            false if has(&[kind::FACTS]) => FACTS_VERSION,
            false => PLAIN_VERSION,
        };
        let mut header = Header {
            magic: MAGIC,
            version,
            byte_order: BYTE_ORDER,
            file_length: self.offset,
            generation,
            seed: DEFAULT_SEED,
            table_offset,
            section_count: self.entries.len() as u32,
            table_crc,
            reserved: [0; 68],
            header_crc: 0,
        };
        header.header_crc = crc32c::crc32c(&header.as_bytes()[..size_of::<Header>() - 4]);
        let mut file = self.file.into_inner().map_err(|error| error.into_error())?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(header.as_bytes())?;
        file.sync_all()?;
        Ok((header.file_length, header.header_crc))
    }
}
