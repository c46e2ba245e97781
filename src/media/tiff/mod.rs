//! TIFF: every page, then what hangs below the pages, by a reader of our own.
//!
//! Owns the file's directories, its strips and tiles, what packs them, and what their samples stand
//! for. Refuses to guess: a layout that is not read is unsupported by name.
//!
//! What the pages' strips and tiles name is counted against the file's length, and what comes out of
//! them against the limits ([`Budget`]): nothing keeps a file from naming the same bytes for every
//! strip of every page.
//!
//! A page that cannot be read does not hide those behind it: they are given, and the file ends in that
//! page's error. What a camera's sensor saw is not developed here. Of such a file the previews are
//! given, the largest first; the raw data are named by [`undecoded`].

mod budget;
mod chain;
mod codecs;
mod colours;
mod content;
mod directory;
mod drawing;
mod fault;
mod packing;
mod page;
mod parts;
mod predictor;
mod samples;
mod tags;

use budget::Budget;
use chain::Found;
use content::Content;
use directory::File;
use fault::{damaged, unsupported};
use page::Page;

use super::frames::Frames;
use super::{Limits, MediaError, Orientation, Picture};

struct Pages<'a> {
    file: File<'a>,
    limits: Limits,
    budget: Budget,
    /// The places of directories, in the order in which they are given.
    places: Vec<u64>,
    next: usize,
    /// How many could not be read, and why the first could not.
    failed: u32,
    fault: Option<MediaError>,
    /// How the file's first picture is turned: for previews that do not say.
    orientation: Orientation,
}

pub(super) fn open<'a>(
    bytes: &'a [u8],
    limits: &Limits,
) -> Result<Box<dyn Frames + 'a>, MediaError> {
    let (file, first) = File::open(bytes)?;
    let mut budget = Budget::of(bytes, limits);
    let chain = chain::walk(&file, first, &mut budget);
    let orientation = match chain.found.first() {
        Some(found) => page::orientation(&file.directory(found.place, &mut budget)?),
        None => Orientation::Normal,
    };
    let is_empty = chain.found.is_empty();
    let places = in_order(chain.found);
    if places.is_empty() {
        return Err(match chain.fault {
            Some(fault) => fault,
            None if is_empty => damaged("it holds no picture"),
            None => unsupported("a camera's raw data without a preview"),
        });
    }
    Ok(Box::new(Pages {
        file,
        limits: limits.clone(),
        budget,
        places,
        next: 0,
        failed: 0,
        fault: chain.fault,
        orientation,
    }))
}

/// The colour profile of the first page.
pub(super) fn profile(bytes: &[u8], most: usize) -> Option<Vec<u8>> {
    let (file, first) = File::open(bytes).ok()?;
    let mut budget = Budget::of(bytes, &Limits::default());
    let directory = file.directory(first, &mut budget).ok()?;
    let profile = directory.values(tags::PROFILE).ok()??;
    let profile = profile.bytes();
    (profile.len() <= most).then(|| profile.to_vec())
}

/// What of a file is not decoded here, a camera's raw data, and how many bytes each has. At most `most` of them.
pub(super) fn undecoded(bytes: &[u8], most: usize) -> Vec<(String, u64)> {
    let Ok((file, first)) = File::open(bytes) else {
        return Vec::new();
    };
    let mut budget = Budget::of(bytes, &Limits::default());
    let chain = chain::walk(&file, first, &mut budget);
    let raw = chain.found.into_iter().filter_map(|found| found.raw);
    raw.take(most)
        .map(|(what, bytes)| (what.to_owned(), bytes))
        .collect()
}

/// The pictures in the order in which they are given: as they come; where a camera's raw data are among
/// them, those are left out, and the largest of the others is the first.
fn in_order(mut found: Vec<Found>) -> Vec<u64> {
    if found.iter().any(|found| found.raw.is_some()) {
        found.retain(|found| found.raw.is_none());
        // Stable: of equals the file's first stays first.
        found.sort_by_key(|found| std::cmp::Reverse(found.pixels));
    }
    found.into_iter().map(|found| found.place).collect()
}

impl Pages<'_> {
    fn read(&mut self, place: u64) -> Result<Picture, MediaError> {
        let directory = self.file.directory(place, &mut self.budget)?;
        if let Content::Jpeg(bytes) = Content::of(&self.file, &directory)? {
            self.budget.name(bytes.len() as u64)?;
            let picture = codecs::whole_jpeg(bytes, &self.limits)?;
            let orientation = match page::orientation(&directory) {
                Orientation::Normal if picture.orientation == Orientation::Normal => {
                    self.orientation
                }
                Orientation::Normal => picture.orientation,
                said => said,
            };
            return Ok(Picture {
                orientation,
                ..picture
            });
        }
        let page = Page::read(&self.file, &directory, &self.limits, &mut self.budget)?;
        drawing::draw(&self.file, page, &self.limits, &mut self.budget)
    }

    /// The next directory's picture.
    fn step(&mut self) -> Option<Result<Picture, MediaError>> {
        let place = *self.places.get(self.next)?;
        let number = self.next;
        self.next += 1;
        Some(self.read(place).map(|picture| Picture {
            frame: u32::try_from(number).unwrap_or(u32::MAX),
            ..picture
        }))
    }
}

impl Frames for Pages<'_> {
    fn first(&mut self) -> Result<Option<Picture>, MediaError> {
        match self.step() {
            Some(read) => read.map(Some),
            None => self.fault.take().map_or(Ok(None), Err),
        }
    }

    fn next(&mut self) -> Result<Option<Picture>, MediaError> {
        loop {
            let fault = match self.step() {
                Some(Ok(picture)) => return Ok(Some(picture)),
                None => return self.fault.take().map_or(Ok(None), Err),
                Some(Err(fault)) => fault,
            };
            self.failed += 1;
            self.fault.get_or_insert(fault);
            // Each costs as much as a page that can be read, and is not counted among the frames.
            if self.budget.is_spent() || self.failed > self.limits.max_frames {
                self.places.clear();
            }
        }
    }
}
