//! What only the full command can do: named as such by the small one, which has no store.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Subcommands of the full command.
const COMMANDS: [&str; 9] = [
    "audit", "bank", "export", "hashset", "history", "import", "publish", "retro", "status",
];
/// Subcommands of builds with the feature `service`, which needs no store.
const OF_SERVICE: [&str; 2] = ["key", "serve"];
/// Options of the full command, below subcommands that the small one has too.
const OPTIONS: [&str; 3] = ["--apply", "--clear", "--remember"];

/// What to say where an error of the arguments is about something that only the full command has.
pub(super) fn explain(error: &clap::Error) -> Option<String> {
    let named = |kind| match error.get(kind) {
        Some(ContextValue::String(name)) => Some(name.as_str()),
        _ => None,
    };
    let (what, name) = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let name = named(ContextKind::InvalidSubcommand)?;
            if OF_SERVICE.contains(&name) {
                return Some(format!(
                    "hashgate: error: the command {name} needs the service, and this is the small command, which has \
                     none. Build it in: cargo install --path . --locked --features service (no C++)"
                ));
            }
            ("the command", COMMANDS.contains(&name).then_some(name)?)
        }
        ErrorKind::UnknownArgument => {
            let given = named(ContextKind::InvalidArg)?;
            let name = given.split('=').next().unwrap_or(given);
            ("the option", OPTIONS.contains(&name).then_some(name)?)
        }
        _ => return None,
    };
    Some(format!(
        "hashgate: error: {what} {name} needs the store of banks, and this is the small command, which has \
         none. Build the full one: cargo install --path . --locked --features full (RocksDB's C++ takes \
         10 to 20 minutes, once)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(arguments: &[&str]) -> Option<String> {
        let error = crate::cli::command()
            .try_get_matches_from(arguments)
            .err()?;
        explain(&error)
    }

    #[test]
    fn what_the_small_command_lacks_is_said_to_be_in_the_full_one() {
        for name in COMMANDS {
            let said = said(&["hashgate", name, "--help-me"]).unwrap_or_default();
            assert!(
                said.contains(&format!("the command {name} needs")),
                "{said}"
            );
        }
        #[cfg(not(feature = "service"))]
        for name in OF_SERVICE {
            let said = said(&["hashgate", name]).unwrap_or_default();
            assert!(said.contains("--features service"), "{said}");
        }
        let said_of = said(&["hashgate", "scan", "--remember", "uploads"]).unwrap_or_default();
        assert!(said_of.contains("the option --remember"), "{said_of}");
        assert_eq!(
            said(&["hashgate", "scam"]),
            None,
            "a slip is clap's to explain"
        );
        assert_eq!(said(&["hashgate", "scan", "--remembre", "uploads"]), None);
    }
}
