//! The book's page of commands, made from the definition that the program itself reads its
//! arguments by.

use clap::builder::PossibleValue;
use clap::{Arg, Command};
use std::fmt::Write as _;

const HEAD: &str = "\
# Which commands are there?

<!-- Made from the program by tests/documents.rs: HASHGATE_RENEW=1 writes it anew. -->

This page is made from the program, so it says what the program does. `hashgate COMMAND --help` says the same.

Every command ends with one of these exit codes:

| exit code | meaning |
| ---: | --- |
| 0 | clean |
| 1 | a match |
| 2 | something could not be judged, or failed |

Where there was a match the code is 1, whatever else could not be judged.

";

/// The page.
pub(crate) fn page(mut command: Command) -> String {
    command.build();
    let mut out = HEAD.to_owned();
    out.push_str("## All commands\n\n| command | what it does |\n| --- | --- |\n");
    overview(&mut out, &command, "");
    out.push_str("\n## Options of every command\n\n");
    table(
        &mut out,
        command.get_arguments().filter(|arg| arg.is_global_set()),
    );
    for sub in shown(&command) {
        section(&mut out, sub, 2, "hashgate");
    }
    out
}

/// The commands below one that are not hidden, without `help`.
fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command
        .get_subcommands()
        .filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
}

fn overview(out: &mut String, command: &Command, above: &str) {
    for sub in shown(command) {
        let name = format!("{above}{}", sub.get_name());
        if sub.has_subcommands() {
            overview(out, sub, &format!("{name} "));
            continue;
        }
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        let anchor = format!("hashgate-{name}").replace(' ', "-");
        let _ = writeln!(out, "| [`{name}`](#{anchor}) | {} |", cell(&about));
    }
}

fn section(out: &mut String, command: &Command, level: usize, above: &str) {
    let name = format!("{above} {}", command.get_name());
    let _ = writeln!(out, "\n{} `{name}`\n", "#".repeat(level));
    if let Some(about) = command.get_long_about().or_else(|| command.get_about()) {
        let _ = writeln!(out, "{}", plain(&about.to_string()));
    }
    if command.has_subcommands() {
        for sub in shown(command) {
            section(out, sub, level + 1, &name);
        }
        return;
    }
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let _ = writeln!(out, "\n```text\n{usage}\n```\n");
    table(
        out,
        command.get_arguments().filter(|arg| !arg.is_global_set()),
    );
    if let Some(after) = command
        .get_after_long_help()
        .or_else(|| command.get_after_help())
    {
        let _ = writeln!(out, "\n```text\n{}\n```", after.to_string().trim_end());
    }
}

fn table<'a>(out: &mut String, arguments: impl Iterator<Item = &'a Arg>) {
    let rows: Vec<String> = arguments
        .filter(|arg| !arg.is_hide_set() && !matches!(arg.get_id().as_str(), "help" | "version"))
        .map(row)
        .collect();
    if rows.is_empty() {
        return;
    }
    out.push_str("| argument | what it does |\n| --- | --- |\n");
    for row in rows {
        out.push_str(&row);
    }
}

fn row(arg: &Arg) -> String {
    let mut names = Vec::new();
    if let Some(short) = arg.get_short() {
        names.push(format!("-{short}"));
    }
    if let Some(long) = arg.get_long() {
        names.push(format!("--{long}"));
    }
    let takes_values = arg.get_action().takes_values();
    let values = match arg.get_value_names() {
        Some(values) if takes_values => values.join(" "),
        _ => String::new(),
    };
    let many = arg
        .get_num_args()
        .is_some_and(|range| range.max_values() > 1);
    let values = if many { format!("{values}…") } else { values };
    match names.last_mut() {
        None => names.push(values),
        Some(last) if takes_values && !values.is_empty() => {
            last.push(' ');
            last.push_str(&values);
        }
        Some(_) => {}
    }
    let names: Vec<String> = names
        .iter()
        .map(|name| format!("`{}`", name.replace('|', "\\|")))
        .collect();
    let help = arg.get_long_help().or_else(|| arg.get_help());
    let mut told = help.map(|help| cell(&help.to_string())).unwrap_or_default();
    let is_sentence = told.is_empty() || told.ends_with(['.', ']', ')']);
    let from_here = told.len();
    if takes_values {
        told.push_str(&choices(&arg.get_possible_values()));
        let defaults: Vec<_> = arg
            .get_default_values()
            .iter()
            .map(|v| v.to_string_lossy())
            .collect();
        if !defaults.is_empty() && !arg.is_hide_default_value_set() {
            let _ = write!(told, " Default: `{}`.", defaults.join(" "));
        }
    }
    if let Some(variable) = arg.get_env() {
        let _ = write!(told, " Environment: `{}`.", variable.to_string_lossy());
    }
    // What follows the help is a sentence of its own.
    if !is_sentence && told.len() > from_here {
        told.insert(from_here, '.');
    }
    format!("| {} | {} |\n", names.join(", "), told.trim())
}

/// The values that an argument may have, with what each means where that is said.
fn choices(values: &[PossibleValue]) -> String {
    let told: Vec<String> = values
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| match value.get_help() {
            Some(help) => format!("`{}` ({})", value.get_name(), cell(&help.to_string())),
            None => format!("`{}`", value.get_name()),
        })
        .collect();
    match told.is_empty() {
        true => String::new(),
        false => format!(" One of {}.", told.join(", ")),
    }
}

/// A text as it stands in a cell of a table: one line that ends with a full stop where it is a
/// sentence by itself.
fn cell(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    plain(&line).replace('|', "\\|")
}

/// A text without what Markdown would take for a tag.
fn plain(text: &str) -> String {
    text.replace('<', "\\<")
}
