//! Writing sections one behind the other, with their checksums; the header goes in last.

use crate::files::create_new;
use crate::segment::format::{
    ALIGNMENT, BYTE_ORDER, DEFAULT_SEED, FACTS_VERSION, Header, MAGIC, PLAIN_VERSION, SectionEntry,
    VERSION, kind,
};
use std::fs::File;
use std::io::{self, BufWriter, Cursor, Seek, SeekFrom, Write};
use std::path::Path;
use zerocopy::IntoBytes;

/// What a segment is written to.
enum Target {
    File(File),
    Memory(Cursor<Vec<u8>>),
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Memory(memory) => memory.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Memory(_) => Ok(()),
        }
    }
}

/// A segment that is written: how long it is, and what stands for it.
pub(super) struct Written {
    /// Its length in bytes.
    pub(super) bytes: u64,
    /// The checksum of its header, which stands for the whole.
    pub(super) seal: u32,
    /// The bytes themselves, where it was written to memory; else empty.
    pub(super) memory: Vec<u8>,
}

pub(super) struct SectionWriter {
    file: BufWriter<Target>,
    offset: u64,
    entries: Vec<SectionEntry>,
}

impl SectionWriter {
    /// A new file, which must not be there yet.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Self::begin(Target::File(create_new(path)?))
    }

    /// Memory, which grows with what is written.
    pub(super) fn in_memory() -> io::Result<Self> {
        Self::begin(Target::Memory(Cursor::default()))
    }

    fn begin(target: Target) -> io::Result<Self> {
        let mut file = BufWriter::with_capacity(1 << 18, target);
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

    /// Writes the section table and the header. Of a file, waits until all is on the disk.
    pub(super) fn finish(mut self, generation: u64) -> io::Result<Written> {
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
        let target = self.file.into_inner().map_err(|error| error.into_error())?;
        let memory = match target {
            Target::File(mut file) => {
                file.seek(SeekFrom::Start(0))?;
                file.write_all(header.as_bytes())?;
                file.sync_all()?;
                Vec::new()
            }
            Target::Memory(mut memory) => {
                memory.set_position(0);
                memory.write_all(header.as_bytes())?;
                memory.into_inner()
            }
        };
        Ok(Written {
            bytes: header.file_length,
            seal: header.header_crc,
            memory,
        })
    }
}
