//! Lists with good and bad rows, and what is made of them.

use super::*;
use crate::hashset::{ListRecord, text};
use std::ops::ControlFlow;

const PDQ: &str = "0f1e2d3c4b5a69780f1e2d3c4b5a69780f1e2d3c4b5a69780f1e2d3c4b5a6978";
const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";

fn rows(list: &str) -> (Vec<ListRecord>, Vec<BadLine>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    let tally = read(
        text::reader(list.as_bytes()),
        &ColumnMap::default(),
        &mut |row| {
            match row {
                Ok(record) => good.push(record),
                Err(line) => bad.push(line),
            }
            ControlFlow::Continue(())
        },
    )
    .unwrap();
    let lines = list.replace("\r\n", "\n").replace('\r', "\n");
    assert_eq!(tally.lines, lines.lines().count() as u64, "{list}");
    assert_eq!(
        tally.lines,
        tally.used + tally.bad + tally.skipped,
        "{list}"
    );
    (good, bad)
}

fn header_error(list: &str) -> String {
    read(list.as_bytes(), &ColumnMap::default(), &mut |_| {
        ControlFlow::Continue(())
    })
    .unwrap_err()
    .to_string()
}

#[test]
fn a_threatexchange_dataset_is_read() {
    let (good, bad) = rows(&format!(
        "signal_type,signal_str,collab,category,tags\r\n\
         pdq,{PDQ},\"Sample, one\",POSITIVE_CLASS,a b\r\n\
         video_md5,{MD5},two,WORTH_INVESTIGATING,\r\n\
         trend_query,{{}},two,POSITIVE_CLASS,\r\n"
    ));
    assert_eq!(good.len(), 2);
    assert_eq!(good[0].line, 2);
    assert_eq!(good[0].signals[0].signal.to_string(), format!("pdq:{PDQ}"));
    assert_eq!(good[0].labels, ["POSITIVE_CLASS", "a", "b"]);
    assert_eq!(good[0].metadata.as_deref(), Some("collab=Sample, one"));
    assert_eq!(good[1].signals[0].signal.to_string(), format!("md5:{MD5}"));
    assert_eq!(bad.len(), 1);
    assert_eq!(bad[0].line, 4);
    assert!(bad[0].reason.contains("trend_query"), "{}", bad[0].reason);
}

#[test]
fn several_hashes_of_a_row_are_one_item() {
    let (good, bad) = rows(&format!(
        "ID;PDQ;MD5;sha-1;Quality;labels;seen\n\
         r1;{PDQ};{MD5};;93;x|y;2020\n\
         r2;;{MD5};;12;;\n\
         r3;;;;;x;\n\
         r4;{PDQ};{MD5};;101;;\n\
         r5;{PDQ};oops;;;;\n"
    ));
    assert_eq!(good.len(), 2);
    let [pdq, md5] = good[0].signals[..] else {
        panic!("{:?}", good[0].signals)
    };
    assert_eq!(pdq.quality.map(|q| q.get()), Some(93));
    assert_eq!(md5.quality, None);
    assert_eq!(good[0].record_id.as_deref(), Some("r1"));
    assert_eq!(good[0].labels, ["x", "y"]);
    assert_eq!(good[0].metadata.as_deref(), Some("seen=2020"));
    assert_eq!(good[1].metadata.as_deref(), Some("quality=12"));
    let reasons: Vec<&str> = bad.iter().map(|line| line.reason.as_str()).collect();
    assert!(reasons[0].contains("no hash"), "{reasons:?}");
    assert!(reasons[1].contains("from 0 to 100"), "{reasons:?}");
    assert!(reasons[2].contains("expected 32"), "{reasons:?}");
    assert_eq!(
        bad.iter().map(|line| line.line).collect::<Vec<_>>(),
        [4, 5, 6]
    );
}

#[test]
fn the_tools_output_with_a_header_is_read() {
    let (good, bad) = rows(&format!(
        "hash,quality,filename\n{PDQ},100,b.jpg\n{MD5},,c.mp4\n"
    ));
    assert_eq!((good.len(), bad.len()), (2, 0));
    assert_eq!(good[0].signals[0].quality.map(|q| q.get()), Some(100));
    assert_eq!(good[0].metadata.as_deref(), Some("filename=b.jpg"));
    assert_eq!(good[1].signals[0].signal.to_string(), format!("md5:{MD5}"));
}

#[test]
fn rows_of_several_lines_keep_their_first_line_number() {
    let (good, bad) = rows(&format!(
        "md5,note\n{MD5},\"a\n\n# b\"\"c\"\n{MD5},d\n{MD5},too,many\n{MD5}\n"
    ));
    let lines: Vec<u64> = good.iter().map(|record| record.line).collect();
    assert_eq!(lines, [2, 5]);
    assert_eq!(good[0].metadata.as_deref(), Some("note=a\n\n# b\"c"));
    let lines: Vec<(u64, &str)> = bad
        .iter()
        .map(|line| (line.line, line.reason.as_str()))
        .collect();
    assert_eq!(
        lines,
        [
            (6, "expected 2 fields as in the header, got 3"),
            (7, "expected 2 fields as in the header, got 1"),
        ]
    );
}

#[test]
fn below_the_header_a_row_may_begin_with_a_hash_sign() {
    let (good, bad) = rows(&format!(
        "# a comment\nlabel,md5\n#1,{MD5}\n\n  #2 , {MD5}\n# no row\n#x,y\n"
    ));
    assert_eq!(good.len(), 2);
    assert_eq!((good[0].labels[0].as_str(), good[0].line), ("#1", 3));
    assert_eq!(good[1].labels, ["#2"]);
    let lines: Vec<u64> = bad.iter().map(|line| line.line).collect();
    assert_eq!(lines, [6, 7], "what is no row is said, not passed over");
}

#[test]
fn an_open_quotation_mark_costs_one_line_only() {
    let mut list = format!("md5,note\n{MD5},\"open\n");
    for _ in 0..5_000 {
        list.push_str(&format!("{MD5},x\n"));
    }
    list.push_str(&format!("{MD5},\"open at the end\n{MD5},y\n"));
    let (good, bad) = rows(&list);
    assert_eq!(good.len(), 5_001);
    let lines: Vec<u64> = bad.iter().map(|line| line.line).collect();
    assert_eq!(lines, [2, 5_003]);
    assert!(bad[0].reason.contains("not closed"), "{}", bad[0].reason);

    // One that a later one closes by chance.
    let (good, bad) = rows(&format!("md5,note\n{MD5},\"open\n{MD5},x\n{MD5},\"y\"\n"));
    assert_eq!((good.len(), bad.len()), (2, 1));
    assert_eq!(bad[0].line, 2);
}

#[test]
fn headers_that_cannot_be_used_say_why() {
    for (list, words) in [
        ("", "ends before it"),
        ("# only\n\n", "ends before it"),
        (
            "name,other\n",
            "no column holds a hash among \"name\", \"other\"",
        ),
        ("signal_type,other\n", "no column holds a hash"),
        ("hash,value\n", "several columns hold the hash"),
        ("md5,\"a\n", "not closed"),
    ] {
        let message = header_error(list);
        assert!(message.contains(words), "{list:?}: {message}");
        assert!(
            message.contains("signal_str"),
            "names the repair: {message}"
        );
    }
    assert!(header_error(&",".repeat(2_000)).contains("more than 1024"));
}

#[test]
fn an_old_code_page_costs_no_hash() {
    let list = [
        &b"MD5;Gr\xf6\xdfe;Note\n"[..],
        MD5.as_bytes(),
        b";12;M\xfcll \x80\n",
    ]
    .concat();
    let mut found = Vec::new();
    read(list.as_slice(), &ColumnMap::default(), &mut |row| {
        found.push(row.unwrap());
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(found[0].signals[0].signal.to_string(), format!("md5:{MD5}"));
    assert_eq!(found[0].metadata.as_deref(), Some("Größe=12; Note=Müll €"));
}

#[test]
fn a_sink_can_break_off() {
    let list = format!("md5\n{MD5}\n{MD5}\n");
    let mut seen = 0;
    read(list.as_bytes(), &ColumnMap::default(), &mut |_| {
        seen += 1;
        ControlFlow::Break(())
    })
    .unwrap();
    assert_eq!(seen, 1);
}

#[test]
fn a_mark_within_the_list_is_text() {
    let (good, bad) = rows(&format!(
        "\u{feff}md5,note\n{MD5},\"open\n\u{feff}{MD5},x\n{MD5},\u{feff}y\n"
    ));
    assert_eq!((good.len(), bad.len()), (1, 2));
    assert_eq!(bad[1].line, 3);
    assert_eq!(good[0].metadata.as_deref(), Some("note=\u{feff}y"));
}

/// What a list of one digest a row gives: the MD5 digests, and the lines of bad rows.
fn digests(list: &str) -> (Vec<String>, Vec<u64>) {
    let (good, bad) = rows(list);
    let signals = good.iter().flat_map(|record| &record.signals);
    (
        signals.map(|entry| entry.signal.to_string()).collect(),
        bad.iter().map(|line| line.line).collect(),
    )
}

const SHA1: &str = "da39a3ee5e6b4b0d3255bfef95601890afd80709";

#[test]
fn tables_are_read_as_programs_save_them() {
    let want = vec![format!("md5:{MD5}"), format!("sha1:{SHA1}")];
    for list in [
        // Old Mac, quoted, and with an end of another kind within a field.
        format!("MD5;SHA1;Note\r{MD5};{SHA1};x\r"),
        format!("\"MD5\";\"SHA1\";\"Note\"\r\"{MD5}\";\"{SHA1}\";\"a\rb;c\"\r"),
        format!("MD5,SHA1,Note\r{MD5},{SHA1},\"a\nb\"\r"),
        // Line ends of several kinds.
        format!("MD5;SHA1\r\n\r{MD5};{SHA1}\n"),
        // Excel's line.
        format!("sep=;\r\nMD5;SHA1;Note\r\n{MD5};{SHA1};1\r\n"),
        format!("\u{feff}sep=;\nMD5;SHA1\n{MD5};{SHA1}\n"),
        format!("SEP=\t\r\nMD5\tSHA1\r\n{MD5}\t{SHA1}\r\n"),
        format!("\"sep=;\"\nMD5;SHA1\n{MD5};{SHA1}\n"),
        format!("sep=,,,\nMD5,SHA1,\n{MD5},{SHA1},\n"),
        format!("sep=|\nMD5|SHA1\n{MD5}|{SHA1}\n"),
        format!("sep=^\nMD5^SHA1\n{MD5}^{SHA1}\n"),
        // It says one and has another.
        format!("sep=,\nMD5;SHA1\n{MD5};{SHA1}\n"),
        // Separators that the header has fewer of than of another mark.
        format!("MD5;SHA1;\"a, b, c, d\"\n{MD5};{SHA1};\n"),
        format!("MD5|SHA1\n{MD5}|{SHA1}\n"),
        // Ends of rows.
        format!("MD5;SHA1\n{MD5};{SHA1};\n"),
        format!("MD5;SHA1\n{MD5};{SHA1};;;\"\"; \n"),
        format!("MD5;SHA1;\n{MD5};{SHA1}\n"),
        format!("MD5;SHA1;;;\n{MD5};{SHA1};\n"),
        // Marks and prefixes around values.
        format!("\"MD5\", \"SHA1\"\n\"{MD5}\", \"{SHA1}\"\n"),
        format!("MD5;SHA1\n=\"{MD5}\";\"=\"\"{SHA1}\"\"\"\n"),
        format!("MD5,SHA1\n0x{},0X{SHA1}\n", MD5.to_uppercase()),
        // Names.
        format!("md5 hash\tHash (SHA-1)\n{MD5}\t{SHA1}\n"),
        format!("md5sum,Sha1,SHA-256\n{MD5},{SHA1},N/A\n"),
        format!("Md5,SHA-1,PDQ,Type\n{MD5},{SHA1},-,image/jpeg\n"),
        format!("MD5,SHA1,MD5\n{MD5},{SHA1},{MD5}\n"),
    ] {
        assert_eq!(digests(&list), (want.clone(), vec![]), "{list:?}");
    }
}

#[test]
fn fields_that_are_too_many_or_malformed_are_named() {
    let (good, bad) = rows(&format!(
        "MD5;SHA1\r\n{MD5};{SHA1};\r\n{MD5}0;{SHA1};\r\n{MD5};{SHA1};x;\r\n{MD5}\r\n{MD5};;\r\n"
    ));
    assert_eq!(good.len(), 2);
    let said: Vec<(u64, &str)> = bad
        .iter()
        .map(|line| (line.line, line.reason.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            (
                3,
                "not a md5 hash: expected 32 hexadecimal characters, got 33"
            ),
            (4, "expected 2 fields as in the header, got 4"),
            (5, "expected 2 fields as in the header, got 1"),
        ]
    );
}

#[test]
fn a_row_that_names_its_algorithm_is_read_as_that_or_not_at_all() {
    let sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    for header in [
        "type",
        "Type",
        "algorithm",
        "ALGO",
        "hash type",
        "hash_type",
        "HashType",
        "kind",
        "signal type",
        "Hash Algorithm",
    ] {
        for value in ["hash", "Hash Value", "digest"] {
            for (name, text, want) in [
                ("SHA-256", sha256, "sha256"),
                ("sha256", sha256, "sha256"),
                ("SHA2-256", sha256, "sha256"),
                ("MD5", MD5, "md5"),
                ("SHA-1", SHA1, "sha1"),
                ("PDQ", PDQ, "pdq"),
            ] {
                let list = format!("{header};{value};x\n{name};{text};\n");
                assert_eq!(
                    digests(&list),
                    (vec![format!("{want}:{text}")], vec![]),
                    "{list}"
                );
            }
            for (name, text) in [
                ("SHA-512", PDQ),
                ("CRC32", MD5),
                ("tlsh", PDQ),
                ("what", MD5),
                ("SHA-1", MD5),
                ("SHA-256", MD5),
                ("MD5", PDQ),
                ("PDQ", SHA1),
            ] {
                let (good, bad) = rows(&format!("{header},{value}\n{name},{text}\n"));
                assert_eq!((good.len(), bad.len()), (0, 1), "{header} {name}");
                let reason = bad[0].reason.to_lowercase();
                let plain = name.to_lowercase();
                let seen = reason.contains(&plain) || reason.contains(&plain.replace('-', ""));
                assert!(seen, "{name}: {reason}");
            }
            let (good, _) = rows(&format!("{header},{value}\nPhotoDNA,{PDQ}\n"));
            assert_eq!(good[0].signals, []);
            assert_eq!(good[0].opaque[0].kind, "photodna");
        }
    }
}

#[test]
fn a_type_that_is_no_algorithm_is_a_note_where_it_may_be() {
    let (good, bad) = rows(&format!("type,hash\nimage,{MD5}\n,{MD5}\nseries 7,{MD5}\n"));
    assert_eq!((good.len(), bad.len()), (2, 1));
    assert_eq!(good[0].metadata.as_deref(), Some("type=image"));
    assert!(bad[0].reason.contains("series 7"), "{}", bad[0]);
    // Columns of digests say themselves what they hold.
    let (good, bad) = rows(&format!(
        "md5,type\n{MD5},series 7\n{MD5},md5\n{MD5},SHA-1\n"
    ));
    assert_eq!((good.len(), bad.len()), (2, 1));
    assert_eq!(good[0].metadata.as_deref(), Some("type=series 7"));
    assert!(bad[0].reason.contains("SHA-1"), "{}", bad[0]);
    let (good, _) = rows(&format!("type,hash_type,hash\nvideo,md5,{MD5}\n"));
    assert_eq!(good[0].metadata.as_deref(), Some("type=video"));
    // What only may hold hashes does not, where others do.
    let (good, _) = rows(&format!("md5,checksum\n{MD5},00ff\n"));
    assert_eq!(good[0].metadata.as_deref(), Some("checksum=00ff"));
}

#[test]
fn a_first_line_with_a_hash_is_no_header() {
    assert!(!begins(format!("md5,{MD5}\n").as_bytes()));
    assert!(begins(b"# x\n\nsep=\t\nmd5\tx\n"));
    assert!(!begins(b"sep=;\nname\n"));
    assert!(header_error(&format!("md5,{MD5}\n")).contains("it holds the hash"));
}
