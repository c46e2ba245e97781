//! Signing and checking bundles, and which of each name was taken last.

use crate::cli::audit::time;
use crate::cli::bank::now;
use crate::cli::{exit::Exit, home::Home, output};
use crate::hashset::{Bundle, Compression, decompress, inspect_bundle, signature_line};
use anyhow::{Context, bail};
use clap::Args;
use minisign::{KeyPair, PublicKey, PublicKeyBox, SecretKey, SecretKeyBox, SignatureBox};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

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

pub(crate) fn keygen(args: &KeygenArgs) -> anyhow::Result<Exit> {
    let public = PathBuf::from(format!("{}.pub", args.secret_key.display()));
    let pair = KeyPair::generate_unencrypted_keypair()?;
    let write = |path: &Path, text: String| -> anyhow::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(text.as_bytes())?;
        Ok(file.sync_all()?)
    };
    let in_file = |path: &Path| format!("cannot write {}", path.display());
    let secret = pair.sk.to_box(Some("hashgate secret key"))?.into_string();
    write(&args.secret_key, secret).with_context(|| in_file(&args.secret_key))?;
    write(&public, pair.pk.to_box()?.into_string()).with_context(|| in_file(&public))?;
    let mut out = output::stdout();
    writeln!(out, "secret key: {}", args.secret_key.display())?;
    writeln!(
        out,
        "public key: {}: {}",
        public.display(),
        pair.pk.to_base64()
    )?;
    out.flush()?;
    Ok(Exit::Clean)
}

/// The bundle of a file, whole, and the file; of one that is compressed what is in it, in a file
/// without a name.
fn open(path: &Path) -> anyhow::Result<(Bundle, File)> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let read = || -> anyhow::Result<(Bundle, File)> {
        let file = match compression(&file)? {
            Compression::None => file.try_clone()?,
            _ => {
                let mut unpacked = tempfile::tempfile()?;
                std::io::copy(&mut decompress(&file)?, &mut unpacked)?;
                unpacked.seek(SeekFrom::Start(0))?;
                unpacked
            }
        };
        let bundle = inspect_bundle(BufReader::new(&file))?;
        Ok((bundle, file))
    };
    read().with_context(|| path.display().to_string())
}

/// How a file is compressed, by its first bytes.
fn compression(mut file: &File) -> std::io::Result<Compression> {
    let mut front = Vec::new();
    file.take(4).read_to_end(&mut front)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(Compression::of(&front))
}

pub(crate) fn sign(args: &SignArgs) -> anyhow::Result<Exit> {
    let (bundle, mut file) = open(&args.bundle)?;
    if compression(&File::open(&args.bundle)?)? != Compression::None {
        bail!(
            "{} is compressed: unpack it, sign it, and compress it again",
            args.bundle.display()
        );
    }
    let key = secret_key(&args.secret_key)?;
    file.seek(SeekFrom::Start(0))?;
    let comment = format!(
        "hashgate bundle {} sequence {}",
        bundle.head.name, bundle.head.sequence
    );
    let signed = (&file).take(bundle.signed_bytes);
    let signature = minisign::sign(None, &key, BufReader::new(signed), Some(&comment), None)?;
    // Beside the bundle first, then in its place: it is signed or it is as it was.
    let folder = args
        .bundle
        .parent()
        .filter(|path| !path.as_os_str().is_empty());
    let mut new = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    file.seek(SeekFrom::Start(0))?;
    std::io::copy(&mut (&file).take(bundle.signed_bytes), &mut new)?;
    new.write_all(signature_line(&signature.into_string()).as_bytes())?;
    new.as_file().sync_all()?;
    new.persist(&args.bundle)
        .with_context(|| format!("cannot write {}", args.bundle.display()))?;
    let mut out = output::stdout();
    writeln!(out, "{}: signed ({comment})", args.bundle.display())?;
    out.flush()?;
    Ok(Exit::Clean)
}

fn secret_key(path: &Path) -> anyhow::Result<SecretKey> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let read = || SecretKeyBox::from_string(&text);
    if let Ok(key) = read()?.into_unencrypted_secret_key() {
        return Ok(key);
    }
    let password = std::env::var("HASHGATE_KEY_PASSWORD").ok();
    let Some(password) = password else {
        bail!(
            "{} has a password: put it into HASHGATE_KEY_PASSWORD",
            path.display()
        );
    };
    Ok(read()?.into_secret_key(Some(password))?)
}

fn public_key(text: &str) -> anyhow::Result<PublicKey> {
    if let Ok(key) = PublicKey::from_base64(text) {
        return Ok(key);
    }
    let file = fs::read_to_string(text)
        .with_context(|| format!("{text:?} is no public key and no file with one"))?;
    let key = PublicKeyBox::from_string(&file).and_then(PublicKeyBox::into_public_key);
    key.with_context(|| format!("{text} holds no public key of minisign"))
}

/// Checks a bundle's signature and its time.
fn check(bundle: &Bundle, file: &mut File, key: &PublicKey) -> anyhow::Result<()> {
    let Some(signature) = &bundle.signature else {
        bail!("it is not signed: have its maker sign it with hashgate hashset sign");
    };
    let signature = SignatureBox::from_string(signature).context("its signature cannot be read")?;
    file.seek(SeekFrom::Start(0))?;
    let signed = BufReader::new((&*file).take(bundle.signed_bytes));
    minisign::verify(key, &signature, signed, true, false, false)
        .context("its signature is not by this key, or it was changed")?;
    is_in_time(bundle)
}

fn is_in_time(bundle: &Bundle) -> anyhow::Result<()> {
    match bundle.head.expires {
        Some(expires) if expires <= now() => {
            bail!("it expired at {}: ask for a newer one", time(expires))
        }
        _ => Ok(()),
    }
}

pub(crate) fn verify(args: &VerifyArgs) -> anyhow::Result<Exit> {
    let key = public_key(&args.public_key)?;
    let (bundle, mut file) = open(&args.bundle)?;
    check(&bundle, &mut file, &key).with_context(|| args.bundle.display().to_string())?;
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
    let (bundle, _) = open(&args.bundle)?;
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

/// Which sequence of each name was taken last.
fn taken(home: &Home) -> anyhow::Result<BTreeMap<String, u64>> {
    let path = home.bundles();
    match fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text)
            .with_context(|| format!("{} is damaged: mend or remove it", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Checks a bundle that is to be imported: whole, signed by the key that is given, in time, and no
/// older than the one of its name that was taken last. Returns what it says of itself.
pub(crate) fn accept(
    mut file: File,
    key: Option<&str>,
    is_unsigned: bool,
    home: &Home,
) -> anyhow::Result<Bundle> {
    file.seek(SeekFrom::Start(0))?;
    let bundle = inspect_bundle(BufReader::new(&file))?;
    match key {
        Some(key) => check(&bundle, &mut file, &public_key(key)?)?,
        None if is_unsigned => is_in_time(&bundle)?,
        None => bail!(
            "it is a bundle: name its maker's key by --public-key, or say --unsigned to trust it as it is"
        ),
    }
    let last = taken(home)?.get(&bundle.head.name).copied();
    if let Some(last) = last.filter(|&last| bundle.head.sequence < last) {
        bail!(
            "it is older than what was taken of {:?} before: its sequence is {}, that was {last}",
            bundle.head.name,
            bundle.head.sequence
        );
    }
    Ok(bundle)
}

/// Notes that a bundle was taken.
pub(crate) fn note_accepted(bundle: &Bundle, home: &Home) -> anyhow::Result<()> {
    let path = home.bundles();
    let mut all = taken(home)?;
    all.insert(bundle.head.name.clone(), bundle.head.sequence);
    let write = || -> anyhow::Result<()> {
        let mut new = tempfile::NamedTempFile::new_in(home.folder())?;
        serde_json::to_writer(&mut new, &all)?;
        new.as_file().sync_all()?;
        new.persist(&path)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
