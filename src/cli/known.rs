//! `scan --list FILE --known DIR`: what this one scan is held against, without a bank and without a home.

use crate::bank::{Action, Policy, Setting, Verified};
use crate::cli::inputs::FileArgs;
use crate::cli::{output, progress::Progress};
use crate::curation::policy;
use crate::hash::{Quality, SignalType, Threshold};
use crate::hashset::BadLine;
use crate::index::{Carried, Index};
use crate::media::Limits;
use crate::policy::PolicyFile;
use crate::scan::{Known, KnownError, KnownOptions, Sources, WalkOptions, escaped};
use anyhow::bail;
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Bad rows of a list that are shown one by one.
const BAD_ROWS_SHOWN: u64 = 20;

#[derive(Debug, Args)]
#[command(next_help_heading = "Without a published index")]
pub(crate) struct KnownArgs {
    /// Hold the files against this list of hashes, in any format that import reads; may be given several
    /// times. Nothing of it is kept
    #[arg(long, value_name = "FILE", conflicts_with = "index")]
    list: Vec<PathBuf>,

    /// Hold the files against this known picture, or all below this folder; may be given several times.
    /// Nothing of it is kept
    #[arg(long, value_name = "DIR", conflicts_with = "index")]
    known: Vec<PathBuf>,

    /// What a match does: block, review, report, allow [default: review]
    #[arg(long, value_name = "ACTION")]
    action: Option<Action>,

    /// Largest PDQ distance that matches, in bits (inclusive), 0-63 [default: 31]
    #[arg(long, value_name = "BITS", value_parser = up_to(Policy::MAX_PDQ_THRESHOLD))]
    threshold: Option<u16>,

    /// Largest distance of a 64-bit hash that matches, in bits (inclusive), 0-16
    #[arg(long, value_name = "BITS", value_parser = up_to(Policy::MAX_HASH64_THRESHOLD))]
    threshold64: Option<u16>,

    /// Least PDQ quality that may match, 0-100 [default: 50]
    #[arg(long, value_name = "0-100")]
    min_quality: Option<Quality>,

    /// What a verified match does (beyond the threshold, by other evidence): off, block, review,
    /// report or default
    #[arg(long, value_name = "ACTION")]
    verified_action: Option<Verified>,

    /// Policy for the banks `lists` and `known` from a file like config.toml; it wins over the flags above
    #[arg(long, value_name = "FILE.toml")]
    policy: Option<PathBuf>,
}

fn up_to(widest: Threshold) -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(..=i64::from(widest.0))
}

/// What a scan is held against.
pub(crate) struct Gathered {
    pub(crate) index: Index,
    pub(crate) sources: Arc<Sources>,
    /// Whether something that was given as known could not be used: the scan does not end as clean then.
    pub(crate) is_partial: bool,
}

impl KnownArgs {
    /// Whether the scan brings what it is held against.
    pub(crate) fn is_given(&self) -> bool {
        !self.list.is_empty() || !self.known.is_empty()
    }

    fn policy(&self) -> Policy {
        let mut policy = Policy::new(self.action.unwrap_or(Action::Review));
        let settings = [
            self.threshold.map(|b| Setting::Threshold(Threshold(b))),
            self.threshold64.map(|b| Setting::Threshold64(Threshold(b))),
            self.min_quality.map(Setting::MinQuality),
            self.verified_action.map(Setting::VerifiedAction),
        ];
        for setting in settings.into_iter().flatten() {
            policy.set(setting);
        }
        policy
    }

    fn sets_policy(&self) -> bool {
        self.action.is_some()
            || self.threshold.is_some()
            || self.threshold64.is_some()
            || self.min_quality.is_some()
            || self.verified_action.is_some()
            || self.policy.is_some()
    }

    /// Reads what is known into an index in memory; `None` where the scan asks a published one.
    pub(crate) fn gather(
        &self,
        files: &FileArgs,
        limits: Limits,
        signals: &[SignalType],
        stop: &AtomicBool,
    ) -> anyhow::Result<Option<Gathered>> {
        if !self.is_given() {
            if self.sets_policy() {
                bail!(
                    "--action, --threshold, --threshold64, --min-quality, --verified-action and --policy go \
                     with --list or --known: a published index has its policies in it"
                );
            }
            return Ok(None);
        }
        let mut banks = Known::banks(&self.policy()).to_vec();
        let file = match &self.policy {
            Some(path) => policy::read(path)?,
            None => PolicyFile::default(),
        };
        let carried: Carried = policy::lay_over(&file, &mut banks)?;
        let options = KnownOptions::default()
            .limits(limits)
            .signals(signals)
            .unread(file.unread);
        let mut known = Known::new(banks, carried, options);
        let mut said = Vec::new();
        let mut is_partial = false;
        for list in &self.list {
            is_partial |= add_list(&mut known, list, stop, &mut said)?;
        }
        if !self.known.is_empty() {
            is_partial |= self.add_pictures(&mut known, files, stop, &mut said)?;
        }
        let (index, sources) = known.into_index().map_err(advised)?;
        output::warn(format_args!("hashgate: held against {}", said.join(", ")));
        Ok(Some(Gathered {
            index,
            sources,
            is_partial,
        }))
    }

    fn add_pictures(
        &self,
        known: &mut Known,
        files: &FileArgs,
        stop: &AtomicBool,
        said: &mut Vec<String>,
    ) -> anyhow::Result<bool> {
        let options = files.options(true);
        let walk = WalkOptions {
            follow_links: options.follow_links,
            sorted: true,
        };
        let mut progress = Progress::of_files(&self.known, walk);
        let read = known.add_pictures(&self.known, options, stop, &mut |file| {
            progress.file_done(file.bytes, 0);
            if let Some(problem) = file.problem {
                let path = file.path.to_string_lossy();
                let (path, error) = (escaped(&path), escaped(&problem.message));
                progress.line(&format!("not known: {path}: {}: {error}", problem.outcome));
            }
        })?;
        drop(progress);
        if read.low_quality > 0 {
            output::warn(format_args!(
                "hashgate: warning: {} of too little quality to be matched by PDQ: only files with the same \
                 bytes will match",
                output::plural(read.low_quality, "known picture")
            ));
        }
        if read.entries == 0 {
            let folders: Vec<_> = self
                .known
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            bail!("{}: no picture in it could be hashed", folders.join(", "));
        }
        said.push(output::plural(read.entries, "known picture"));
        Ok(read.rejected > 0)
    }
}

/// Reads one list; says whether rows of it could not be used.
fn add_list(
    known: &mut Known,
    list: &Path,
    stop: &AtomicBool,
    said: &mut Vec<String>,
) -> anyhow::Result<bool> {
    let shown = list.display().to_string();
    let name = escaped(&shown);
    let mut bad = 0u64;
    let read = known
        .add_list(list, stop, &mut |row: &BadLine| {
            bad += 1;
            if bad <= BAD_ROWS_SHOWN {
                output::warn(format_args!("{name}: {row}: not used"));
            }
        })
        .map_err(advised)?;
    if bad > BAD_ROWS_SHOWN {
        output::warn(format_args!(
            "{name}: and {} bad rows more",
            bad - BAD_ROWS_SHOWN
        ));
    }
    if let Some(doubt) = &read.doubt {
        output::warn(format_args!(
            "hashgate: warning: {name}: read as {}, but {doubt}",
            read.format
        ));
    }
    if read.opaque > 0 {
        output::warn(format_args!(
            "hashgate: warning: {name}: {} nothing that can be computed here: no file will match them",
            match read.opaque {
                1 => "1 entry has".to_owned(),
                many => format!("{many} entries have"),
            }
        ));
    }
    if read.has_more {
        output::warn(format_args!(
            "hashgate: warning: {name}: it is one page, and its source has more: give those too"
        ));
    }
    said.push(format!(
        "{name} ({}, {})",
        read.format,
        entries(read.entries)
    ));
    Ok(read.is_partial())
}

fn entries(count: u64) -> String {
    match count {
        1 => "1 entry".to_owned(),
        _ => format!("{count} entries"),
    }
}

/// The error with what the user can do about it.
fn advised(error: KnownError) -> anyhow::Error {
    let advice = match &error {
        KnownError::IsAFolder { .. } => "give a folder of known pictures by --known",
        KnownError::Detect { .. } => "lists of hashes go with --list, known pictures with --known",
        _ => return error.into(),
    };
    anyhow::anyhow!("{error}: {advice}")
}

/// Where the matches of a record came from.
pub(crate) fn note_sources(record: &mut crate::scan::FileRecord, sources: &Sources) {
    record.sources = (record.matches.iter())
        .filter_map(|one| Some((one.content_id, sources.of(one.content_id)?)))
        .collect();
}
