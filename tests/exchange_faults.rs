//! What goes wrong on purpose between a client and the servers that stand for the exchanges, what is written down of it,
//! and the sources behind them.

mod exchange_support;

use exchange_support::client::{ask, ask_some};
use exchange_support::http::in_query;
use exchange_support::model::{Change, Model};
use exchange_support::ncmec::Entry;
use exchange_support::stop_ncii::Hash;
use exchange_support::threatexchange::Indicator;
use exchange_support::{Fault, Plan, Random, Record, Server, Wait, calendar, tat};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A source of one page, and what it answers.
fn one_page() -> (tat::Fake, Vec<(&'static str, String)>, String) {
    let fake = tat::Fake::start(50);
    fake.state().model.fill(&mut Random::new(8), 20);
    let form = format!(
        "username={}&password={}",
        in_query(tat::USER),
        in_query(tat::PASSWORD)
    );
    let token = ask(&fake.server, "POST", "/token-auth/tcap/", &[], &form).json();
    let key = format!("Bearer {}", token["token"].as_str().expect("a token"));
    fake.server.forget();
    (
        fake,
        vec![("Authorization", key)],
        "/api/hash-list/v2/all?order=asc".to_owned(),
    )
}

#[test]
fn faults_come_when_they_are_planned() {
    let (fake, headers, target) = one_page();
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let get = |most: u64| ask_some(&fake.server, "GET", &target, &headers, "", most);
    let whole = get(1 << 24).expect("an answer");
    assert!(whole.is_whole);
    fake.server
        .plan(Plan::once(Fault::Status(429, Some(Wait::Seconds(3)))));
    fake.server
        .plan(Plan::once(Fault::Status(429, Some(Wait::Date(90)))));
    fake.server
        .plan(Plan::once(Fault::Status(503, None)).times(2));
    let seconds = get(1 << 20).expect("an answer");
    assert_eq!(
        (seconds.status, seconds.header("Retry-After")),
        (429, Some("3"))
    );
    let date = get(1 << 20).expect("an answer");
    let date = date.header("Retry-After").expect("a date");
    let now = calendar::now();
    assert!(
        (now + 80..=now + 90).any(|at| calendar::http(at) == date),
        "{date}"
    );
    assert_eq!(
        calendar::http(1_508_457_600),
        "Fri, 20 Oct 2017 00:00:00 GMT"
    );
    let statuses: Vec<u16> = (0..3)
        .map(|_| get(1 << 20).expect("an answer").status)
        .collect();
    assert_eq!(statuses, [503, 503, 200]);
    fake.server.plan(Plan::once(Fault::Close));
    assert!(get(1 << 20).is_none());
    fake.server.plan(Plan::once(Fault::Cut));
    let cut = get(1 << 24).expect("an answer");
    assert!(!cut.is_whole && whole.body.starts_with(&cut.body) && !cut.body.is_empty());
    fake.server.plan(Plan::once(Fault::Truncated));
    let truncated = get(1 << 24).expect("an answer");
    assert!(truncated.is_whole && truncated.status == 200);
    assert!(serde_json::from_slice::<Value>(&truncated.body).is_err());
    fake.server.plan(Plan::once(Fault::Garbled));
    let garbled = get(1 << 24).expect("an answer");
    assert_eq!(garbled.body.len(), whole.body.len());
    assert!(serde_json::from_slice::<Value>(&garbled.body).is_err());
    fake.server
        .plan(Plan::once(Fault::Slow(Duration::from_micros(10))));
    assert_eq!(get(1 << 24).expect("an answer").body, whole.body);
    fake.server
        .plan(Plan::once(Fault::Endless(Duration::from_micros(10))));
    let endless = get(3000).expect("an answer");
    assert!(
        !endless.is_whole
            && endless.body.len() > 2000
            && endless.body.iter().all(|byte| *byte == b' ')
    );
    for said in [true, false] {
        fake.server.plan(Plan::once(Fault::Huge {
            spaces: 1 << 40,
            said,
        }));
        let huge = get(1 << 22).expect("an answer");
        assert!(huge.body.len() > 4_000_000);
        assert_eq!(huge.header("Content-Length").is_some(), said);
    }
    assert_eq!(fake.server.faults().waiting(), 0);
    assert_eq!(fake.server.faults().given(), 12);
}

#[test]
fn a_page_stays_corrupt_for_ever_and_no_other() {
    let (fake, headers, target) = one_page();
    fake.state().page = 5;
    let record = {
        let state = fake.state();
        let mut all: Vec<_> = state
            .model
            .all()
            .map(|kept| (kept.serial, kept.record.name()))
            .collect();
        all.sort();
        all[7].1.clone()
    };
    fake.server
        .plan(Plan::once(Fault::Truncated).record(&record).forever());
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    for _ in 0..3 {
        let is_right = |offset: usize| {
            let reply = ask(
                &fake.server,
                "GET",
                &format!("{target}&offset={offset}"),
                &headers,
                "",
            );
            serde_json::from_slice::<Value>(&reply.body).is_ok()
        };
        assert_eq!([0, 5, 10, 15].map(is_right), [true, false, true, true]);
    }
    fake.server.faults().clear();
    fake.state().model.put(tat::Digest::rubbish(5));
    let reply = ask(
        &fake.server,
        "GET",
        &format!("{target}&offset=20"),
        &headers,
        "",
    )
    .json();
    assert!(
        reply["results"][0]["hash_digest"].is_null(),
        "one record is rubbish: {reply}"
    );
}

#[test]
fn a_redirect_goes_to_a_server_that_writes_down_what_comes() {
    let (fake, headers, target) = one_page();
    let other = Server::recorder();
    fake.server
        .plan(Plan::once(Fault::Redirect(307, other.base())));
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let reply = ask(&fake.server, "GET", &target, &headers, "");
    let place = reply.header("Location").expect("a place").to_owned();
    assert_eq!(place, format!("{}{target}", other.base()));
    assert_eq!(other.count(), 0);
    // A client that takes its credentials along is seen to.
    ask(&other, "GET", &target, &headers, "");
    assert!(other.requests()[0].text().contains("Bearer"));
    let own = &fake.server.requests()[0];
    assert_eq!((own.status, own.method.as_str()), (Some(307), "GET"));
    assert!(
        own.fault
            .as_deref()
            .is_some_and(|fault| fault.starts_with("Redirect"))
    );
}

#[test]
fn faults_by_chance_are_those_of_their_seed() {
    let run = |seed: u64| {
        let (fake, headers, target) = one_page();
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let kinds = [
            Fault::Status(503, None),
            Fault::Close,
            Fault::Cut,
            Fault::Truncated,
        ];
        fake.server.faults().at_random(seed, 300, &kinds);
        for _ in 0..60 {
            ask_some(&fake.server, "GET", &target, &headers, "", 1 << 20);
        }
        let all = fake.server.requests().into_iter();
        all.map(|request| request.fault).collect::<Vec<_>>()
    };
    let first = run(1);
    assert_eq!(first, run(1));
    assert_ne!(first, run(2));
    let kinds: BTreeSet<_> = first.iter().flatten().collect();
    assert_eq!(kinds.len(), 4, "{kinds:?}");
    assert!(first.iter().filter(|fault| fault.is_none()).count() > 20);
}

#[test]
fn a_connection_is_kept_open_and_chunks_are_read() {
    let server = Server::recorder();
    let mut stream = TcpStream::connect(server.at()).expect("it listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("a time-out");
    for number in 0..3 {
        let request = format!(
            "POST /a%20b?x=1+2&y=%C3%BC HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
             5\r\nabc{number}d\r\n1;e=f\r\ng\r\n0\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).expect("written");
        let mut begin = [0; 12];
        stream.read_exact(&mut begin).expect("an answer");
        assert_eq!(&begin, b"HTTP/1.1 404");
        let mut rest = Vec::new();
        while !rest.ends_with(b"</html>\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("an answer");
            rest.push(byte[0]);
        }
    }
    let last = server.requests().pop().expect("it came");
    assert_eq!(server.count(), 3);
    assert_eq!(
        (last.body.as_slice(), last.path.as_str()),
        (&b"abc2dg"[..], "/a b")
    );
    assert_eq!((last.asked("x"), last.asked("y")), (Some("1 2"), Some("ü")));
}

#[test]
fn a_source_of_a_seed_is_the_same_each_time_and_has_every_change() {
    fn check<R: Record>() {
        let run = |seed: u64| {
            let mut model = Model::<R>::default();
            let mut random = Random::new(seed);
            let changes: Vec<Change> = (0..200).map(|_| model.step(&mut random)).collect();
            let live = model.live();
            assert!(model.expired().is_disjoint(&live));
            (changes, live, model.expired())
        };
        let (changes, live, expired) = run(11);
        assert_eq!(run(11), (changes.clone(), live.clone(), expired.clone()));
        assert_ne!(run(12).1, live);
        for change in [
            Change::Put,
            Change::Renewed,
            Change::Withdrawn,
            Change::Expired,
        ] {
            assert!(changes.contains(&change), "{change:?}");
        }
        assert!(!expired.is_empty());
    }
    check::<Entry>();
    check::<Hash>();
    check::<Indicator>();
    check::<tat::Digest>();
}
