//! Floor 6: figures of searching and of the whole way of a file, that anyone can have again.
//!
//! This room makes data, asks the floors below, holds every answer against brute force or against
//! what was planted, and reports as text, as JSON and as a page. A wrong answer is an error, never
//! a figure. Its indexes live in temporary folders: it refuses to touch a home folder, and to know of
//! arguments and terminals. Whoever waits for it gives a [`Watch`].

mod data;
mod distribution;
mod error;
pub mod gate;
mod gate_report;
mod index;
mod lists;
mod machine;
mod naive;
mod pictures;
pub mod pipeline;
mod pipeline_report;
mod report;
pub mod search;
mod search_report;
mod size;
mod stages;
mod timing;
mod watch;

pub use distribution::Distribution;
pub use error::{MeasureError, Stopped};
pub use gate_report::{GateFigures, GateReport, SizeFigures};
pub use machine::Machine;
pub use pictures::Uploads;
pub use pipeline_report::{JobFigures, PipelineReport};
pub use report::Report;
pub use search_report::{Batches, IndexFigures, SearchFigures, SearchReport};
pub use size::{Size, SizeError};
pub use stages::Stages;
pub use timing::Latency;
pub use watch::Watch;
