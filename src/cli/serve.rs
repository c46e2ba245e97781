//! `hashgate serve`: the gate over HTTP.

use crate::cli::home::Home;
use crate::cli::inputs::IndexArgs;
use crate::cli::{exit::Exit, log, output, stop};
use crate::service::{Bound, Checked, Role, Settings, SettingsFile};
use anyhow::bail;
use clap::Args;
use clap::builder::OsStringValueParser;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    after_help = "Each flag outweighs the setting of its name in the section [service] of the file. \
    The file has more: home, publish_after, queue, body_memory, body_timeout, max_connections, max_stale, max_index_age, isolate, \
    max_list, remember_key, anonymous, rate, traces, hma_exact_distance, hma_low_quality, hma_metadata, \
    hma_photo_types."
)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    index: IndexArgs,

    /// File with a section [service] [default: config.toml in the home folder, unless --index is given]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Where to listen: IP:PORT (port 0: a free one) or unix:PATH, and what is served there behind `=`
    /// (127.0.0.1:8710=gate,match). Again for further ones [default: 127.0.0.1:8710]
    #[arg(long, value_name = "ADDRESS")]
    listen: Vec<String>,

    /// What listeners serve that name nothing: gate (uploads judged), match (hashes looked up), hash
    /// (uploads hashed), metrics, curate (the home folder's banks kept), admin (the log of decisions read, an index
    /// written anew), remember (hashes of uploads kept for other nodes) [default: all but the last three]
    #[arg(long, value_name = "ROLES", value_delimiter = ',')]
    roles: Vec<Role>,

    /// Which forms of a picture are asked about: as of `hashgate scan` [default: standard]
    #[arg(long, value_name = "SET")]
    variants: Option<String>,

    /// Threads that look at uploads, 1 to 1024 [default: one for each core]
    #[arg(long, value_name = "N")]
    workers: Option<u64>,

    /// Largest body of a request, in bytes [default: 67108864]
    #[arg(long, value_name = "BYTES")]
    max_body: Option<u64>,

    /// How long an answer may take once the body is there, in milliseconds [default: 10000]
    #[arg(long, value_name = "MS")]
    wait: Option<u64>,

    /// Write each match, and each upload held back unread, to the log of decisions before it is answered [folder by
    /// default: decisions in the home folder]
    #[arg(
        long, value_name = "DIR", num_args = 0..=1, require_equals = true,
        default_missing_value = "", value_parser = OsStringValueParser::new()
    )]
    decisions: Option<OsString>,

    /// Hand hashes of judged uploads to this node, which keeps the banks and remembers them (http://HOST:PORT or
    /// unix:PATH); the setting `remember_key` names the file with the key for it
    #[arg(long, value_name = "URL")]
    remember: Option<String>,

    /// Certificates that TCP listeners show, a PEM file, the node's own first: they speak TLS then, and nothing else. It is read
    /// again when it changes
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// The key of the first of them, a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// File of keys, as `hashgate key` makes it: who calls must bring one. Needed where other machines can call
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,

    /// Say whether the settings and the index can be used, and serve nothing
    #[arg(long)]
    check: bool,
}

impl ServeArgs {
    /// Whether all that is needed is named.
    pub(crate) fn needs_no_home(&self) -> bool {
        let is_home = match &self.decisions {
            Some(folder) => folder.is_empty(),
            None => false,
        };
        (self.index.is_given() || self.config.is_some()) && !is_home && !self.curates()
    }

    /// Whether the flags ask for a curator, which keeps the banks of a home folder.
    fn curates(&self) -> bool {
        let listened = |at: &String| {
            at.rsplit_once('=')
                .is_some_and(|(_, roles)| roles.split(',').any(|role| role == "curate"))
        };
        self.roles.contains(&Role::Curate) || self.listen.iter().any(listened)
    }

    /// The flags, as the file would say them.
    fn flags(&self, home: &Home) -> SettingsFile {
        SettingsFile {
            index: (self.index.is_given()).then(|| self.index.folder(home)),
            listen: (!self.listen.is_empty()).then(|| self.listen.clone()),
            roles: (!self.roles.is_empty()).then(|| self.roles.clone()),
            variants: self.variants.clone(),
            workers: self.workers,
            max_body: self.max_body,
            wait: self.wait,
            decisions: (self.decisions.as_ref()).map(|folder| match folder.is_empty() {
                true => home.decisions(),
                false => folder.into(),
            }),
            tls_cert: self.tls_cert.clone(),
            tls_key: self.tls_key.clone(),
            keys: self.keys.clone(),
            remember: self.remember.clone(),
            ..SettingsFile::default()
        }
    }

    fn settings(&self, home: &Home) -> anyhow::Result<Settings> {
        let own = home.config();
        let file = match &self.config {
            Some(path) => SettingsFile::read(path)?,
            None if !self.index.is_given() && own.is_file() => SettingsFile::read(&own)?,
            None => SettingsFile::default(),
        };
        let is_told = file.index.is_some() || file.home.is_some() || self.curates();
        if self.config.is_some() && !self.index.is_given() && !is_told {
            bail!(
                "no index folder is named: give --index DIR, or `index` in [service] of the file"
            );
        }
        let own = file
            .home
            .as_ref()
            .map_or_else(|| home.index(), |home| home.join("index"));
        let mut settings = Settings::new(own);
        settings.home = Some(home.folder().to_owned());
        settings.lay(&file)?;
        settings.lay(&self.flags(home))?;
        settings.index_memory = self.index.memory();
        Ok(settings)
    }
}

/// Begins to log, and to send traces where that is asked for. What is given back ends that.
#[cfg(feature = "otlp")]
fn begin_log(verbose: u8, settings: &Settings) -> anyhow::Result<Option<crate::service::Traces>> {
    match &settings.traces {
        Some(collector) => log::to_stderr_and_collector(verbose, collector).map(Some),
        None => {
            log::to_stderr(verbose);
            Ok(None)
        }
    }
}

pub(crate) fn run(args: &ServeArgs, home: &Home, verbose: u8) -> anyhow::Result<Exit> {
    let settings = args.settings(home)?;
    #[cfg(feature = "otlp")]
    let _traces = begin_log(verbose, &settings)?;
    #[cfg(not(feature = "otlp"))]
    log::to_stderr(verbose);
    if args.check {
        let Checked {
            generation,
            warning,
            ..
        } = crate::service::check(&settings)?;
        if let Some(warning) = warning {
            output::warn(format_args!("hashgate: warning: {warning}"));
        }
        let mut out = output::stdout();
        writeln!(
            out,
            "the settings are good; generation {generation} of the index would be served"
        )?;
        out.flush()?;
        return Ok(Exit::Clean);
    }
    let stop = stop::on_request()?;
    allow_many_files();
    crate::service::serve(settings, &stop, tell)?;
    Ok(Exit::Clean)
}

/// Asks the system for as many open files as it gives: each connection is one.
fn allow_many_files() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let all = Rlimit {
            current: maximum,
            maximum,
        };
        if let Err(error) = setrlimit(Resource::Nofile, all) {
            tracing::warn!("the limit on open files stays as it is: {error}");
        }
    }
}

/// Says where it listens: whoever started it with port 0 reads it there.
fn tell(bound: &[Bound]) {
    let mut out = output::stdout();
    let all = bound.iter().try_for_each(|listener| {
        let roles: Vec<&str> = listener.roles.iter().map(|role| role.name()).collect();
        writeln!(out, "listening at {} ({})", listener.at, roles.join(", "))
    });
    // Who started it and does not listen has left nothing undone.
    let _ = all.and_then(|()| out.flush());
}
