//! Being the process that looks at an upload: locked first, then it reads what is asked, looks, and answers.

use crate::gate::look::apart::{Asked, LOOK};
use crate::gate::look::seen::Sight;
use crate::gate::{Extract, Extractor, Isolation};
use crate::media::isolated::{Failure, Kind, answer, asked, serve};

/// Looks at an upload, if this program was executed for that: the answer is the exit code.
pub(in crate::gate) fn serve_if_asked() -> Option<i32> {
    asked(LOOK).map(|allowed| serve(allowed, look))
}

fn look(job: &[u8]) -> Result<(), Failure> {
    let no_job = || Failure(Kind::Damaged, "no job was given".to_owned());
    let (length, rest) = job.split_first_chunk::<4>().ok_or_else(no_job)?;
    let length = u32::from_le_bytes(*length) as usize;
    let (line, bytes) = rest.split_at_checked(length).ok_or_else(no_job)?;
    let asked: Asked = serde_json::from_slice(line).map_err(|_| no_job())?;
    let how = Extract {
        wanted: &asked.wanted,
        variants: asked.variants,
        limits: &asked.limits,
        fast: asked.fast,
        memory: None,
        // What is to run isolated does so here.
        isolation: Isolation::Unchecked,
    };
    let mut extractor = Extractor::default();
    let extraction = extractor.extract_with(bytes, &how);
    let pictures = extractor.held().to_vec();
    let sight = Sight {
        extraction,
        pictures,
    };
    let unwritten = |_| Failure(Kind::Damaged, "what was seen cannot be written".to_owned());
    answer(&sight.write().map_err(unwritten)?)
}
