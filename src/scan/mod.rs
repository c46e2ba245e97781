//! Floor 5: the batch pipeline: walk → read → decode → hash → match → sink.
//!
//! This room finds files, hands them to workers on a rayon pool and gives what they made of them
//! to a sink, in memory bounded by the number of workers. It owns what a scan reports: the record
//! of a file, the summary, and the output formats. It refuses to decide about a file (that is
//! `gate`) and to know about arguments and terminals (that is `cli`).

mod answer;
mod known;
mod pipeline;
mod record;
mod shadow;
mod shadow_summary;
mod sink;
mod summary;
mod walk;

#[cfg(any(feature = "cli", feature = "curation"))]
pub(crate) use crate::pages::name::escaped;
pub use answer::{Answer, Question, for_each_batch};
pub use known::{Known, KnownError, KnownOptions, ListRead, PictureRead, PicturesRead, Sources};
pub use pipeline::{Done, Finished, Options, for_each_file, for_some_files};
pub use record::FileRecord;
#[cfg(feature = "cli")]
pub(crate) use record::path_text;
pub use shadow::ShadowRecord;
pub use shadow_summary::ShadowSummary;
pub use sink::{Asked, Both, CsvSink, HtmlSink, JsonLinesSink, Sink, TextSink};
pub use summary::Summary;
pub use walk::{Counted, Skipped, Walk, WalkOptions, Walked, count};
