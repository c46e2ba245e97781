//! The floors of the house and the rule that imports run downward only.
//!
//! Owned here: which room stands on which floor, and how a path in the source is followed to the
//! room that it names. Not asked: whether the import is needed, or what lies behind a re-export.

use super::lexer::{Token, tokens};

/// Every room and its floor. A room may use itself and any room on a lower floor.
pub(crate) const ROOMS: &[(&str, u8)] = &[
    ("clock", 0),
    ("files", 0),
    ("guard", 0),
    ("hash", 0),
    ("rules", 0),
    ("bank", 1),
    ("hamming", 1),
    ("pages", 1),
    ("signal", 1),
    ("trust", 1),
    ("web", 1),
    ("media", 2),
    ("segment", 2),
    ("hashset", 3),
    ("index", 3),
    ("policy", 3),
    ("exchange", 4),
    ("gate", 4),
    ("store", 4),
    ("decisions", 5),
    ("evaluate", 5),
    ("handover", 5),
    ("scan", 5),
    ("watch", 5),
    ("curation", 6),
    ("fleet", 6),
    ("measure", 6),
    ("retrospect", 6),
    ("service", 7),
    ("cli", 8),
];

/// The floor of a room, by its name.
pub(crate) fn floor(room: &str) -> Option<u8> {
    ROOMS
        .iter()
        .find(|(name, _)| *name == room)
        .map(|(_, floor)| *floor)
}

/// The module path of a source file, from its path below `src` with `/` between the parts:
/// `hash/pdq.rs` is `hash::pdq`, `hash/mod.rs` is `hash`; `lib.rs`, `main.rs` and programs of
/// their own are the root, which is empty.
pub(crate) fn module_of(file: &str) -> Vec<String> {
    let stem = file.strip_suffix(".rs").unwrap_or(file);
    let mut parts: Vec<String> = stem.split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    match parts.first().map(String::as_str) {
        Some("lib" | "main") if parts.len() == 1 => Vec::new(),
        Some("bin") => Vec::new(),
        _ => parts,
    }
}

/// What breaks the rule in one source file: a message for each, with its line.
pub(crate) fn violations(file: &str, source: &str) -> Vec<String> {
    let module = module_of(file);
    let Some(room) = module.first() else {
        return Vec::new();
    };
    let Some(own) = floor(room) else {
        return vec![format!(
            "src/{file}: the room `{room}` stands on no floor: give it one in tests/house/floors.rs"
        )];
    };
    let mut found = Vec::new();
    for (line, absolute) in paths(&module, &tokens(source)) {
        let shown = absolute.join("::");
        let target = absolute.first().map_or("", String::as_str);
        let complaint = match floor(target) {
            _ if target == room => continue,
            Some(floor) if floor < own => continue,
            Some(floor) if floor == own => format!("sideways: both stand on floor {own}"),
            Some(floor) => format!("upward: from floor {own} to floor {floor}"),
            None if room == "cli" => continue,
            None => "at the crate root, which stands above all rooms: name the room".to_owned(),
        };
        found.push(format!(
            "src/{file}:{line}: `{room}` imports `crate::{shown}` {complaint}"
        ));
    }
    found
}

/// All paths in the code that begin with `crate`, `self`, `super` or the crate's own name, with
/// their lines, followed to where they lead from the crate root. A group comes out as one path for each
/// of its members.
pub(crate) fn paths(file_module: &[String], code: &[Token]) -> Vec<(usize, Vec<String>)> {
    let mut out = Vec::new();
    let mut module = file_module.to_vec();
    let mut depth = 0_usize;
    let mut opened_at = Vec::new();
    let text = |i: usize| code.get(i).map_or("", |token| token.text.as_str());
    for (i, token) in code.iter().enumerate() {
        match token.text.as_str() {
            "mod" if text(i + 2) == "{" => {
                module.push(text(i + 1).to_owned());
                opened_at.push(depth);
            }
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                if opened_at.last() == Some(&depth) {
                    opened_at.pop();
                    module.pop();
                }
            }
            "crate" | "super" | "self" | "hashgate" => {
                let begins = i == 0 || text(i - 1) != "::";
                let renamed = text(i + 1) == "as" && i > 0 && text(i - 1) == "use";
                if begins && (text(i + 1) == "::" || renamed) {
                    let mut written = Vec::new();
                    follow(code, i, &mut Vec::new(), &mut written);
                    out.extend(
                        written
                            .iter()
                            .map(|written| (token.line, resolve(&module, &written.path))),
                    );
                }
            }
            _ => {}
        }
    }
    out
}

/// A path as the code writes it.
pub(crate) struct Written {
    pub(crate) path: Vec<String>,
    /// The name behind `as`, for a member of a group.
    pub(crate) name: Option<String>,
}

impl Written {
    /// A path without another name.
    pub(crate) fn plain(path: Vec<String>) -> Self {
        Self { path, name: None }
    }
}

/// Reads one path, or tree of paths, at `at`; appends each whole path to `out`. The place behind it.
pub(crate) fn follow(
    code: &[Token],
    mut at: usize,
    path: &mut Vec<String>,
    out: &mut Vec<Written>,
) -> usize {
    let text = |i: usize| code.get(i).map_or("", |token| token.text.as_str());
    loop {
        if text(at) == "{" {
            at += 1;
            while at < code.len() && text(at) != "}" {
                if text(at) == "," {
                    at += 1;
                    continue;
                }
                at = follow(code, at, &mut path.clone(), out);
                if let ("as", Some(member)) = (text(at), out.last_mut()) {
                    member.name = Some(text(at + 1).to_owned());
                }
                while at < code.len() && !matches!(text(at), "," | "}") {
                    at += 1;
                }
            }
            return at + 1;
        }
        path.push(text(at).to_owned());
        let goes_on = text(at + 1) == "::"
            && text(at + 2)
                .starts_with(|c: char| c == '_' || c == '{' || c == '*' || c.is_alphanumeric());
        if !goes_on {
            out.push(Written::plain(path.clone()));
            return at + 1;
        }
        at += 2;
    }
}

/// Where a path as written in `module` leads, counted from the crate root.
fn resolve(module: &[String], written: &[String]) -> Vec<String> {
    let mut absolute = match written.first().map(String::as_str) {
        Some("crate" | "hashgate") => Vec::new(),
        _ => module.to_vec(),
    };
    for part in written {
        match part.as_str() {
            "crate" | "hashgate" if absolute.is_empty() => {}
            "self" => {}
            "super" => {
                absolute.pop();
            }
            name => absolute.push(name.to_owned()),
        }
    }
    absolute
}

#[cfg(test)]
mod tests {
    use super::{ROOMS, module_of, violations};

    /// The targets complained about when `source` stands in `file`.
    fn complaints(file: &str, source: &str) -> Vec<String> {
        violations(file, source)
            .into_iter()
            .map(|message| {
                let from = message.find("imports `").map_or(0, |at| at + 9);
                let rest = &message[from..];
                rest[..rest.find('`').unwrap_or(rest.len())].to_owned()
            })
            .collect()
    }

    #[test]
    fn an_import_that_climbs_is_caught_in_every_spelling() {
        for (file, source, caught) in [
            (
                "hash/pdq.rs",
                "use crate::store::BankStore;",
                "crate::store::BankStore",
            ),
            (
                "hash/pdq.rs",
                "fn f() { crate::gate::open() }",
                "crate::gate::open",
            ),
            ("hash/mod.rs", "use super::bank::Bank;", "crate::bank::Bank"),
            (
                "hash/pdq.rs",
                "use super::super::bank::Bank;",
                "crate::bank::Bank",
            ),
            (
                "hash/pdq.rs",
                "use self::super::super::bank::Bank;",
                "crate::bank::Bank",
            ),
            ("hash/pdq.rs", "use super::{super::bank};", "crate::bank"),
            (
                "hash/pdq.rs",
                "mod a { mod b { use super::super::super::super::scan; } }",
                "crate::scan",
            ),
            (
                "index/near.rs",
                "use crate::{hash::PdqHash, store::BankStore};",
                "crate::store::BankStore",
            ),
            (
                "index/near.rs",
                "use crate::{hash::{PdqHash, Signal as S}, {gate::Gate}};",
                "crate::gate::Gate",
            ),
            (
                "index/mod.rs",
                "#[cfg(test)] mod tests { use crate::scan::run; }",
                "crate::scan::run",
            ),
            (
                "index/mod.rs",
                "macro_rules! m { () => { $crate::scan::run() } }",
                "crate::scan::run",
            ),
            (
                "index/mod.rs",
                "use hashgate::store::BankStore;",
                "crate::store::BankStore",
            ),
            ("gate/mod.rs", "pub(in crate::cli) fn f() {}", "crate::cli"),
            ("hash/mod.rs", "use super::*;", "crate::*"),
            ("hash/mod.rs", "use crate as house;", "crate::"),
            ("hash/mod.rs", "use crate::{self};", "crate::"),
            (
                "hash/mod.rs",
                "type A = Vec<crate::PdqHash>;",
                "crate::PdqHash",
            ),
        ] {
            assert_eq!(complaints(file, source), [caught], "{file}: {source}");
        }
    }

    #[test]
    fn rooms_on_one_floor_do_not_know_each_other() {
        assert_eq!(
            complaints("store/mod.rs", "use crate::gate::Gate;"),
            ["crate::gate::Gate"]
        );
        assert_eq!(
            complaints("segment/mod.rs", "use crate::media::Limits;"),
            ["crate::media::Limits"]
        );
    }

    #[test]
    fn what_stays_inside_or_goes_down_is_free() {
        for (file, source) in [
            (
                "hash/pdq.rs",
                "use super::hex; use crate::hash::hex::HexError; use self::inner::X;",
            ),
            (
                "hash/pdq.rs",
                "#[cfg(test)] mod tests { use super::*; use super::super::Quality; }",
            ),
            (
                "gate/mod.rs",
                "use crate::{hash::PdqHash, media::{self, Limits}, index::Index};",
            ),
            (
                "cli/scan.rs",
                "use crate::scan::run; use hashgate::Gate; use super::output;",
            ),
            (
                "hash/mod.rs",
                "//! See [`crate::store`].\n// crate::gate\npub(crate) fn f() -> &'static str { \"crate::gate::x\" }",
            ),
            (
                "lib.rs",
                "pub use crate::gate::Gate; mod t { use super::store::BankStore; }",
            ),
            ("main.rs", "use crate::cli::run;"),
        ] {
            assert_eq!(violations(file, source), [""; 0], "{file}: {source}");
        }
    }

    #[test]
    fn a_room_without_a_floor_is_asked_for_one() {
        let found = violations("attic/mod.rs", "");
        assert!(
            found.len() == 1 && found[0].contains("stands on no floor"),
            "{found:?}"
        );
    }

    #[test]
    fn files_are_known_by_their_modules() {
        assert_eq!(module_of("hash/mod.rs"), ["hash"]);
        assert_eq!(module_of("scan.rs"), ["scan"]);
        assert_eq!(
            module_of("cli/commands/bank.rs"),
            ["cli", "commands", "bank"]
        );
        assert!(module_of("lib.rs").is_empty() && module_of("bin/other.rs").is_empty());
        let mut names: Vec<&str> = ROOMS.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(ROOMS.len(), names.len(), "a room stands on one floor");
    }
}
