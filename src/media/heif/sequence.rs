//! A file's tracks of pictures (`moov`, ISO/IEC 14496-12, clause 8): `avis` and `hevc` brands.
//!
//! Owned here: where the samples of the first track of pictures lie, and of the alpha track beside it. Sound,
//! edit lists and times are passed over: every picture is asked about, however long it is shown.

use super::bytes::{Bytes, Four, first};

/// Tracks that are looked at.
const MOST_TRACKS: usize = 16;
/// Samples of a track that are listed; the caller's limits on frames are lower.
const MOST_SAMPLES: usize = 1 << 16;

/// A track of pictures.
pub(super) struct Track<'a> {
    pub(super) kind: Four,
    pub(super) configuration: &'a [u8],
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) samples: Vec<&'a [u8]>,
    /// Whether it has more samples than are listed.
    pub(super) has_more: bool,
    id: u32,
    /// The track that this one is the alpha plane of.
    alpha_of: Option<u32>,
}

/// The first track of pictures, and its alpha plane.
pub(super) struct Sequence<'a> {
    pub(super) colours: Track<'a>,
    pub(super) alpha: Option<Track<'a>>,
}

/// Why there is no sequence to show.
pub(super) enum NoSequence {
    /// The file has no track of pictures.
    None,
    /// It has one that cannot be read.
    Damaged,
}

impl<'a> Sequence<'a> {
    pub(super) fn read(
        file: &'a [u8],
        moov: Bytes<'a>,
        most: usize,
    ) -> Result<Sequence<'a>, NoSequence> {
        let mut colours = None;
        let mut alphas = Vec::new();
        let tracks = moov.boxes().filter(|(kind, _)| kind == b"trak");
        for (_, body) in tracks.take(MOST_TRACKS) {
            let Some(media) = first(body, b"mdia") else {
                continue;
            };
            let handler = first(media, b"hdlr").and_then(|hdlr| hdlr.0.get(8..12));
            let is_alpha = handler == Some(b"auxv");
            if !is_alpha && !matches!(handler, Some(b"pict" | b"vide")) {
                continue;
            }
            if !is_alpha && colours.is_some() {
                continue;
            }
            let track =
                track(file, body, media, most.min(MOST_SAMPLES)).ok_or(NoSequence::Damaged)?;
            if is_alpha {
                alphas.push(track);
            } else {
                colours = Some(track);
            }
        }
        let colours: Track<'_> = colours.ok_or(NoSequence::None)?;
        let of = Some(colours.id);
        let alpha = alphas.into_iter().find(|alpha| alpha.alpha_of == of);
        Ok(Sequence { colours, alpha })
    }
}

fn track<'a>(file: &'a [u8], body: Bytes<'a>, media: Bytes<'a>, most: usize) -> Option<Track<'a>> {
    let mut header = first(body, b"tkhd")?;
    let (version, _) = header.version()?;
    header.take(if version == 1 { 16 } else { 8 })?;
    let id = header.u32()?;
    let alpha_of = first(body, b"tref")
        .and_then(|tref| first(tref, b"auxl"))
        .and_then(|mut auxl| auxl.u32());
    let table = first(first(media, b"minf")?, b"stbl")?;
    let mut described = first(table, b"stsd")?;
    described.version()?;
    described.u32()?;
    let (kind, mut entry) = described.boxes().next()?;
    // What every picture's entry begins with; the size stands in the middle.
    entry.take(24)?;
    let (width, height) = (entry.u16()?, entry.u16()?);
    entry.take(50)?;
    let wanted: &Four = match &kind {
        b"av01" => b"av1C",
        b"hvc1" | b"hev1" => b"hvcC",
        _ => b"none",
    };
    let configuration = first(entry, wanted).map_or(&[][..], |body| body.0);
    let (samples, has_more) = samples(file, table, most)?;
    Some(Track {
        kind,
        configuration,
        width: u32::from(width),
        height: u32::from(height),
        samples,
        has_more,
        id,
        alpha_of,
    })
}

/// The bytes of each sample, up to `most`, and whether there are more.
fn samples<'a>(file: &'a [u8], table: Bytes<'a>, most: usize) -> Option<(Vec<&'a [u8]>, bool)> {
    let mut sizes = first(table, b"stsz")?;
    sizes.version()?;
    let (one_size, count) = (sizes.u32()?, sizes.u32()? as usize);
    let mut chunks = Chunks::read(table)?;
    let mut runs = first(table, b"stsc")?;
    runs.version()?;
    let left = runs.u32()?;
    // A run: its first chunk, and how many samples each of its chunks has.
    let mut runs = (0..left)
        .map_while(move |_| {
            let run = (runs.u32()?, runs.u32()?);
            runs.u32()?;
            Some(run)
        })
        .peekable();
    let mut in_each = 0;
    let mut found = Vec::new();
    for number in 1_u32.. {
        if found.len() >= count.min(most) {
            break;
        }
        if let Some((_, samples)) = runs.next_if(|&(from, _)| from == number) {
            in_each = samples;
        }
        let mut at = usize::try_from(chunks.next()?).ok()?;
        for _ in 0..in_each {
            if found.len() >= count.min(most) {
                break;
            }
            let size = match one_size {
                0 => sizes.u32()?,
                size => size,
            } as usize;
            found.push(file.get(at..at.checked_add(size)?)?);
            at += size;
        }
    }
    Some((found, count > most))
}

/// Where each chunk begins.
enum Chunks<'a> {
    Short(Bytes<'a>),
    Long(Bytes<'a>),
}

impl<'a> Chunks<'a> {
    fn read(table: Bytes<'a>) -> Option<Self> {
        let offsets = |mut body: Bytes<'a>| {
            body.version()?;
            body.u32()?;
            Some(body)
        };
        if let Some(body) = first(table, b"stco") {
            return offsets(body).map(Self::Short);
        }
        offsets(first(table, b"co64")?).map(Self::Long)
    }

    fn next(&mut self) -> Option<u64> {
        match self {
            Self::Short(rest) => rest.u32().map(u64::from),
            Self::Long(rest) => rest.u64(),
        }
    }
}
