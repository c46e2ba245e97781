//! Import circles inside a room: files of one room that need each other.
//!
//! Owned here: which file of a room uses what another one defines, found from the paths in the
//! code, and the circles that this makes. A path through a re-export is followed to the file that
//! defines the item. A `mod.rs` that only declares and re-exports a file does not use it. Test code is
//! left out. Not asked: calls of methods, which name no path.

use super::files::test_code;
use super::floors::{Written, follow, module_of};
use super::lexer::{Token, tokens};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

/// A path from the crate root, module by module.
type Path = Vec<String>;

/// Re-exports of re-exports are followed this far; code that compiles stays below.
const MAX_STEPS: usize = 32;

/// Each circle among the files of one room, as a message with the line of every import. Files that
/// are in several circles with each other are reported by their shortest one.
pub(crate) fn circles(sources: &[(String, String)]) -> Vec<String> {
    let house = House::read(sources);
    let graph = house.graph();
    graph
        .knots()
        .into_iter()
        .map(|knot| graph.describe(&knot, sources))
        .collect()
}

/// One module: what it defines, declares and brings into scope.
#[derive(Default)]
struct Module {
    file: usize,
    defined: HashSet<String>,
    children: HashSet<String>,
    /// Names that a `use` brings into scope, and the paths that it was written with.
    bound: HashMap<String, Vec<Path>>,
    /// Paths of `use path::*`.
    globs: Vec<Path>,
}

/// A place in the code that names something.
struct Mention {
    module: Path,
    line: usize,
    path: Path,
    /// Whether it calls what it names: then it names no module.
    is_call: bool,
}

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Module(Path),
    /// An item that this file defines.
    Item(usize),
}

/// All modules of the crate and all that their code mentions.
#[derive(Default)]
struct House {
    modules: HashMap<Path, Module>,
    mentions: Vec<Mention>,
    /// The room of each file.
    rooms: Vec<Option<String>>,
}

impl House {
    fn read(sources: &[(String, String)]) -> Self {
        let mut house = Self::default();
        for (file, (name, text)) in sources.iter().enumerate() {
            let module = module_of(name);
            house.rooms.push(module.first().cloned());
            let all = tokens(text);
            let tests = test_code(&all);
            let code: Vec<Token> = all
                .into_iter()
                .enumerate()
                .filter(|(i, _)| !tests.iter().any(|range| range.contains(i)))
                .map(|(_, token)| token)
                .collect();
            Reader {
                file,
                code: &code,
                module,
                depth: 0,
                opened_at: Vec::new(),
                house: &mut house,
            }
            .run();
        }
        house
    }

    /// Whether the module is declared from the room down to it outside test code.
    fn is_declared(&self, module: &[String]) -> bool {
        (2..=module.len()).all(|depth| {
            self.modules
                .get(&module[..depth - 1])
                .is_some_and(|parent| parent.children.contains(&module[depth - 1]))
        })
    }

    /// Where `path`, as written in `module`, leads.
    fn places(&self, module: &[String], path: &[String], steps: usize) -> Vec<Place> {
        let Some((first, rest)) = path.split_first() else {
            return vec![Place::Module(module.to_vec())];
        };
        if steps == MAX_STEPS {
            return Vec::new();
        }
        match first.as_str() {
            "crate" | "hashgate" => return self.places(&[], rest, steps + 1),
            "self" => return self.places(module, rest, steps + 1),
            "super" => {
                let parent = &module[..module.len().saturating_sub(1)];
                return self.places(parent, rest, steps + 1);
            }
            _ => {}
        }
        let below = [module, std::slice::from_ref(first)].concat();
        let Some(scope) = self.modules.get(module) else {
            return Vec::new();
        };
        if module.is_empty() && self.modules.contains_key(&below) {
            return self.places(&below, rest, steps + 1);
        }
        let mut found = Vec::new();
        if scope.children.contains(first) {
            found.extend(self.places(&below, rest, steps + 1));
            if !rest.is_empty() {
                // `head::Head` goes through the module, whatever else is called `head`.
                return found;
            }
        }
        if scope.defined.contains(first) {
            found.push(Place::Item(scope.file));
        }
        for target in scope.bound.get(first).into_iter().flatten() {
            // `use name;` binds a name to itself; what it names is outside the crate.
            if target.as_slice() != std::slice::from_ref(first) {
                found.extend(self.places(module, &[target, rest].concat(), steps + 1));
            }
        }
        if found.is_empty() {
            for glob in &scope.globs {
                found.extend(self.places(module, &[glob, path].concat(), steps + 1));
            }
        }
        found
    }

    fn graph(&self) -> Graph {
        let mut graph = Graph::default();
        for mention in &self.mentions {
            let (Some(scope), true) = (
                self.modules.get(&mention.module),
                self.is_declared(&mention.module),
            ) else {
                continue;
            };
            let places = self.places(&mention.module, &mention.path, 0);
            // A name that is a module as well as an item: what is called is the item. A `use` of it
            // says nothing, and a plain word may as well be a variable.
            let is_module = places.iter().any(|place| matches!(place, Place::Module(_)));
            if is_module && !mention.is_call {
                continue;
            }
            for place in places {
                let Place::Item(to) = place else { continue };
                let room = self.rooms.get(to).and_then(Option::as_ref);
                if to == scope.file || room != mention.module.first() {
                    continue;
                }
                let import = graph
                    .imports
                    .entry(scope.file)
                    .or_default()
                    .entry(to)
                    .or_insert((mention.line, mention.path.join("::")));
                if mention.line < import.0 {
                    *import = (mention.line, mention.path.join("::"));
                }
            }
        }
        graph
    }
}

/// Reads one file into the house.
struct Reader<'a> {
    file: usize,
    code: &'a [Token],
    module: Path,
    depth: usize,
    /// The depth at which each open inline module was opened.
    opened_at: Vec<usize>,
    house: &'a mut House,
}

impl Reader<'_> {
    fn text(&self, at: usize) -> &str {
        self.code.get(at).map_or("", |token| token.text.as_str())
    }

    fn before(&self, at: usize) -> &str {
        at.checked_sub(1).map_or("", |at| self.text(at))
    }

    fn scope(&mut self) -> &mut Module {
        let file = self.file;
        let scope = self.house.modules.entry(self.module.clone()).or_default();
        scope.file = file;
        scope
    }

    /// Whether the reader stands between the items of a module, not in one.
    fn between_items(&self) -> bool {
        self.depth == self.opened_at.last().map_or(0, |depth| depth + 1)
    }

    fn run(mut self) {
        self.scope();
        let mut at = 0;
        while at < self.code.len() {
            at = self.step(at);
        }
    }

    /// Reads what begins at `at`; the place behind it.
    fn step(&mut self, at: usize) -> usize {
        let next = self.text(at + 1).to_owned();
        match self.text(at) {
            "mod" if matches!(self.text(at + 2), "{" | ";") => {
                self.scope().children.insert(next.clone());
                if self.text(at + 2) == "{" {
                    self.module.push(next);
                    self.opened_at.push(self.depth);
                    self.depth += 1;
                    self.scope();
                }
                at + 3
            }
            "{" => {
                self.depth += 1;
                at + 1
            }
            "}" => {
                self.depth = self.depth.saturating_sub(1);
                if self.opened_at.last() == Some(&self.depth) {
                    self.opened_at.pop();
                    self.module.pop();
                }
                at + 1
            }
            "use" if matches!(self.before(at), "" | ";" | "{" | "}" | "]" | "pub" | ")") => {
                self.import(at)
            }
            "fn" | "struct" | "enum" | "trait" | "const" | "static" | "type" | "union"
                if self.between_items() && is_word(&next) =>
            {
                self.scope().defined.insert(next);
                // The name itself is no mention, but `const fn name` goes on.
                at + 1
            }
            "macro_rules" if next == "!" => {
                let name = self.text(at + 2).to_owned();
                self.scope().defined.insert(name);
                at + 3
            }
            word if is_word(word) && !matches!(self.before(at), "." | "::") => {
                let mut written = Vec::new();
                let behind = if next == "::" && is_word(self.text(at + 2)) {
                    follow(self.code, at, &mut Vec::new(), &mut written)
                } else {
                    written.push(Written::plain(vec![word.to_owned()]));
                    at + 1
                };
                let line = self.code[at].line;
                let is_call = self.text(behind) == "(";
                for Written { path, .. } in written {
                    self.mention(line, path, is_call);
                }
                behind
            }
            _ => at + 1,
        }
    }

    fn mention(&mut self, line: usize, path: Path, is_call: bool) {
        let module = self.module.clone();
        self.house.mentions.push(Mention {
            module,
            line,
            path,
            is_call,
        });
    }

    /// Reads a `use`; the place behind it. One that is not `pub` is a mention too: the compiler
    /// refuses an import that nothing needs. What is re-exported counts where the code names it.
    fn import(&mut self, at: usize) -> usize {
        let is_public = matches!(self.before(at), "pub" | ")");
        let line = self.code[at].line;
        let mut written = Vec::new();
        let mut behind = follow(self.code, at + 1, &mut Vec::new(), &mut written);
        if self.text(behind) == "as" {
            if let Some(only) = written.last_mut() {
                only.name = Some(self.code[behind + 1].text.clone());
            }
            behind += 2;
        }
        for Written { mut path, name } in written {
            if path.last().is_some_and(|last| last == "*") {
                path.pop();
                self.scope().globs.push(path);
                continue;
            }
            if path.last().is_some_and(|last| last == "self") {
                path.pop();
            }
            if let Some(name) = name.or_else(|| path.last().cloned()) {
                let bound = &mut self.scope().bound;
                bound.entry(name).or_default().push(path.clone());
            }
            if !is_public {
                self.mention(line, path, false);
            }
        }
        behind
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c == '_' || c.is_alphabetic())
}

/// Which file imports from which other one of its room: the line, and the path as written.
#[derive(Default)]
struct Graph {
    imports: BTreeMap<usize, BTreeMap<usize, (usize, String)>>,
}

impl Graph {
    fn targets(&self, file: usize) -> impl Iterator<Item = usize> + '_ {
        self.imports
            .get(&file)
            .into_iter()
            .flat_map(|targets| targets.keys().copied())
    }

    /// The shortest way of imports from `from` back to it, without the repeated end.
    fn way_back(&self, from: usize) -> Option<Vec<usize>> {
        let mut came_from: HashMap<usize, usize> = HashMap::new();
        let mut open = VecDeque::from([from]);
        while let Some(at) = open.pop_front() {
            for next in self.targets(at) {
                if next == from {
                    let mut way = vec![at];
                    while let Some(before) = way.last().and_then(|last| came_from.get(last)) {
                        way.push(*before);
                    }
                    way.reverse();
                    return Some(way);
                }
                if let std::collections::hash_map::Entry::Vacant(entry) = came_from.entry(next) {
                    entry.insert(at);
                    open.push_back(next);
                }
            }
        }
        None
    }

    fn reached_from(&self, file: usize) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        let mut open = vec![file];
        while let Some(at) = open.pop() {
            open.extend(self.targets(at).filter(|next| reached.insert(*next)));
        }
        reached
    }

    /// Sets of files that all reach each other.
    fn knots(&self) -> Vec<BTreeSet<usize>> {
        let reached: BTreeMap<usize, BTreeSet<usize>> = self
            .imports
            .keys()
            .map(|file| (*file, self.reached_from(*file)))
            .collect();
        let mut knots = BTreeSet::new();
        for (file, others) in &reached {
            let knot: BTreeSet<usize> = others
                .iter()
                .copied()
                .filter(|other| reached.get(other).is_some_and(|back| back.contains(file)))
                .collect();
            if knot.contains(file) {
                knots.insert(knot);
            }
        }
        knots.into_iter().collect()
    }

    fn describe(&self, knot: &BTreeSet<usize>, sources: &[(String, String)]) -> String {
        let name = |file: usize| {
            sources
                .get(file)
                .map_or("a file that is not there", |(name, _)| name.as_str())
        };
        let shortest = knot
            .iter()
            .filter_map(|file| self.way_back(*file))
            .min_by_key(Vec::len)
            .unwrap_or_default();
        let mut lines = vec![format!(
            "{} files of one room need each other ({}); their shortest circle:",
            knot.len(),
            knot.iter()
                .map(|file| name(*file))
                .collect::<Vec<_>>()
                .join(", ")
        )];
        let next = shortest.iter().skip(1).chain(shortest.first());
        for (from, to) in shortest.iter().zip(next) {
            if let Some((line, path)) = self.imports.get(from).and_then(|of| of.get(to)) {
                lines.push(format!(
                    "src/{}:{line}: `{path}`, which src/{} defines",
                    name(*from),
                    name(*to)
                ));
            }
        }
        lines.join("\n      ")
    }
}

#[cfg(test)]
mod tests {
    use super::circles;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<(String, String)> = files
            .iter()
            .map(|(file, text)| ((*file).to_owned(), (*text).to_owned()))
            .collect();
        circles(&sources)
    }

    const LIB: (&str, &str) = ("lib.rs", "pub mod gate; pub mod hash;");

    #[test]
    fn two_files_that_import_each_other_are_a_circle_with_both_lines() {
        let found = found(&[
            LIB,
            ("gate/mod.rs", "mod a; mod b;"),
            ("gate/a.rs", "use super::b::B;\npub struct A;"),
            (
                "gate/b.rs",
                "//! B\n\nuse crate::gate::a::A;\npub struct B;",
            ),
        ]);
        assert_eq!(found.len(), 1, "{found:?}");
        for part in [
            "src/gate/a.rs:1: `super::b::B`, which src/gate/b.rs defines",
            "src/gate/b.rs:3: `crate::gate::a::A`, which src/gate/a.rs defines",
        ] {
            assert!(found[0].contains(part), "{}", found[0]);
        }
    }

    #[test]
    fn a_circle_is_caught_in_every_spelling() {
        for (a, b) in [
            ("use super::B;", "use super::A;"),
            ("use crate::gate::{B as Other};", "use super::a::{self, A};"),
            ("fn f() { super::b::make() }", "fn f(a: crate::gate::A) {}"),
            (
                "use super::b; fn f() { b::make() }",
                "use super::*; fn f(a: A) {}",
            ),
            ("use super::b::{B};", "mod inner { use super::super::A; }"),
            ("use hashgate::gate::B;", "fn f() { use super::a::A; }"),
            ("use super::twin; fn f() { twin(1) }", "use super::A;"),
        ] {
            let a = format!("{a}\npub struct A;");
            let b = format!("{b}\npub struct B; pub fn make() {{}} pub fn twin(n: u8) {{}}");
            let found = found(&[
                LIB,
                (
                    "gate/mod.rs",
                    "mod a; mod b; mod twin; pub use a::A; pub use b::{B, make, twin};",
                ),
                ("gate/a.rs", &a),
                ("gate/b.rs", &b),
                ("gate/twin.rs", "pub struct Twin;"),
            ]);
            assert_eq!(found.len(), 1, "{a}\n{b}");
        }
    }

    #[test]
    fn a_longer_circle_through_re_exports_is_followed() {
        let found = found(&[
            LIB,
            (
                "gate/mod.rs",
                "mod a; mod b; mod c; pub use a::A; pub use b::Last; pub use c::C;",
            ),
            ("gate/a.rs", "use crate::gate::Last; pub struct A;"),
            ("gate/b.rs", "mod deep; pub use deep::Deep as Last;"),
            ("gate/b/deep.rs", "use crate::gate::C; pub struct Deep;"),
            ("gate/c.rs", "use super::A; pub struct C;"),
        ]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("src/gate/b/deep.rs:1"), "{}", found[0]);
        assert!(found[0].contains("3 files"), "{}", found[0]);
    }

    #[test]
    fn a_child_and_a_parent_that_use_each_other_are_a_circle() {
        let child = (
            "gate/child.rs",
            "use super::Shared; pub fn run(s: Shared) {}",
        );
        for parent in [
            "mod child; pub struct Shared; fn f() { child::run(Shared) }",
            "mod child; use child::run; pub struct Shared;",
            "mod child; pub use child::run; pub struct Shared; fn f() { run(Shared) }",
        ] {
            assert_eq!(
                found(&[LIB, ("gate/mod.rs", parent), child]).len(),
                1,
                "{parent}"
            );
        }
        for parent in [
            "mod child; pub use child::run; pub struct Shared;",
            "pub(crate) mod child; pub struct Shared; pub(crate) use child::run;",
        ] {
            let found = found(&[LIB, ("gate/mod.rs", parent), child]);
            assert_eq!(found, [""; 0], "{parent}");
        }
    }

    #[test]
    fn what_runs_one_way_is_free() {
        let files = [
            LIB,
            ("gate/mod.rs", "mod a; mod b; pub use a::A; pub use b::B;"),
            ("gate/a.rs", "use super::B;\npub struct A;"),
            (
                "gate/b.rs",
                "//! See [`super::a::A`].\n#[cfg(test)] mod tests { use super::super::A; }\n\
                 #[cfg(test)] mod more;\npub struct B { a: u8 }\nfn f(b: B) { b.a; }",
            ),
            ("gate/b/more.rs", "use crate::gate::A; use super::super::a;"),
            ("hash/mod.rs", "mod a; pub use a::A;"),
            (
                "hash/a.rs",
                "use super::super::gate::A as Other; pub struct A;",
            ),
        ];
        assert_eq!(found(&files), [""; 0]);
    }
}
