//! The page of a scan: its counts are those of the summary, its names are text, no picture is in it.
#![cfg(all(feature = "full", unix))]

mod common;

use common::{Hashgate, picture};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// The tables of a page by their headings: header and rows, as the text of their cells.
fn tables(page: &str) -> BTreeMap<String, Vec<Vec<String>>> {
    let mut tables = BTreeMap::new();
    for section in page.split("<section>").skip(1) {
        let Some((heading, rest)) = section.split_once("</h2>") else {
            panic!("a section without a heading: {section}");
        };
        let Some((_, table)) = rest.split_once("<table>") else {
            continue;
        };
        let table = table.split("</table>").next().unwrap_or_default();
        let rows = table.split("<tr>").skip(1).map(|row| {
            let cells = row.split('<').filter_map(|tag| {
                let (name, text) = tag.split_once('>')?;
                (name.starts_with("td") || name.starts_with("th") && !name.starts_with("thead"))
                    .then(|| text.to_owned())
            });
            cells.collect::<Vec<String>>()
        });
        let heading = heading.trim_start_matches("<h2>").to_owned();
        tables.insert(heading, rows.collect());
    }
    tables
}

/// The large numbers of a page, by what stands above them.
fn figures(page: &str) -> BTreeMap<String, String> {
    let part = page.split("<div class=\"figures\">").nth(1);
    let part = part.and_then(|part| part.split("</div>\n</div>").next());
    let figures = part.unwrap_or_default().split("<div><p>").skip(1);
    figures
        .filter_map(|figure| {
            let (name, rest) = figure.split_once("</p><strong>")?;
            Some((name.to_owned(), rest.split_once('<')?.0.to_owned()))
        })
        .collect()
}

fn column<'a>(table: &'a [Vec<String>], name: &str) -> Vec<&'a str> {
    let at = table[0].iter().position(|head| head == name);
    let at = at.unwrap_or_else(|| panic!("no column {name}: {table:?}"));
    table[1..].iter().map(|row| row[at].as_str()).collect()
}

/// A gate that blocks one picture by its PDQ hash, and reviews another by its bytes.
fn gate_that_knows(pictures: &Path) -> Hashgate {
    let gate = Hashgate::new();
    picture(1, 320, 240)
        .save(pictures.join("known.png"))
        .unwrap();
    picture(2, 320, 240)
        .save(pictures.join("bytes.png"))
        .unwrap();
    gate.expect(0, &["bank", "create", "known", "--action", "block"]);
    gate.expect(0, &["bank", "create", "digests", "--action", "review"]);
    let hashes = |name: &str| {
        let path = pictures.join(name);
        let path = path.to_str().unwrap();
        let args = ["hash", "--format", "jsonl", "--signals", "pdq,md5", path];
        gate.expect(0, &args).json()[0]["signals"].clone()
    };
    let pdq = hashes("known.png")["pdq"].as_str().unwrap().to_owned();
    let md5 = hashes("bytes.png")["md5"].as_str().unwrap().to_owned();
    let import = |bank: &str, hash: &str| {
        let ran = gate.run_with(&["import", "--bank", bank, "-"], &format!("{hash}\n"));
        assert_eq!(ran.code, 0, "{ran:#?}");
    };
    import("known", &format!("pdq {pdq}"));
    import("digests", &format!("md5 {md5}"));
    gate.expect(0, &["publish"]);
    gate
}

#[test]
fn the_page_counts_what_the_summary_counts_and_shows_no_picture() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let gate = gate_that_knows(root);
    image::imageops::flip_horizontal(&picture(1, 320, 240))
        .save(root.join("mirrored.png"))
        .unwrap();
    picture(3, 320, 240).save(root.join("other.png")).unwrap();
    image::RgbImage::from_pixel(64, 64, image::Rgb([9, 9, 9]))
        .save(root.join("flat.png"))
        .unwrap();
    let hostile = "<img src=x onerror=alert(1)>\"'&\u{1b}[31m\u{202e}gnp.png";
    std::fs::write(root.join(hostile), b"\x89PNG\r\n\x1a\n broken").unwrap();
    std::fs::write(root.join("note.txt"), b"no picture").unwrap();

    let html = root.join("page.html");
    std::fs::write(&html, "open to all before").unwrap();
    std::fs::set_permissions(&html, std::fs::Permissions::from_mode(0o644)).unwrap();
    let pictures = [
        "known.png",
        "bytes.png",
        "mirrored.png",
        "other.png",
        "flat.png",
    ];
    let mut args = vec!["scan".to_owned(), "--format".into(), "jsonl".into()];
    args.extend(["--variants".to_owned(), "dihedral".into()]);
    args.extend([
        "--ordered".into(),
        "--html".into(),
        html.to_str().unwrap().into(),
    ]);
    let others = [hostile, "note.txt", "gone.png"];
    let files = pictures.iter().chain(&others);
    args.extend(files.map(|name| root.join(name).to_str().unwrap().to_owned()));
    let lines = gate.expect(1, &args).json();
    let summary = &lines.last().unwrap()["summary"];
    let page = std::fs::read_to_string(&html).unwrap();
    assert_eq!(
        std::fs::metadata(&html).unwrap().permissions().mode() & 0o777,
        0o600
    );

    // Counts.
    let tables = tables(&page);
    let outcomes = &tables["What became of the files"];
    let shown: BTreeMap<String, u64> = (column(outcomes, "outcome").into_iter())
        .zip(column(outcomes, "files"))
        .map(|(name, count)| (name.replace(' ', "_"), count.parse().unwrap()))
        .collect();
    let counted: BTreeMap<String, u64> =
        serde_json::from_value(summary["outcomes"].clone()).unwrap();
    assert_eq!(shown, counted);
    assert_eq!(shown["match"], 3, "{shown:?}");
    let figures = figures(&page);
    let unjudged: u64 = counted
        .iter()
        .filter(|(name, _)| !["match", "no_match"].contains(&name.as_str()))
        .map(|(_, count)| count)
        .sum();
    for (name, count) in [
        ("files", summary["files"].as_u64().unwrap()),
        ("matched", counted["match"]),
        ("passed", counted["no_match"]),
        ("could not be judged", unjudged),
    ] {
        assert_eq!(figures[name], count.to_string(), "{name}");
    }

    // Matches by bank and reason.
    let groups = &tables["Matches by bank and reason"];
    assert_eq!(column(groups, "bank"), ["digests", "known", "known"]);
    assert_eq!(
        column(groups, "why"),
        [
            "the same bytes (md5)",
            "within the threshold (pdq)",
            "within the threshold (pdq)"
        ]
    );
    assert_eq!(
        column(groups, "form of the file"),
        ["the whole file", "as it is stored", "mirrored"]
    );
    let sum: u64 = (column(groups, "files").iter())
        .map(|count| count.parse::<u64>().unwrap())
        .sum();
    let pairs: usize = lines
        .iter()
        .filter_map(|line| line["matches"].as_array())
        .map(|matches| {
            let banks = matches.iter().map(|one| one["bank"].as_str());
            banks.collect::<std::collections::BTreeSet<_>>().len()
        })
        .sum();
    assert_eq!(sum, pairs as u64);
    let known = &tables["known: 2 files"];
    assert_eq!(column(known, "to do"), ["block", "block"]);
    let paths = column(known, "file");
    assert!(paths[0].ends_with("/known.png") && paths[1].ends_with("/mirrored.png"));

    // What could not be judged.
    let problems = &tables["What could not be judged, and why"];
    assert_eq!(problems.len() - 1, unjudged as usize);
    assert_eq!(
        column(problems, "outcome"),
        ["low quality", "undecodable", "unsupported", "unreadable"]
    );
    assert!(column(problems, "why").iter().all(|why| !why.is_empty()));

    // Names are text; the page asks for nothing, and holds neither a picture nor a whole hash.
    assert!(
        page.contains(
            "&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;\\u{1b}[31m\u{fffd}gnp.png"
        )
    );
    for never in [
        "<img",
        "<script",
        "http://",
        "https://",
        "data:image",
        "url(",
        "\u{1b}",
        "\u{202e}",
    ] {
        assert!(!page.contains(never), "{never:?}");
    }
    for line in &lines {
        let hashes = line["signals"].as_object().into_iter().flatten();
        for (_, hash) in hashes {
            assert!(!page.contains(hash.as_str().unwrap()), "a whole hash");
        }
    }
    assert!(page.contains("pdq:"), "hashes by their beginnings");
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    assert!(!page.contains("The scan was stopped"));
}

#[test]
fn the_page_goes_along_with_every_format_and_changes_none() {
    let folder = tempfile::tempdir().unwrap();
    let gate = gate_that_knows(folder.path());
    let known = folder.path().join("known.png");
    let known = known.to_str().unwrap();
    let html = gate.home().join("page.html");
    let html = html.to_str().unwrap();
    for format in ["text", "jsonl", "csv"] {
        let plain = gate.expect(1, &["scan", "--format", format, known]).out;
        let with = gate.expect(1, &["scan", "--format", format, "--html", html, known]);
        let without_times = |text: &str| -> Vec<String> {
            let lines = text
                .lines()
                .filter(|line| !line.contains("MB in") && !line.contains("summary"));
            lines.map(str::to_owned).collect()
        };
        assert_eq!(without_times(&with.out), without_times(&plain), "{format}");
        let page = std::fs::read_to_string(html).unwrap();
        assert!(page.ends_with("</html>\n"), "{format}");
    }
    let same = gate.run(&["scan", "--html", html, "--output", html, known]);
    assert_eq!(same.code, 2);
    assert!(same.err.contains("name the same file"), "{}", same.err);
    let nowhere = gate.run(&["scan", "--html", "/nowhere/page.html", known]);
    assert_eq!(nowhere.code, 2);
    assert!(
        nowhere.err.contains("/nowhere/page.html"),
        "{}",
        nowhere.err
    );
}

#[test]
fn a_scan_that_is_stopped_leaves_a_whole_page_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let gate = gate_that_knows(folder.path());
    let html = gate.home().join("page.html");
    let mut child = gate
        .command()
        .args(["scan", "--format", "jsonl", "--jobs", "2", "--html"])
        .arg(&html)
        .args([folder.path(); 5_000])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = vec![lines.next().unwrap().unwrap()];
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(sent.success());
    seen.extend(lines.map(Result::unwrap));
    child.wait().unwrap();
    let last: serde_json::Value = serde_json::from_str(&seen.pop().unwrap()).unwrap();
    assert_eq!(last["summary"]["interrupted"], true);
    let page = std::fs::read_to_string(&html).unwrap();
    assert!(page.contains("The scan was stopped: there were more files to see."));
    assert!(page.ends_with("</main>\n</body>\n</html>\n"));
    let tables = tables(&page);
    let outcomes = &tables["What became of the files"];
    let sum: usize = (column(outcomes, "files").iter())
        .map(|count| count.replace(',', "").parse::<usize>().unwrap())
        .sum();
    assert_eq!(sum, seen.len());
}

#[test]
fn lint_writes_its_page_beside_its_text_and_the_old_way_still_works() {
    let folder = tempfile::tempdir().unwrap();
    let gate = gate_that_knows(folder.path());
    let html = gate.home().join("lint.html");
    let html = html.to_str().unwrap();
    let text = gate.expect(0, &["hashset", "lint"]).out;
    let with = gate.expect(0, &["hashset", "lint", "--html", html]).out;
    assert_eq!(with, text);
    let page = std::fs::read_to_string(html).unwrap();
    let old = gate.expect(0, &["hashset", "lint", "--format", "html"]).out;
    assert_eq!(page, old);
    assert!(page.contains("2 entries that match were looked at"));
    let help = gate.expect(0, &["hashset", "lint", "--help"]).out;
    assert!(
        help.contains("--html <FILE>") && !help.contains("html:"),
        "{help}"
    );
}
