//! The tables of floors in the documents, held to the list in `floors.rs`.
//!
//! A table stands between `<!-- floors:begin -->` and `<!-- floors:end -->`. One whose header begins
//! with `| floor | rooms |` has a row for each floor and is written from the list alone. One that
//! begins with `| floor | room |` has a row for each room: floor and room come from the list, what
//! stands behind them is prose and stays. `HASHGATE_RENEW=1 cargo test --test house` writes both anew.

use super::floors::{ROOMS, floor};
use std::collections::HashMap;

const BEGIN: &str = "<!-- floors:begin -->";
const END: &str = "<!-- floors:end -->";
/// What the row of the command's room names beside it.
const ENTRANCE: &str = "`main.rs`, ";

/// A document with its tables as they have to be; an error where one cannot be read.
pub(crate) fn renewed(text: &str, rooms: &[&str]) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(BEGIN) {
        no_table_in(before)?;
        let (block, behind) = behind
            .split_once(END)
            .ok_or_else(|| format!("`{BEGIN}` without `{END}`"))?;
        out.push_str(before);
        out.push_str(BEGIN);
        out.push_str(&table(block, rooms)?);
        out.push_str(END);
        rest = behind;
    }
    no_table_in(rest)?;
    out.push_str(rest);
    Ok(out)
}

/// How many tables a document has.
pub(crate) fn count(text: &str) -> usize {
    text.matches(BEGIN).count()
}

/// The rooms of which a document's table says nothing.
pub(crate) fn unsaid(text: &str) -> Vec<String> {
    let blocks = text.split(BEGIN).skip(1);
    let blocks = blocks.filter_map(|block| block.split(END).next());
    let rows = blocks.flat_map(str::lines);
    rows.filter(|row| row.starts_with('|') && row.contains("|  |"))
        .map(|row| format!("say what the room owns and what it refuses: {row}"))
        .collect()
}

/// A table of floors outside of the marks would drift unseen.
fn no_table_in(text: &str) -> Result<(), String> {
    match text.lines().find(|line| line.starts_with("| floor | room")) {
        Some(line) => Err(format!("the table `{line}` stands outside of `{BEGIN}`")),
        None => Ok(()),
    }
}

/// The table between two marks, line breaks around it included.
fn table(block: &str, rooms: &[&str]) -> Result<String, String> {
    let mut lines = block.trim().lines();
    let (Some(header), Some(rule)) = (lines.next(), lines.next()) else {
        return Err(format!("no table stands behind `{BEGIN}`"));
    };
    let rows = if header.starts_with("| floor | rooms |") {
        by_floor(rooms)
    } else if header.starts_with("| floor | room |") {
        by_room(lines, header.matches('|').count().saturating_sub(3), rooms)
    } else {
        return Err(format!("`{header}` begins no table of floors"));
    };
    Ok(format!("\n{header}\n{rule}\n{}", rows.concat()))
}

/// The floors that have rooms, from the top down, each with its rooms in the order of the list.
fn floors<'a>(rooms: &'a [&str]) -> Vec<(u8, Vec<&'a str>)> {
    let mut floors: Vec<u8> = rooms.iter().filter_map(|room| floor(room)).collect();
    floors.sort_unstable();
    floors.dedup();
    let on = |at: u8| {
        let all = ROOMS.iter().filter(|(_, floor)| *floor == at);
        let of_list = all.filter_map(|(name, _)| rooms.iter().find(|room| *room == name).copied());
        (at, of_list.collect())
    };
    floors.into_iter().rev().map(on).collect()
}

fn by_floor(rooms: &[&str]) -> Vec<String> {
    let row = |(floor, rooms): (u8, Vec<&str>)| {
        let rooms: Vec<String> = rooms.iter().map(|room| format!("`{room}`")).collect();
        format!("| {floor} | {} |\n", rooms.join(", "))
    };
    floors(rooms).into_iter().map(row).collect()
}

/// Rows with `cells` further cells each, kept by the room that they are about.
fn by_room<'a>(rows: impl Iterator<Item = &'a str>, cells: usize, rooms: &[&str]) -> Vec<String> {
    let kept: HashMap<&str, &str> = rows
        .filter_map(|row| {
            let mut parts = row.splitn(4, '|').skip(2);
            let (cell, rest) = (parts.next()?, parts.next()?);
            let name = cell.split('`').find_map(|name| name.strip_suffix('/'))?;
            Some((name, rest))
        })
        .collect();
    let empty = "  |".repeat(cells);
    let row = |(floor, room): (u8, &str)| {
        let entrance = if room == "cli" { ENTRANCE } else { "" };
        let rest = kept.get(room).copied().unwrap_or(&empty);
        format!("| {floor} | {entrance}`{room}/` |{rest}\n")
    };
    floors(rooms)
        .into_iter()
        .flat_map(|(floor, rooms)| rooms.into_iter().map(move |room| (floor, room)))
        .map(row)
        .collect()
}

/// What is wrong with the floor that the first line of a room's `mod.rs` names.
pub(crate) fn wrong_floor(room: &str, source: &str) -> Option<String> {
    let opening = source.lines().find(|line| line.starts_with("//!"))?;
    let (said, _) = opening.strip_prefix("//! Floor ")?.split_once(':')?;
    let on = floor(room)?;
    (said.trim() != on.to_string()).then(|| {
        format!("src/{room}/mod.rs: says that it is floor {said}, and stands on floor {on}")
    })
}

#[cfg(test)]
mod tests {
    use super::{count, renewed, unsaid, wrong_floor};

    const HEAD: &str = "| floor | room | owns | refuses |\n| --- | --- | --- | --- |\n";

    fn document(table: &str) -> String {
        format!("# A\n\n<!-- floors:begin -->\n{table}<!-- floors:end -->\n\ntext\n")
    }

    #[test]
    fn a_table_by_room_keeps_its_prose_and_gets_its_floors_from_the_list() {
        let before = document(&format!(
            "{HEAD}| 3 | `hash/` | the values | to compute |\n| 6 | `main.rs`, `cli/` | arguments | hashes |\n\
             | 1 | `attic/` | old things | all |\n"
        ));
        let after = renewed(&before, &["hash", "cli", "bank"]).unwrap();
        let expected = document(&format!(
            "{HEAD}| 8 | `main.rs`, `cli/` | arguments | hashes |\n| 1 | `bank/` |  |  |\n\
             | 0 | `hash/` | the values | to compute |\n"
        ));
        assert_eq!(after, expected);
        assert_eq!(renewed(&after, &["hash", "cli", "bank"]), Ok(after.clone()));
        assert_eq!(count(&after), 1);
        assert_eq!(unsaid(&before), [""; 0]);
        assert_eq!(unsaid(&after).len(), 1, "nothing is said of `bank`");
    }

    #[test]
    fn a_table_by_floor_is_written_from_the_list() {
        let before = document("| floor | rooms |\n| --- | --- |\n| 7 | `hash` |\n");
        let after = renewed(&before, &["bank", "signal", "hash"]).unwrap();
        let expected =
            "| floor | rooms |\n| --- | --- |\n| 1 | `bank`, `signal` |\n| 0 | `hash` |\n";
        assert_eq!(after, document(expected));
    }

    #[test]
    fn a_table_without_marks_and_marks_without_a_table_are_refused() {
        for text in [
            "| floor | rooms |\n| --- | --- |\n",
            "<!-- floors:begin -->\n| floor | rooms |\n",
            "<!-- floors:begin -->\n<!-- floors:end -->",
            "<!-- floors:begin -->\n| room | floor |\n| --- | --- |\n<!-- floors:end -->",
        ] {
            assert!(renewed(text, &["hash"]).is_err(), "{text}");
        }
        assert_eq!(renewed("no table", &["hash"]), Ok("no table".to_owned()));
    }

    #[test]
    fn a_room_that_names_another_floor_is_caught() {
        assert!(wrong_floor("cli", "//! Floor 6: arguments.\n").is_some());
        assert!(wrong_floor("hash", "//! Floor 0: values.\n").is_none());
        assert!(wrong_floor("hash", "//! Values.\n").is_none());
    }
}
