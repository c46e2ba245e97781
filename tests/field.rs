//! Files as people have reported them of other tools: each shows a known picture, and is blocked or named. No other outcome
//! is right, least of all a silent pass.
#![cfg(feature = "decode")]

mod common;

use hashgate::bank::{Action, Bank, BankId, ContentId, Policy};
use hashgate::gate::{Gate, GateOptions, Outcome};
use hashgate::hash::{Distance, Signal, SignalType};
use hashgate::index::{Index, IndexRecord, PublishOptions};
use hashgate::signal::PdqHasher;
use std::convert::Infallible;
use std::fs;
use std::path::Path;

/// The known pictures, and the hash of the cutout that its list gives.
fn gate(field: &Path) -> Gate {
    let bank = Bank {
        id: BankId(1),
        name: "known".parse().unwrap(),
        policy: Policy::new(Action::Block),
    };
    let mut records = Vec::new();
    for name in ["coffee", "rocket", "cat"] {
        let picture = image::open(field.join(format!("known/{name}.png"))).unwrap();
        let picture = picture.to_rgb8();
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let hashed = PdqHasher::default()
            .hash_rgb(width, height, &picture)
            .unwrap();
        records.push((Signal::from(hashed.hash), Some(hashed.quality)));
    }
    let list = fs::read_to_string(field.join("lists/reference-hash-of-cutout.csv")).unwrap();
    let is_hex = |part: &&str| part.len() == 64 && part.bytes().all(|b| b.is_ascii_hexdigit());
    let hex = list.split([',', '\n', '\r', '"']).find(is_hex).unwrap();
    records.push((Signal::from_hex(SignalType::Pdq, hex).unwrap(), None));
    let records = (1..).zip(records).map(|(number, (signal, quality))| {
        Ok::<_, Infallible>(IndexRecord {
            bank: BankId(1),
            content: ContentId(number),
            signal,
            quality,
        })
    });
    let index = Index::in_memory(&[bank], records, &PublishOptions::default());
    Gate::over(index.unwrap(), GateOptions::default())
}

#[test]
fn every_reported_file_is_blocked_or_named() {
    let Some(data) = common::test_data() else {
        return;
    };
    let field = data.join("field");
    let gate = gate(&field);
    let (mut files, mut wrong) = (0, Vec::new());
    for folder in ["jpeg", "gif", "bmp", "png", "tiff"] {
        for entry in fs::read_dir(field.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let verdict = gate.check(&fs::read(&path).unwrap());
            files += 1;
            if name == "coffee-cgbi.png" {
                let said = verdict.error().unwrap_or_default();
                if verdict.outcome != Outcome::Unsupported || !said.contains("CgBI") {
                    wrong.push(format!("{name}: {} {said}", verdict.outcome));
                }
                continue;
            }
            // Its size alone, 512 x 340, takes this one 20 bits away, whoever reads it.
            let most = match &*name {
                "coffee-associated-alpha.tif" => Distance(20),
                _ => Distance(10),
            };
            let nearest = verdict.matches.iter().map(|found| found.distance).min();
            if verdict.action != Some(Action::Block) || nearest.is_none_or(|near| near > most) {
                let said = verdict.error().unwrap_or_default();
                wrong.push(format!("{name}: {} {nearest:?} {said}", verdict.outcome));
            }
        }
    }
    assert!(files >= 30, "{files}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
