//! The servers that stand for the exchanges in tests, held by plain requests to what the exchanges do.

mod exchange_support;

use exchange_support::client::{Reply, ask, basic, between};
use exchange_support::http::in_query;
use exchange_support::ncmec::{self, Entry};
use exchange_support::stop_ncii::{self, Hash};
use exchange_support::threatexchange::{self, Descriptor, Indicator};
use exchange_support::{Fault, Hashes, Plan, Random, Record, calendar, json, tat};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// An answer of NCMEC's with the right credentials.
fn ncmec_get(fake: &ncmec::Fake, path: &str) -> Reply {
    let key = basic(ncmec::USER, ncmec::PASSWORD);
    let target = format!("{}{path}", ncmec::PREFIX);
    ask(&fake.server, "GET", &target, &[("Authorization", &key)], "")
}

/// All pages of a query, by following `next` as it is.
fn ncmec_pages(fake: &ncmec::Fake, from: &str, to: &str) -> Vec<String> {
    let mut path = format!("/v2/entries?from={from}&to={to}");
    let mut pages = Vec::new();
    loop {
        let reply = ncmec_get(fake, &path);
        assert_eq!(reply.status, 200, "{}", reply.text());
        pages.push(reply.text());
        let next = between(pages.last().expect("one"), "<next>", "</next>");
        match next.first() {
            Some(next) => path = next.replace("&amp;", "&"),
            None => return pages,
        }
    }
}

const EVER: (&str, &str) = ("2017-10-20T00:00:00Z", "2024-10-20T00:00:00Z");

/// What an independent reader makes of pages: the hashes of each member's id. Later pages overrule earlier ones.
fn ncmec_read(pages: &[String]) -> BTreeMap<String, Vec<(String, String)>> {
    let mut all = BTreeMap::new();
    for line in pages.iter().flat_map(|page| page.lines()) {
        let member = between(line, "<member id=\"", "\"");
        let id = between(line, "<id>", "</id>");
        let (Some(member), Some(id)) = (member.first(), id.first()) else {
            continue;
        };
        let key = format!("{member}/{id}");
        if line.starts_with("<deleted") {
            all.remove(&key);
            continue;
        }
        let prints = between(line, "<fingerprints>", "</fingerprints>");
        let kinds = ["md5", "sha1", "pdq", "pdna"];
        let of = |kind: &str| {
            let found = between(prints[0], &format!("<{kind}>"), &format!("</{kind}>"));
            found
                .first()
                .map(|value| (kind.to_owned(), (*value).to_owned()))
        };
        all.insert(key, kinds.into_iter().filter_map(of).collect());
    }
    all
}

#[test]
fn ncmec_gives_every_entry_once_and_in_no_order_of_time() {
    let fake = ncmec::Fake::start(2);
    fake.state().model.steps(&mut Random::new(1), 120);
    let pages = ncmec_pages(&fake, EVER.0, EVER.1);
    let state = fake.state();
    assert_eq!(pages.len(), state.model.len().div_ceil(2));
    let live: Hashes = ncmec_read(&pages).into_values().flatten().collect();
    assert_eq!(live, state.model.live());
    let times: Vec<&str> = pages
        .iter()
        .flat_map(|page| between(page, "<timestamp>2", "<"))
        .collect();
    assert!(!times.is_sorted());
    let all = pages.concat();
    for wanted in [
        "<images count=\"0\"/>",
        "<deletedImage>",
        "<deletedVideo>",
        "href=",
        "<feedback ",
        "<affirmativeFeedback type=",
        "<negativeFeedback type=",
        "<reason guid=",
        "&amp; others",
    ] {
        assert!(all.contains(wanted), "no {wanted}");
    }
    assert!(
        pages.iter().any(|page| !page.contains("<videos")),
        "a block is missing"
    );
    let empty = |page: &&String| page.contains("count=\"0\"");
    assert!(
        pages
            .iter()
            .filter(empty)
            .all(|page| !page.contains("count=\"0\" max"))
    );
    let shared =
        |key: &str, rest: &BTreeSet<&str>| rest.contains(key.split_once('/').expect("a key").1);
    let read = ncmec_read(&pages);
    let mut ids = BTreeSet::new();
    let twice = read.keys().filter(|key| {
        let is_known = shared(key, &ids);
        ids.insert(key.split_once('/').expect("a key").1);
        is_known
    });
    assert!(twice.count() > 0, "no id is two members'");
}

#[test]
fn ncmec_includes_the_end_of_a_range_and_not_its_beginning() {
    let fake = ncmec::Fake::start(3);
    let at = calendar::read_iso("2023-12-01T12:00:00Z").expect("a date");
    {
        let mut state = fake.state();
        for second in 0..3 {
            state.model.set_now(at + second);
            for number in 0..5 {
                let id = format!("{second}-{number}");
                state
                    .model
                    .put(Entry::image(40, &id, &[("md5", &"0".repeat(32))]));
            }
        }
    }
    let pages = ncmec_pages(&fake, "2023-12-01T12:00:00Z", "2023-12-01T12:00:01Z");
    assert_eq!(pages.len(), 2, "more than a page of one second");
    let ids: Vec<String> = ncmec_read(&pages).into_keys().collect();
    assert_eq!(ids, ["40/1-0", "40/1-1", "40/1-2", "40/1-3", "40/1-4"]);
    // What changes after a range was asked for is of a later one.
    let latest = "2026-01-01T00:00:00Z";
    ncmec_pages(&fake, "2023-12-01T12:00:00Z", latest);
    let mut state = fake.state();
    state.model.steps(&mut Random::new(7), 50);
    let asked = calendar::read_iso(latest).expect("a date");
    assert_eq!(state.model.latest(), asked + 1);
}

#[test]
fn ncmec_binds_a_page_to_its_query_and_lets_it_expire() {
    let fake = ncmec::Fake::start(2);
    fake.state().model.fill(&mut Random::new(2), 7);
    let first = ncmec_get(&fake, &format!("/v2/entries?from={}&to={}", EVER.0, EVER.1)).text();
    let next = between(&first, "<next>", "</next>")[0].replace("&amp;", "&");
    assert!(next.starts_with("/v2/entries?from=2017"), "{next}");
    assert!(next.contains("&start=3&size=2&max=7"), "{next}");
    assert_eq!(ncmec_get(&fake, &next).status, 200);
    let other = next.replace("2024", "2025");
    assert_ne!(other, next);
    assert_eq!(ncmec_get(&fake, &other).status, 400);
    // An entry that changes meanwhile is left out of its page.
    let (left, there) = (ncmec_get(&fake, &next).text(), |page: &str| {
        between(page, "<timestamp>", "<").len()
    });
    let id = between(&left, "<id>", "<")[0].to_owned();
    let key = {
        let mut state = fake.state();
        let key = state
            .model
            .all()
            .map(|kept| kept.record.key())
            .find(|key| key.1 == id);
        let key = key.expect("it is there");
        assert!(state.model.withdraw(&key));
        key
    };
    assert_eq!(there(&ncmec_get(&fake, &next).text()), there(&left) - 1);
    let later = ncmec_pages(&fake, EVER.1, "2024-10-21T00:00:00Z").concat();
    assert!(
        later.contains(&format!("<id>{}</id>", key.1)) && later.contains("<deleted"),
        "{later}"
    );
    // Or those behind it move up.
    fake.state().moves = true;
    let page = ncmec_get(&fake, &next).text();
    assert!(
        there(&page) == there(&left) && page.contains("&amp;max=6&"),
        "{page}"
    );
    fake.state().expire_paging();
    assert_eq!(ncmec_get(&fake, &next).status, 400);
    for wrong in [
        "2023-13-01T00:00:00Z",
        "2023-12-01",
        "2023-12-01T00:00:00+01:00",
        "7",
    ] {
        let wrong = format!("/v2/entries?from={}", in_query(wrong));
        assert_eq!(ncmec_get(&fake, &wrong).status, 400, "{wrong}");
    }
}

#[test]
fn ncmec_knows_who_asks_and_takes_opinions() {
    let fake = ncmec::Fake::start(4);
    fake.state()
        .model
        .put(Entry::image(43, "e-1", &[("md5", &"a".repeat(32))]));
    for (user, password) in [("x", ncmec::PASSWORD), (ncmec::USER, "x")] {
        let key = basic(user, password);
        let target = format!("{}/v2/status", ncmec::PREFIX);
        let reply = ask(&fake.server, "GET", &target, &[("Authorization", &key)], "");
        assert_eq!(reply.status, 401);
    }
    assert!(
        ncmec_get(&fake, "/v2/status")
            .text()
            .contains("<member id=\"42\">")
    );
    assert_eq!(
        between(&ncmec_get(&fake, "/v2/members").text(), "<member id", ">").len(),
        5
    );
    let reasons = ncmec_get(&fake, "/v2/feedback/MD5/reasons").text();
    let guid = between(&reasons, "guid=\"", "\"")[0].to_owned();
    assert_eq!(ncmec::reasons("MD5")[0].0, guid);
    let key = basic(ncmec::USER, ncmec::PASSWORD);
    let put = |place: &str, inner: &str| {
        let target = format!("{}/v2/entries/{place}/feedback", ncmec::PREFIX);
        let kind = ("Content-Type", "application/xml; charset=utf-8");
        let space = "https://hashsharing.ncmec.org/hashsharing/v2";
        let body = format!("<feedbackSubmission xmlns=\"{space}\">{inner}</feedbackSubmission>");
        ask(
            &fake.server,
            "PUT",
            &target,
            &[("Authorization", &key), kind],
            &body,
        )
        .status
    };
    let negative =
        |guid: &str| format!("<negative><reasonIds><guid>{guid}</guid></reasonIds></negative>");
    assert_eq!(put("43/e-1/MD5", "<affirmative/>"), 200);
    assert_eq!(put("43/e-1/MD5", &negative(&guid)), 200);
    assert_eq!(put("43/e-1/MD5", &negative("other")), 400);
    assert_eq!(put("43/e-1/MD5", "<negative/>"), 400);
    assert_eq!(put("43/e-1/PDQ", "<affirmative/>"), 400);
    assert_eq!(put("44/e-1/MD5", "<affirmative/>"), 404);
    // The answer is lost, and what was sent is taken; the next one is not taken.
    fake.server
        .plan(Plan::once(Fault::Status(503, None)).method("PUT").after());
    fake.server
        .plan(Plan::once(Fault::Status(503, None)).method("PUT"));
    assert_eq!(put("43/e-1/MD5", "<affirmative/>"), 503);
    assert_eq!(put("43/e-1/MD5", &negative(&guid)), 503);
    let said: Vec<bool> = fake
        .state()
        .feedback
        .iter()
        .map(|one| one.reasons.is_none())
        .collect();
    assert_eq!(said, [true, false, true]);
    let votes = fake
        .state()
        .model
        .get(&(43, "e-1".to_owned()))
        .expect("there")
        .record
        .votes
        .clone();
    assert_eq!(votes.len(), 1, "the last one stands: {votes:?}");
    assert!(votes[0].reason.is_none(), "{votes:?}");
}

fn stop_ncii_get(fake: &stop_ncii::Fake, query: &str) -> Reply {
    let keys = [
        ("x-functions-key", stop_ncii::FETCH_KEY),
        ("Ocp-Apim-Subscription-Key", stop_ncii::SUBSCRIPTION),
    ];
    let target = format!("{}/FetchHashes?{query}", stop_ncii::PREFIX);
    ask(&fake.server, "GET", &target, &keys, "")
}

#[test]
fn stop_ncii_gives_all_records_and_a_lower_time_at_its_end() {
    let fake = stop_ncii::Fake::start(5);
    fake.state().model.steps(&mut Random::new(3), 150);
    let (mut query, mut live, mut times) = (
        "startTimestamp=10&pageSize=800".to_owned(),
        Hashes::new(),
        Vec::new(),
    );
    let mut words = BTreeSet::new();
    loop {
        let reply = stop_ncii_get(&fake, &query);
        let page = reply.json();
        times.push(page["nextSetTimestamp"].as_u64().expect("a time"));
        let records = stop_ncii::records(&reply.body);
        assert_eq!(page["count"], records.len());
        for record in records {
            let (Some(kind), Some(status)) =
                (record["signalType"].as_str(), record["hashStatus"].as_str())
            else {
                continue;
            };
            words.extend([kind.to_owned(), status.to_owned()]);
            words.insert(format!(
                "cases as array {}",
                record["caseNumbers"].is_array()
            ));
            for said in record["CSPFeedbacks"].as_array().into_iter().flatten() {
                words.insert(said["feedbackValue"].as_str().expect("a word").to_owned());
            }
            let value = record["hashValue"]
                .as_str()
                .expect("a value")
                .to_lowercase();
            if !matches!(status, "Withdrawn" | "Deleted") && kind == "ImagePDQ" {
                live.insert(("pdq".to_owned(), value));
            } else if !matches!(status, "Withdrawn" | "Deleted") && kind == "VideoMD5" {
                live.insert(("md5".to_owned(), value));
            }
        }
        let token = in_query(
            page["nextPageToken"]
                .as_str()
                .expect("a token, on the last page too"),
        );
        if page["hasMoreRecords"] == false {
            break;
        }
        query = format!("startTimestamp=10&pageSize=800&nextPageToken={token}");
    }
    let state = fake.state();
    assert_eq!(times.len(), state.model.len().div_ceil(5));
    assert_eq!(live, state.model.searched());
    assert_eq!(times.last(), Some(&state.model.latest()));
    assert!(times[0] > state.model.latest());
    for wanted in [
        "Withdrawn",
        "Deleted",
        "Escalated",
        "Undefined",
        "ImageOfTomorrow",
        "Received",
        "cases as array true",
        "cases as array false",
        "Blocked",
    ] {
        assert!(words.contains(wanted), "no {wanted}: {words:?}");
    }
}

#[test]
fn stop_ncii_binds_tokens_and_takes_opinions() {
    let fake = stop_ncii::Fake::start(2);
    let value = Random::new(4).pdq();
    fake.state().model.fill(&mut Random::new(4), 6);
    fake.state()
        .model
        .put(Hash::new("ImagePDQ", &value, "Active"));
    let page = stop_ncii_get(&fake, "startTimestamp=10&pageSize=2").json();
    let token = in_query(page["nextPageToken"].as_str().expect("a token"));
    assert_eq!(
        stop_ncii_get(
            &fake,
            &format!("startTimestamp=10&pageSize=2&nextPageToken={token}")
        )
        .status,
        200
    );
    assert_eq!(
        stop_ncii_get(
            &fake,
            &format!("startTimestamp=11&pageSize=2&nextPageToken={token}")
        )
        .status,
        400
    );
    assert_eq!(
        stop_ncii_get(&fake, "startTimestamp=0&pageSize=2").status,
        400
    );
    fake.state().expire_tokens();
    assert_eq!(
        stop_ncii_get(
            &fake,
            &format!("startTimestamp=10&pageSize=2&nextPageToken={token}")
        )
        .status,
        400
    );
    let post = |key: &str, body: &str| {
        let keys = [
            ("x-functions-key", key),
            ("Ocp-Apim-Subscription-Key", stop_ncii::SUBSCRIPTION),
        ];
        let target = format!("{}/SubmitFeedback", stop_ncii::PREFIX);
        ask(&fake.server, "POST", &target, &keys, body).status
    };
    let body = |said: &str, count: u32| {
        format!(
            r#"{{"count":{count},"hashFeedbacks":[{{"hashValue":"{value}","feedbackValue":"{said}","tags":["Nude"]}}]}}"#
        )
    };
    assert_eq!(
        post(stop_ncii::FETCH_KEY, &body("Blocked", 1)),
        401,
        "each function has a key of its own"
    );
    assert_eq!(post(stop_ncii::FEEDBACK_KEY, &body("Blocked", 2)), 400);
    assert_eq!(post(stop_ncii::FEEDBACK_KEY, &body("Fine", 1)), 400);
    assert_eq!(post(stop_ncii::FEEDBACK_KEY, &body("Blocked", 1)), 200);
    let taken = fake.state().feedback.clone();
    assert_eq!((taken.len(), taken[0].said.as_str()), (1, "Blocked"));
    let at = fake.state().model.latest();
    let again = stop_ncii_get(&fake, &format!("startTimestamp={at}&pageSize=100")).text();
    assert!(again.contains("nextPageToken") && again.contains("hashRecords"));
}

fn graph(fake: &threatexchange::Fake, method: &str, path: &str, body: &str) -> Reply {
    let target = match path.strip_prefix("http://") {
        Some(next) => format!("/{}", next.split_once('/').expect("a path").1),
        None => format!("{}{path}", threatexchange::PREFIX),
    };
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    ask(&fake.server, method, &target, &[kind], body)
}

const FIELDS: &str = "id,indicator,type,last_updated,should_delete,descriptors{reactions,my_reactions,owner{id},tags,status,added_on}";

#[test]
fn threatexchange_gives_all_updates_in_time_with_the_token_in_next() {
    let fake = threatexchange::Fake::start(6);
    fake.state().model.steps(&mut Random::new(5), 300);
    let token = in_query(threatexchange::TOKEN);
    let group = threatexchange::GROUP;
    let mut place = format!(
        "/{group}/threat_updates/?access_token={token}&start_time=10&limit=100&fields={}",
        in_query(FIELDS)
    );
    let (mut all, mut empty, mut live) = (Vec::new(), 0, Hashes::new());
    loop {
        let page = graph(&fake, "GET", &place, "").json();
        let data = page["data"].as_array().expect("updates").clone();
        empty += usize::from(data.is_empty() && page["paging"]["next"].is_string());
        all.extend(data);
        match page["paging"]["next"].as_str() {
            Some(next) => {
                assert!(
                    next.starts_with(&fake.base()) && next.contains(&token),
                    "{next}"
                );
                next.clone_into(&mut place);
            }
            None => break,
        }
    }
    let state = fake.state();
    assert_eq!(all.len(), state.model.len());
    assert!(empty > 0);
    let times: Vec<u64> = all
        .iter()
        .filter_map(|one| one["last_updated"].as_u64())
        .collect();
    assert!(times.is_sorted());
    let mut shapes = BTreeSet::new();
    for one in &all {
        let (Some(kind), Some(value)) = (one["type"].as_str(), one["indicator"].as_str()) else {
            shapes.insert("rubbish");
            continue;
        };
        let descriptors = one["descriptors"]["data"].as_array();
        shapes.insert(if descriptors.is_some() {
            "descriptors"
        } else {
            "no descriptors"
        });
        for own in descriptors.into_iter().flatten() {
            shapes.insert(if own["owner"]["id"].is_string() {
                "owner"
            } else {
                "no owner"
            });
            shapes.insert(match &own["tags"] {
                Value::Array(_) => "tags as texts",
                Value::Object(_) => "tags as objects",
                _ => "no tags",
            });
            if own["reactions"].is_array() {
                shapes.insert("reactions");
            }
        }
        let is_owned = descriptors
            .into_iter()
            .flatten()
            .any(|own| own["owner"]["id"].is_string());
        if one["should_delete"] == true {
            shapes.insert("should_delete");
        } else if is_owned {
            let kind = match kind {
                "HASH_PDQ" => "pdq",
                "HASH_MD5" | "HASH_VIDEO_MD5" => "md5",
                "HASH_SHA1" => "sha1",
                _ => continue,
            };
            live.insert((kind.to_owned(), value.to_owned()));
        }
    }
    assert_eq!(live, state.model.searched());
    assert_eq!(shapes.len(), 10, "{shapes:?}");
}

#[test]
fn threatexchange_knows_tokens_groups_and_reactions() {
    let fake = threatexchange::Fake::start(2);
    let one = |number: u64, at: &str| {
        Indicator::new(
            number,
            "HASH_MD5",
            &at.repeat(32),
            vec![Descriptor::new(number + 1, Some(900), "MALICIOUS")],
        )
    };
    ["a", "b", "c"]
        .into_iter()
        .zip([10, 20, 30])
        .for_each(|(at, number)| fake.state().model.put(one(number, at)));
    let (group, without) = (threatexchange::GROUP, threatexchange::GROUP_WITHOUT);
    let token = in_query(threatexchange::TOKEN);
    let wrong = graph(
        &fake,
        "GET",
        &format!("/{group}/threat_updates/?access_token=1%7C2"),
        "",
    );
    assert_eq!(wrong.status, 400);
    let error = json(&wrong.body);
    assert_eq!(
        (&error["error"]["code"], &error["error"]["type"]),
        (&190.into(), &"OAuthException".into())
    );
    assert_eq!(
        graph(
            &fake,
            "GET",
            &format!("/{without}/threat_updates/?access_token={token}"),
            ""
        )
        .status,
        500
    );
    assert_eq!(
        graph(
            &fake,
            "GET",
            &format!("/5/threat_updates/?access_token={token}"),
            ""
        )
        .status,
        400
    );
    let groups = graph(
        &fake,
        "GET",
        &format!(
            "/{}/threat_privacy_groups_member?access_token={token}",
            threatexchange::APP
        ),
        "",
    );
    assert_eq!(groups.json()["data"].as_array().map(Vec::len), Some(2));
    let page = graph(
        &fake,
        "GET",
        &format!("/{group}/threat_updates/?access_token={token}&fields=id"),
        "",
    )
    .json();
    assert!(
        page["data"][0]["indicator"].is_null(),
        "only what was asked for"
    );
    let next = page["paging"]["next"]
        .as_str()
        .expect("a next page")
        .to_owned();
    assert_eq!(
        graph(&fake, "GET", &next.replace("fields=id", "fields=type"), "").status,
        400
    );
    assert_eq!(graph(&fake, "GET", &next, "").status, 200);
    fake.state().expire_cursors();
    assert_eq!(graph(&fake, "GET", &next, "").status, 400);
    let react = |id: u64, form: &str| graph(&fake, "POST", &format!("/{id}"), form).status;
    let form = |rest: &str| format!("access_token={token}&{rest}");
    assert_eq!(react(11, &form("reactions=HELPFUL")), 200);
    assert_eq!(react(11, &form("reactions=SPLENDID")), 400);
    assert_eq!(react(12, &form("reactions=HELPFUL")), 400);
    assert_eq!(react(11, "reactions=HELPFUL"), 400);
    assert_eq!(react(11, &form("reactions_to_remove=HELPFUL")), 200);
    let taken: Vec<bool> = fake
        .state()
        .reactions
        .iter()
        .map(|one| one.is_removed)
        .collect();
    assert_eq!(taken, [false, true]);
}

#[test]
fn tat_gives_all_records_by_checkpoint_and_by_offset() {
    let fake = tat::Fake::start(7);
    fake.state().model.steps(&mut Random::new(6), 150);
    let login = |password: &str| {
        let form = format!(
            "username={}&password={}&resend=False",
            in_query(tat::USER),
            in_query(password)
        );
        ask(&fake.server, "POST", "/token-auth/tcap/", &[], &form)
    };
    assert_eq!(login("other").status, 401);
    let bearer = || {
        let token = login(tat::PASSWORD).json()["token"]
            .as_str()
            .expect("a token")
            .to_owned();
        assert_eq!(token.split('.').count(), 3);
        format!("Bearer {token}")
    };
    let get =
        |key: &str, target: &str| ask(&fake.server, "GET", target, &[("Authorization", key)], "");
    let list = "/api/hash-list/v2/all?order=asc&after=";
    assert_eq!(get("Bearer x", list).status, 401);
    // A token is good for three pages: then there has to be another one.
    fake.state().token_pages = Some(3);
    let (mut key, mut after, mut records, mut refused) = (bearer(), String::new(), Vec::new(), 0);
    loop {
        let reply = get(&key, &format!("{list}{}", in_query(&after)));
        if reply.status == 401 {
            (key, refused) = (bearer(), refused + 1);
            continue;
        }
        let page = reply.json();
        records.extend(page["results"].as_array().expect("results").clone());
        page["checkpoint"]
            .as_str()
            .expect("a checkpoint")
            .clone_into(&mut after);
        if page["next"].is_null() {
            break;
        }
    }
    assert!(refused > 1);
    let live: Hashes = (records.iter())
        .filter(|one| one["deleted"] == false)
        .filter_map(|one| {
            Some((
                one["algorithm"].as_str()?.to_lowercase(),
                one["hash_digest"].as_str()?.to_owned(),
            ))
        })
        .collect();
    assert_eq!(live, fake.state().model.live());
    assert_eq!(records.len(), fake.state().model.len());
    assert!(records.iter().any(|one| one["deleted"] == true));
    assert!(
        records.iter().any(|one| one["severity"].is_object()),
        "a field that no document names"
    );
    fake.state().token_pages = None;
    let page = get(&key, &format!("{list}{}", in_query(&after))).json();
    assert_eq!(
        (&page["checkpoint"], &page["next"], &page["count"]),
        (&"".into(), &Value::Null, &0.into())
    );
    let (mut place, mut count) = (list.to_owned(), 0);
    loop {
        let page = get(&key, &place).json();
        count += page["results"].as_array().expect("results").len();
        match page["next"].as_str() {
            Some(next) => place = format!("/{}", next.splitn(4, '/').nth(3).expect("a path")),
            None => break,
        }
    }
    assert_eq!(count, records.len());
    fake.state().expire_tokens();
    assert_eq!(get(&key, list).status, 401);
    for wrong in ["x", "1,x", "1.1234567,2"] {
        assert_eq!(
            get(&bearer(), &format!("{list}{wrong}")).status,
            400,
            "{wrong}"
        );
    }
}
