//! A segment that is built and opened in memory, without a file.

use crate::segment::build::{BuildError, SegmentBuilder, SegmentSummary};
use crate::segment::reader::Segment;
use crate::segment::writer::SectionWriter;
use std::path::Path;

impl SegmentBuilder {
    /// Sorts, writes and opens the segment, all in memory: nothing comes onto a disk. While it is
    /// built, it takes twice the memory of the segment that comes of it.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn open_in_memory(
        self,
        generation: u64,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(Segment, SegmentSummary), BuildError> {
        let path = Path::new(Segment::IN_MEMORY);
        let writer = SectionWriter::in_memory().map_err(|source| BuildError::Io {
            path: path.to_owned(),
            source,
        })?;
        let (summary, bytes) = self.write_to(writer, path, generation, progress)?;
        Ok((Segment::of_bytes(&bytes)?, summary))
    }
}
