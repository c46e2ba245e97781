//! Keeps a bank and checks an upload, through the library alone.
//!
//! ```sh
//! cargo run --release --example keep_banks --features curation -- HOME PICTURE LIST UPLOAD
//! ```

use hashgate::bank::{Action, Policy};
use hashgate::curation::add::{AddPlan, add};
use hashgate::curation::import::{ImportOptions, ListSource, import};
use hashgate::curation::publish::{PublishPlan, publish};
use hashgate::curation::{Silent, Workspace, banks};
use hashgate::gate::Gate;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [home, picture, list, upload] = arguments.as_slice() else {
        return Err("usage: keep_banks HOME PICTURE LIST UPLOAD".into());
    };
    let workspace = Workspace::at(home)?;
    let bank = banks::create(&workspace, &"known".parse()?, Policy::new(Action::Block))?.name;
    let added = add(&workspace, &bank, &AddPlan::new([picture]), &Silent)?;
    let options = ImportOptions::new(bank);
    let imported = import(&workspace, options, ListSource::file(list), &Silent)?;
    publish(&workspace, &PublishPlan::default(), &Silent)?;
    let verdict = Gate::open(workspace.index())?.check(&std::fs::read(upload)?);
    let action = verdict.action_name();
    println!(
        "added {}, imported {}: {action}",
        added.added, imported.added
    );
    Ok(())
}
