//! `exchange add`, `set`, `remove`.

use crate::bank::{Action, BankName, Policy};
use crate::cli::{exit::Exit, home::Home, output};
use crate::curation::bundle::public_key_text;
use crate::curation::exchange::{
    Api, Credentials, Exchanges, Feedback, Field, FieldKind, NewExchange,
};
use crate::store::BankStore;
use anyhow::{Context, bail};
use clap::Args;
use serde_json::{Map, Value};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Most bytes of credentials.
const MOST_CREDENTIALS: u64 = 64 << 10;

/// How an exchange is set.
#[derive(Debug, Args)]
struct SettingArgs {
    /// What the kind is told, as FIELD=VALUE; may be given several times. `exchange show` names the fields of each kind
    #[arg(long = "set", value_name = "FIELD=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,

    /// What proves to the other side who asks, for all exchanges of the kind: a file that only its owner may read, or `-`
    /// for standard input. It holds FIELD=VALUE lines, or one JSON object. They are kept in the home folder, and never
    /// shown. Those in the environment are used in their place: HASHGATE_KIND_FIELD, as HASHGATE_NCMEC_USER
    #[arg(long, value_name = "FILE|-")]
    credentials: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// Name of the exchange, and of its bank: A-Z a-z 0-9 . _ -
    name: BankName,

    /// Its kind: ncmec, stop_ncii, threatexchange, tat, bundle or sample
    #[arg(long)]
    api: String,

    /// What a match with its bank does: block, review, report, allow
    #[arg(long, default_value = "review")]
    action: Action,

    /// It is not fetched until `exchange set NAME --enabled true`
    #[arg(long)]
    disabled: bool,

    #[command(flatten)]
    settings: SettingArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// Name of the exchange
    name: BankName,

    /// Whether it is fetched
    #[arg(long, value_name = "true|false", action = clap::ArgAction::Set)]
    enabled: Option<bool>,

    /// Whether opinions about its entries are sent to the other side: see `exchange feedback`
    #[arg(long, value_name = "true|false", action = clap::ArgAction::Set)]
    feedback: Option<bool>,

    #[command(flatten)]
    settings: SettingArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// Name of the exchange
    name: BankName,

    /// Delete it although its bank has entries, or opinions about them that were not sent yet
    #[arg(long)]
    with_entries: bool,
}

fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((field, value)) if !field.is_empty() => Ok((field.to_owned(), value.to_owned())),
        _ => Err("give FIELD=VALUE".to_owned()),
    }
}

/// The kind of this name.
pub(super) fn api_of(name: &str) -> anyhow::Result<Api> {
    Api::named(name).with_context(|| {
        let given: String = name.chars().take(64).collect();
        format!(
            "there is no kind of exchange {given:?}: there are {}",
            Api::names()
        )
    })
}

/// Texts as the fields of a kind want them: a list is parted by commas.
fn values(fields: &[Field], given: Vec<(String, String)>) -> Map<String, Value> {
    let named = given.into_iter().map(|(name, text)| {
        let kind = fields.iter().find(|field| field.name == name);
        let value = match kind.map(|field| field.kind) {
            Some(FieldKind::Numbers) => {
                let parts = text
                    .split(',')
                    .map(str::trim)
                    .filter(|part| !part.is_empty());
                parts.map(Value::from).collect()
            }
            // A file with the key serves too; what is neither is refused where the field is read.
            Some(FieldKind::PublicKey) => Value::String(public_key_text(&text).unwrap_or(text)),
            _ => Value::String(text),
        };
        (name, value)
    });
    named.collect()
}

/// Reads credentials from a file that is closed to others, or from standard input.
fn credentials(api: Api, from: &Path) -> anyhow::Result<Map<String, Value>> {
    let Some(fields) = api.credentials else {
        bail!("exchanges of the kind {} take no credentials", api.name);
    };
    let mut text = String::new();
    if from == Path::new("-") {
        std::io::stdin()
            .take(MOST_CREDENTIALS)
            .read_to_string(&mut text)
            .context("cannot read the credentials from standard input")?;
    } else {
        let shown = from.display();
        let file = std::fs::File::open(from).with_context(|| format!("cannot open {shown}"))?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = file.metadata()?.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                bail!(
                    "other users may read {shown} (mode {mode:o}), and it holds secrets: close it with `chmod 600`"
                );
            }
        }
        file.take(MOST_CREDENTIALS)
            .read_to_string(&mut text)
            .with_context(|| format!("cannot read {shown}"))?;
    }
    if text.trim_start().starts_with('{') {
        // What is wrong with it would show a part of it.
        let read = serde_json::from_str(&text);
        return read.map_err(|error| {
            let (line, column) = (error.line(), error.column());
            anyhow::anyhow!("the credentials are no JSON object: line {line}, column {column}")
        });
    }
    let mut given = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
            bail!(
                "line {} of the credentials is no FIELD=VALUE: the fields are {}",
                at + 1,
                names.join(", ")
            );
        };
        given.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    Ok(values(fields, given))
}

fn set_credentials(home: &Home, api: Api, from: &Path) -> anyhow::Result<()> {
    let given = credentials(api, from)?;
    if given.is_empty() {
        bail!("there are no credentials in what was given");
    }
    Ok(Credentials::of(home)?.set(api, &given)?)
}

pub(crate) fn add(args: AddArgs, home: &Home) -> anyhow::Result<Exit> {
    let api = api_of(&args.api)?;
    home.create()?;
    let store = BankStore::open(home.store())?;
    let mut known = Exchanges::of(home)?;
    let mut new = NewExchange::new(args.name.clone(), api.name);
    new.config = values(api.config, args.settings.settings);
    if let Some(unknown) = new
        .config
        .keys()
        .find(|name| !api.config.iter().any(|field| field.name == **name))
    {
        let names: Vec<&str> = api.config.iter().map(|field| field.name).collect();
        bail!(
            "exchanges of the kind {} have no field `{unknown}`: they have {}",
            api.name,
            names.join(", ")
        );
    }
    new.enabled = !args.disabled;
    new.policy = Policy::new(args.action);
    if let Some(from) = &args.settings.credentials {
        set_credentials(home, api, from)?;
    }
    known.add(&store, new)?;
    let mut out = output::stdout();
    let (name, action) = (&args.name, args.action);
    writeln!(
        out,
        "made the exchange {name} ({}) and its bank, whose matches {action}",
        api.name
    )?;
    writeln!(
        out,
        "Ask it for a page: hashgate exchange test {name}; fetch it: hashgate exchange fetch {name}"
    )?;
    out.flush()?;
    Ok(Exit::Clean)
}

pub(crate) fn set(args: SetArgs, home: &Home) -> anyhow::Result<Exit> {
    let store = BankStore::open_existing(home.store())?;
    let mut known = Exchanges::of(home)?;
    let name = &args.name;
    let Some(exchange) = known.get(name) else {
        bail!("there is no exchange {name}");
    };
    let api = api_of(&exchange.api)?;
    let mut out = output::stdout();
    if args.enabled.is_none()
        && args.feedback.is_none()
        && args.settings.settings.is_empty()
        && args.settings.credentials.is_none()
    {
        bail!("nothing is to be changed: give --set, --credentials, --enabled or --feedback");
    }
    if !args.settings.settings.is_empty() {
        known.set_config(name, &values(api.config, args.settings.settings))?;
        writeln!(
            out,
            "set {name}; where it now asks for something else, the next fetch reads all anew"
        )?;
    }
    if let Some(from) = &args.settings.credentials {
        set_credentials(home, api, from)?;
        writeln!(
            out,
            "set the credentials of all exchanges of the kind {}",
            api.name
        )?;
    }
    if let Some(feedback) = args.feedback {
        known.set_feedback(name, feedback)?;
        let what = if feedback { "are sent" } else { "are not sent" };
        writeln!(out, "opinions about entries of {name} {what}")?;
    }
    if let Some(enabled) = args.enabled {
        known.set_enabled(&store, name, enabled)?;
        writeln!(
            out,
            "{name} is {}",
            if enabled {
                "fetched"
            } else {
                "not fetched any more"
            }
        )?;
    }
    out.flush()?;
    Ok(Exit::Clean)
}

pub(crate) fn remove(args: &RemoveArgs, home: &Home) -> anyhow::Result<Exit> {
    let store = BankStore::open_existing(home.store())?;
    let mut known = Exchanges::of(home)?;
    let name = &args.name;
    if known.get(name).is_none() {
        bail!("there is no exchange {name}");
    }
    let items = known.items(&store, name)?;
    let open = match known.get(name).and_then(|one| one.bank) {
        Some(bank) => Feedback::counts(&store, bank)?.open(),
        None => 0,
    };
    if items == 0 && open > 0 && !args.with_entries {
        bail!(
            "{} about entries of {name} {} not at an end: see `hashgate exchange feedback {name}`, or give --with-entries to delete all",
            output::plural(open, "opinion"),
            if open == 1 { "is" } else { "are" }
        );
    }
    if items > 0 && !args.with_entries {
        bail!(
            "the bank of {name} has {}{}: give --with-entries to delete them too",
            match items {
                1 => "1 entry".to_owned(),
                items => format!("{items} entries"),
            },
            match open {
                0 => String::new(),
                open => format!(", and {} not at an end", output::plural(open, "opinion")),
            }
        );
    }
    known.remove(&store, name)?;
    let mut out = output::stdout();
    writeln!(
        out,
        "deleted the exchange {name} and its bank. {}",
        crate::cli::bank::PUBLISH_HINT
    )?;
    out.flush()?;
    Ok(Exit::Clean)
}
