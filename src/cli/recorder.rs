//! What a scan and a match leave behind where that is asked for: decisions in the log, hashes of
//! uploads in the history. The work is done by [`retrospect`](crate::retrospect).

#[cfg(feature = "curation")]
use crate::cli::output;
use crate::cli::{decisions, home::Home};
use crate::index::Index;
use crate::retrospect::{Recorder, RecorderOptions};
use clap::Args;
use clap::builder::OsStringValueParser;
use std::ffi::OsString;

/// Where decisions go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Records")]
pub(crate) struct DecisionArgs {
    /// Write each match, and each file held back unread, to the log of decisions [folder by default: decisions in the home folder]
    #[arg(
        long, value_name = "DIR", num_args = 0..=1, require_equals = true,
        default_missing_value = "", value_parser = OsStringValueParser::new()
    )]
    decisions: Option<OsString>,

    /// Leave the names of inputs out of what is recorded: they can be personal data
    #[arg(long)]
    no_names: bool,
}

impl DecisionArgs {
    /// Whether the log stands in the home folder.
    pub(crate) fn needs_home(&self) -> bool {
        self.decisions
            .as_ref()
            .is_some_and(|folder| folder.is_empty())
    }

    /// What is to be recorded.
    pub(crate) fn plan(&self, home: &Home) -> RecorderOptions {
        let folder = self.decisions.clone();
        let folder = folder.map(|folder| match folder.is_empty() {
            true => home.decisions(),
            false => folder.into(),
        });
        RecorderOptions::new()
            .decisions(folder)
            .names(!self.no_names)
    }
}

/// Opens what is asked for, before the index is opened.
pub(crate) fn open(options: &RecorderOptions) -> anyhow::Result<Recorder> {
    let recorder = Recorder::open(options)?;
    decisions::warn_of_torn(recorder.torn());
    Ok(recorder)
}

/// Says which index decides, and warns where its entries' sources are not known.
pub(crate) fn set_index(recorder: &mut Recorder, index: &Index, home: &Home) -> anyhow::Result<()> {
    // The command without a store knows no sources.
    #[cfg(not(feature = "curation"))]
    let _ = (recorder, index, home);
    #[cfg(feature = "curation")]
    if let Some(why) = recorder.set_index(index, &home.store())? {
        let why = anyhow::Error::from(why);
        output::warn(format_args!("hashgate: warning: {why:#}"));
    }
    Ok(())
}
