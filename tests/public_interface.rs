//! The public interface of the crate, item by item, against a list that is checked in: what is added, changed or taken
//! away shows in a review. The list is made from the sources, with all features.
//!
//! `HASHGATE_RENEW=1 cargo test --test public_interface` writes the list anew.

use quote::ToTokens;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use syn::{Attribute, Fields, ImplItem, Item, ItemImpl, Type, UseTree, Visibility};

const LIST: &str = "tests/expected/public_interface.txt";

/// A module's place: `["gate", "look"]`; empty for the crate itself.
type Place = Vec<String>;

/// Every module of the crate with its items.
struct Crate {
    modules: BTreeMap<Place, Vec<Item>>,
    /// The inherent `impl` blocks of each type, wherever they are written.
    blocks: BTreeMap<Target, Vec<ItemImpl>>,
}

/// Something that a name leads to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Module(Place),
    Item(Place, String),
}

impl Crate {
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut modules = BTreeMap::new();
        read_module(&root.join("lib.rs"), &root, Vec::new(), &mut modules);
        let mut all = Self {
            modules,
            blocks: BTreeMap::new(),
        };
        all.blocks = all.inherent();
        all
    }

    /// What a name is in a module: defined, or imported in whatever way.
    fn find(
        &self,
        place: &Place,
        name: &str,
        seen: &mut BTreeSet<(Place, String)>,
    ) -> Option<Target> {
        if !seen.insert((place.clone(), name.to_owned())) {
            return None;
        }
        let items = self.modules.get(place)?;
        for item in items {
            match item {
                Item::Mod(module) if module.ident == name => {
                    let mut inner = place.clone();
                    inner.push(name.to_owned());
                    // A function of the same name is another thing: it is looked for first.
                    if !items
                        .iter()
                        .any(|one| matches!(one, Item::Fn(f) if f.sig.ident == name))
                    {
                        return Some(Target::Module(inner));
                    }
                }
                other if name_of(other).is_some_and(|one| one == name) => {
                    return Some(Target::Item(place.clone(), name.to_owned()));
                }
                _ => {}
            }
        }
        for item in items {
            let Item::Use(import) = item else { continue };
            for leaf in leaves(&import.tree) {
                if leaf.is_glob {
                    let Some(Target::Module(from)) = self.walk(place, &leaf.path, seen) else {
                        continue;
                    };
                    if let Some(found) = self.find(&from, name, seen) {
                        return Some(found);
                    }
                } else if leaf.name == name {
                    return self.walk(place, &leaf.path, seen);
                }
            }
        }
        None
    }

    /// Follows a path from a module.
    fn walk(
        &self,
        from: &Place,
        path: &[String],
        seen: &mut BTreeSet<(Place, String)>,
    ) -> Option<Target> {
        let mut at = Target::Module(from.clone());
        for (number, segment) in path.iter().enumerate() {
            let Target::Module(place) = &at else {
                return None;
            };
            at = match segment.as_str() {
                "crate" if number == 0 => Target::Module(Vec::new()),
                "self" if number == 0 => Target::Module(from.clone()),
                "super" => Target::Module(place[..place.len().checked_sub(1)?].to_vec()),
                name => {
                    let mut inner = place.clone();
                    inner.push(name.to_owned());
                    let is_last = number + 1 == path.len();
                    match !is_last && self.modules.contains_key(&inner) {
                        true => Target::Module(inner),
                        false => self.find(place, name, seen)?,
                    }
                }
            };
        }
        Some(at)
    }

    fn target(&self, from: &Place, path: &[String]) -> Option<Target> {
        self.walk(from, path, &mut BTreeSet::new())
    }

    /// The lines of all that is public below a module.
    fn list(&self, place: &Place, shown: &str, lines: &mut BTreeSet<String>) {
        let items = self.modules.get(place).map_or(&[][..], Vec::as_slice);
        for item in items {
            match item {
                Item::Mod(module) if is_public(&module.vis) && !is_hidden(&module.attrs) => {
                    let mut inner = place.clone();
                    inner.push(module.ident.to_string());
                    let shown = format!("{shown}::{}", module.ident);
                    lines.insert(format!("mod {shown}"));
                    self.list(&inner, &shown, lines);
                }
                Item::Use(import) if is_public(&import.vis) && !is_hidden(&import.attrs) => {
                    for leaf in leaves(&import.tree) {
                        if let Some(Target::Item(from, name)) = self.target(place, &leaf.path) {
                            self.describe(&from, &name, &format!("{shown}::{}", leaf.name), lines);
                        }
                    }
                }
                other => {
                    if let Some(name) = name_of(other).filter(|_| is_public_item(other)) {
                        self.describe(place, &name, &format!("{shown}::{name}"), lines);
                    }
                }
            }
        }
    }

    /// The lines of one item, under the path by which it is public.
    fn describe(&self, place: &Place, name: &str, shown: &str, lines: &mut BTreeSet<String>) {
        let items = self.modules.get(place).map_or(&[][..], Vec::as_slice);
        for item in items
            .iter()
            .filter(|item| name_of(item).is_some_and(|one| one == name))
        {
            let open = match is_marked(attributes(item), "non_exhaustive") {
                true => "non_exhaustive ",
                false => "",
            };
            match item {
                Item::Struct(one) => {
                    lines.insert(format!("{open}struct {shown}{}", text(&one.generics)));
                    fields(&one.fields, shown, lines);
                }
                Item::Enum(one) => {
                    lines.insert(format!("{open}enum {shown}{}", text(&one.generics)));
                    for variant in &one.variants {
                        let inside = format!("{shown}::{}", variant.ident);
                        let kind = match &variant.fields {
                            Fields::Unit => String::new(),
                            Fields::Unnamed(_) => text(&variant.fields),
                            Fields::Named(_) => " { … }".to_owned(),
                        };
                        lines.insert(format!("variant {inside}{kind}"));
                        if let Fields::Named(named) = &variant.fields {
                            for field in &named.named {
                                let field_name = field.ident.as_ref().map(ToString::to_string);
                                let field_name = field_name.unwrap_or_default();
                                lines.insert(format!(
                                    "field {inside}.{field_name}: {}",
                                    text(&field.ty)
                                ));
                            }
                        }
                    }
                }
                Item::Trait(one) => {
                    lines.insert(format!("trait {shown}{}", text(&one.generics)));
                    for inside in &one.items {
                        if let syn::TraitItem::Fn(function) = inside {
                            let signature = text(&function.sig);
                            lines.insert(format!("method {shown}: {signature}"));
                        }
                    }
                }
                Item::Fn(one) => {
                    lines.insert(format!("{shown}: {}", text(&one.sig)));
                }
                Item::Const(one) => {
                    lines.insert(format!("const {shown}: {}", text(&one.ty)));
                }
                Item::Static(one) => {
                    lines.insert(format!("static {shown}: {}", text(&one.ty)));
                }
                Item::Type(one) => {
                    lines.insert(format!("type {shown} = {}", text(&one.ty)));
                }
                _ => {}
            }
        }
        self.methods(place, name, shown, lines);
    }

    /// The inherent `impl` blocks by the type that they are of.
    fn inherent(&self) -> BTreeMap<Target, Vec<ItemImpl>> {
        let mut blocks: BTreeMap<Target, Vec<ItemImpl>> = BTreeMap::new();
        for (written_in, items) in &self.modules {
            for item in items {
                let Item::Impl(block) = item else { continue };
                let (None, Type::Path(of)) = (&block.trait_, &*block.self_ty) else {
                    continue;
                };
                let path: Vec<String> = (of.path.segments.iter())
                    .map(|segment| segment.ident.to_string())
                    .collect();
                if let Some(target) = self.target(written_in, &path) {
                    blocks.entry(target).or_default().push(block.clone());
                }
            }
        }
        blocks
    }

    /// The public functions and constants of a type.
    fn methods(&self, place: &Place, name: &str, shown: &str, lines: &mut BTreeSet<String>) {
        let of = Target::Item(place.clone(), name.to_owned());
        let blocks = self.blocks.get(&of).into_iter().flatten();
        for inside in blocks.flat_map(|block| &block.items) {
            match inside {
                ImplItem::Fn(one) if is_public(&one.vis) && !is_hidden(&one.attrs) => {
                    lines.insert(format!("{shown}: {}", text(&one.sig)));
                }
                ImplItem::Const(one) if is_public(&one.vis) => {
                    lines.insert(format!("const {shown}::{}: {}", one.ident, text(&one.ty)));
                }
                _ => {}
            }
        }
    }
}

fn read_module(file: &Path, folder: &Path, place: Place, modules: &mut BTreeMap<Place, Vec<Item>>) {
    let source =
        std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let parsed = syn::parse_file(&source).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    add_items(parsed.items, folder, place, modules);
}

fn add_items(
    items: Vec<Item>,
    folder: &Path,
    place: Place,
    modules: &mut BTreeMap<Place, Vec<Item>>,
) {
    let mut kept = Vec::new();
    for item in items {
        if let Item::Mod(module) = &item {
            if is_for_tests(&module.attrs) {
                continue;
            }
            let name = module.ident.to_string();
            let mut inner = place.clone();
            inner.push(name.clone());
            let folder = folder.join(&name);
            match &module.content {
                Some((_, inside)) => add_items(inside.clone(), &folder, inner, modules),
                None => {
                    let files: [PathBuf; 2] = [folder.with_extension("rs"), folder.join("mod.rs")];
                    let file = files.iter().find(|file| file.is_file());
                    let file =
                        file.unwrap_or_else(|| panic!("{}: no such module", folder.display()));
                    read_module(file, &folder, inner, modules);
                }
            }
        }
        kept.push(item);
    }
    modules.insert(place, kept);
}

fn fields(all: &Fields, shown: &str, lines: &mut BTreeSet<String>) {
    for (number, field) in all.iter().enumerate() {
        if is_public(&field.vis) && !is_hidden(&field.attrs) {
            let name = field
                .ident
                .as_ref()
                .map_or(number.to_string(), ToString::to_string);
            lines.insert(format!("field {shown}.{name}: {}", text(&field.ty)));
        }
    }
}

/// A name at the end of an import, and the path that it stands for.
struct Leaf {
    name: String,
    path: Vec<String>,
    is_glob: bool,
}

fn leaves(tree: &UseTree) -> Vec<Leaf> {
    fn below(tree: &UseTree, path: &[String], all: &mut Vec<Leaf>) {
        let with = |name: &str| {
            let mut path = path.to_vec();
            if name != "self" {
                path.push(name.to_owned());
            }
            path
        };
        let leaf = |name: String, path, is_glob| Leaf {
            name,
            path,
            is_glob,
        };
        match tree {
            UseTree::Path(one) => {
                let mut path = path.to_vec();
                path.push(one.ident.to_string());
                below(&one.tree, &path, all);
            }
            UseTree::Name(one) => {
                let path = with(&one.ident.to_string());
                all.push(leaf(path.last().cloned().unwrap_or_default(), path, false));
            }
            UseTree::Rename(one) => {
                all.push(leaf(
                    one.rename.to_string(),
                    with(&one.ident.to_string()),
                    false,
                ));
            }
            UseTree::Glob(_) => all.push(leaf(String::new(), path.to_vec(), true)),
            UseTree::Group(group) => group.items.iter().for_each(|one| below(one, path, all)),
        }
    }
    let mut all = Vec::new();
    below(tree, &[], &mut all);
    all
}

fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Struct(one) => &one.ident,
        Item::Enum(one) => &one.ident,
        Item::Trait(one) => &one.ident,
        Item::Fn(one) => &one.sig.ident,
        Item::Const(one) => &one.ident,
        Item::Static(one) => &one.ident,
        Item::Type(one) => &one.ident,
        _ => return None,
    };
    Some(name.to_string())
}

fn is_public_item(item: &Item) -> bool {
    let visibility = match item {
        Item::Struct(one) => &one.vis,
        Item::Enum(one) => &one.vis,
        Item::Trait(one) => &one.vis,
        Item::Fn(one) => &one.vis,
        Item::Const(one) => &one.vis,
        Item::Static(one) => &one.vis,
        Item::Type(one) => &one.vis,
        _ => return false,
    };
    is_public(visibility) && !is_hidden(attributes(item))
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Struct(one) => &one.attrs,
        Item::Enum(one) => &one.attrs,
        Item::Trait(one) => &one.attrs,
        Item::Fn(one) => &one.attrs,
        Item::Const(one) => &one.attrs,
        Item::Static(one) => &one.attrs,
        Item::Type(one) => &one.attrs,
        _ => &[],
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_marked(attributes: &[Attribute], name: &str) -> bool {
    attributes.iter().any(|one| one.path().is_ident(name))
}

fn is_hidden(attributes: &[Attribute]) -> bool {
    let mut attributes = attributes.iter();
    attributes.any(|one| one.path().is_ident("doc") && text(one).contains("(hidden)"))
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    let mut attributes = attributes.iter();
    attributes.any(|one| one.path().is_ident("cfg") && text(one).contains("(test)"))
}

/// Source text with no more spaces than it needs.
fn text(tokens: &impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (spaced, tight) in [
        (" :: ", "::"),
        (":: ", "::"),
        (" < ", "<"),
        ("< ", "<"),
        (" >", ">"),
        ("& ", "&"),
        (" ,", ","),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
        (" :", ":"),
        (" ;", ";"),
        ("[ ", "["),
        (" ]", "]"),
        (", )", ")"),
        (",)", ")"),
        (" !", "!"),
    ] {
        text = text.replace(spaced, tight);
    }
    text.replace("->(", "-> (")
        .replace("-> ", " -> ")
        .replace("  ", " ")
}

#[test]
fn the_public_interface_is_the_one_that_is_listed() {
    let mut lines = BTreeSet::new();
    Crate::read().list(&Vec::new(), "hashgate", &mut lines);
    assert!(
        lines.len() > 300,
        "{} items: the sources were not read",
        lines.len()
    );
    let found: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(LIST);
    if std::env::var_os("HASHGATE_RENEW").is_some() {
        std::fs::write(&file, found).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        return;
    }
    let listed = std::fs::read_to_string(&file).unwrap_or_default();
    let listed: BTreeSet<&str> = listed.lines().collect();
    let found: BTreeSet<&str> = found.lines().collect();
    let new = found.difference(&listed).map(|line| format!("+ {line}\n"));
    let gone = listed.difference(&found).map(|line| format!("- {line}\n"));
    let changes: String = new.chain(gone).collect();
    assert!(
        changes.is_empty(),
        "the public interface is not the one in {LIST}:\n{changes}\nWhere that is meant, write the list anew with \
         `HASHGATE_RENEW=1 cargo test --test public_interface`, and say in CHANGELOG.md what users must do"
    );
}
