//! Making keys, and signing, checking and showing bundles.

use crate::cli::{exit::Exit, output};
use crate::clock::{now, time};
use crate::curation::bundle::{self, TrustError};
use crate::trust::KeyError;
use anyhow::anyhow;
use clap::Args;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct KeygenArgs {
    /// File for the secret key, closed to other users; the public key goes beside it, with the
    /// ending .pub
    #[arg(value_name = "FILE")]
    secret_key: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    /// File with the secret key, as minisign or hashset keygen made it. The password of one that
    /// has a password is read from HASHGATE_KEY_PASSWORD
    #[arg(long, value_name = "FILE")]
    secret_key: PathBuf,

    /// The bundle; the signature is written into it
    #[arg(value_name = "FILE")]
    bundle: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The public key that must have signed it: a file, or the key as text
    #[arg(long, value_name = "FILE|KEY")]
    public_key: String,

    /// The bundle
    #[arg(value_name = "FILE")]
    bundle: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The bundle
    #[arg(value_name = "FILE")]
    bundle: PathBuf,
}

/// Why keys were not made or a bundle is not trusted, with what an option or a command would change.
pub(crate) fn with_advice(error: TrustError) -> anyhow::Error {
    match error {
        TrustError::InFile { path, source } => {
            with_advice(*source).context(path.display().to_string())
        }
        TrustError::NotSigned => {
            anyhow!("it is not signed: have its maker sign it with hashgate hashset sign")
        }
        TrustError::NoSigner => anyhow!(
            "it is a bundle: name its maker's key by --public-key, or say --unsigned to trust it as it is"
        ),
        TrustError::Key(KeyError::Password { path }) => anyhow!(
            "{} has a password: put it into HASHGATE_KEY_PASSWORD",
            path.display()
        ),
        error => error.into(),
    }
}

pub(crate) fn keygen(args: &KeygenArgs) -> anyhow::Result<Exit> {
    let keys = bundle::make_keys(&args.secret_key).map_err(with_advice)?;
    let mut out = output::stdout();
    writeln!(out, "secret key: {}", args.secret_key.display())?;
    writeln!(
        out,
        "public key: {}: {}",
        keys.public_file.display(),
        keys.public_key
    )?;
    out.flush()?;
    Ok(Exit::Clean)
}

pub(crate) fn sign(args: &SignArgs) -> anyhow::Result<Exit> {
    let password = std::env::var("HASHGATE_KEY_PASSWORD").ok();
    let comment =
        bundle::sign(&args.bundle, &args.secret_key, password.as_deref()).map_err(with_advice)?;
    let mut out = output::stdout();
    writeln!(out, "{}: signed ({comment})", args.bundle.display())?;
    out.flush()?;
    Ok(Exit::Clean)
}

pub(crate) fn verify(args: &VerifyArgs) -> anyhow::Result<Exit> {
    let bundle = bundle::verify(&args.bundle, &args.public_key, now()).map_err(with_advice)?;
    let mut out = output::stdout();
    writeln!(
        out,
        "{}: whole, signed by this key and in time; {} {}, sequence {}",
        args.bundle.display(),
        bundle.head.name,
        output::plural(bundle.end.items, "item"),
        bundle.head.sequence
    )?;
    out.flush()?;
    Ok(Exit::Clean)
}

pub(crate) fn inspect(args: &InspectArgs) -> anyhow::Result<Exit> {
    let bundle = bundle::inspect(&args.bundle).map_err(with_advice)?;
    let mut out = output::stdout();
    let head = &bundle.head;
    writeln!(out, "name      {}", crate::scan::escaped(&head.name))?;
    writeln!(out, "sequence  {}", head.sequence)?;
    writeln!(out, "created   {}", time(head.created))?;
    match head.expires {
        Some(expires) => writeln!(out, "expires   {}", time(expires))?,
        None => writeln!(out, "expires   never")?,
    }
    writeln!(
        out,
        "policy    {} within {} bits of PDQ, quality {} or better",
        head.policy.action, head.policy.threshold, head.policy.min_quality
    )?;
    let signals = bundle.end.signals.iter();
    let signals: Vec<String> = signals
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    writeln!(
        out,
        "items     {} ({})",
        bundle.end.items,
        signals.join(", ")
    )?;
    let signed = match bundle.signature {
        Some(_) => "yes; by whom, hashgate hashset verify says",
        None => "no",
    };
    writeln!(out, "signed    {signed}")?;
    writeln!(out, "checksum  sha256 {}: it holds", bundle.end.sha256)?;
    out.flush()?;
    Ok(Exit::Clean)
}
