//! Opinions that go back: what arrives at the servers that stand for the exchanges, how often, and what is told of it.
//!
//! That nothing is lost or sent twice where the program is killed is in `exchange_feedback_kill`.
#![cfg(all(feature = "full", unix))]

mod exchange_home;
mod exchange_support;

use exchange_home::ear::{Fake, Fetched};
use exchange_home::{Side, name};
use exchange_support::{Answer, Fault, Plan, Server, Wait, ncmec, threatexchange};
use hashgate::bank::ContentItem;
use hashgate::curation::exchange::{
    ExchangeError, Exchanges, Feedback, FeedbackState, NewFeedback, Settled,
};
use hashgate::exchange::Opinion;
use hashgate::store::BankStore;

const OPINIONS: [Opinion; 3] = [Opinion::True, Opinion::False, Opinion::Seen];

fn reasons(fake: &Fake, opinion: Opinion, round: usize) -> Vec<String> {
    let texts: &[&str] = match (fake, opinion, round % 3) {
        (Fake::Ncmec(_), Opinion::False, 0) => &["Benign file"],
        (Fake::Ncmec(_), Opinion::False, _) => &["Hash of a blank & useless frame", "Benign file"],
        (Fake::StopNcii(_), _, 1) => &["Nude", "a \"tag\" of ours"],
        _ => &[],
    };
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// What arrived that tells something, as the dry run shows it.
fn told(server: &Server) -> Vec<String> {
    let requests = server.requests();
    let told = requests.iter().filter(|one| one.method != "GET");
    told.map(|one| {
        let place = one.target.split('?').next().unwrap();
        let body = String::from_utf8_lossy(&one.body);
        format!("{} {}{place} {body}", one.method, server.base())
    })
    .collect()
}

#[test]
fn what_was_decided_arrives_as_the_interface_wants_it() {
    for fake in Fake::all() {
        let there = Fetched::from(fake, 5);
        let (fake, server) = (&there.fake, there.fake.server());
        let api = fake.side().api();
        let items = there.items(&there.store());
        assert!(items.len() > 20, "{api}: {}", items.len());
        let (mut wanted, mut previewed, mut queued) = (Vec::new(), Vec::new(), 0);
        for (round, item) in items.iter().take(18).enumerate() {
            let opinion = OPINIONS[round % 3];
            let why = reasons(fake, opinion, round / 3);
            let wants = fake.wants(item, opinion, &why);
            let entry = item.id.to_string();
            let mut arguments = vec!["exchange", "feedback", "SIDE", &entry];
            arguments.extend(["--opinion", opinion.name(), "--by", "desk 3 <b>"]);
            arguments.extend(why.iter().flat_map(|reason| ["--reason", reason]));
            if wants.is_empty() {
                let ran = there.expect(2, &arguments);
                assert!(ran.err.contains("NCMEC is told only"), "{ran:?}");
                continue;
            }
            let dry = there.expect(0, &[&arguments[..], &["--dry-run"]].concat());
            let (shown, end) = dry.out.trim_end().rsplit_once('\n').unwrap();
            assert_eq!(end, "nothing was queued or sent");
            let new = shown.lines().skip(queued).map(str::to_owned);
            previewed.extend(new.collect::<Vec<_>>());
            queued = previewed.len();
            let ran = there.expect(0, &arguments);
            assert!(ran.out.contains("It is not sent"), "{ran:?}");
            wanted.extend(wants);
        }
        // Off unless somebody lets it.
        let refused = there.expect(2, &["exchange", "feedback", "SIDE", "--send"]);
        assert!(
            refused.err.contains("not set to send opinions"),
            "{refused:?}"
        );
        assert_eq!(there.expect(0, &["exchange", "fetch"]).err, "");
        assert!(fake.taken().is_empty() && told(server).is_empty(), "{api}");
        let status = there.expect(0, &["exchange", "status"]);
        assert!(status.out.contains(" waiting; see"), "{status:?}");

        there.expect(0, &["exchange", "set", "SIDE", "--feedback", "true"]);
        let sent = there.expect(0, &["exchange", "feedback", "SIDE", "--send"]);
        assert!(
            sent.out.lines().all(|line| line.contains(": sent since")),
            "{sent:?}"
        );
        assert_eq!(fake.taken(), wanted, "{api}");
        assert_eq!(told(server), previewed, "{api}");
        // Once, and no more, whoever asks.
        there.expect(0, &["exchange", "feedback", "SIDE", "--send"]);
        there.expect(0, &["exchange", "fetch"]);
        assert_eq!(fake.taken(), wanted, "{api}");
        // The next fetch sends what waits too.
        let (last, opinion) = (items.last().unwrap(), Opinion::True);
        wanted.extend(fake.wants(last, opinion, &[]));
        let entry = last.id.to_string();
        let ran = there.expect(
            0,
            &["exchange", "feedback", "SIDE", &entry, "--opinion", "true"],
        );
        assert!(ran.out.contains("by desk-of-the-test at 2"), "{ran:?}");
        there.expect(0, &["exchange", "fetch"]);
        assert_eq!(fake.taken(), wanted, "{api}");
        // Who said it, and that it was sent, is known of the entry.
        let audit = there.expect(0, &["audit", &items[0].id.to_string()]);
        assert!(audit.out.contains("opinion 1: true about "), "{audit:?}");
        assert!(audit.out.contains(", by desk 3 <b> at 2"), "{audit:?}");
        let audit = there.expect(0, &["audit", "--format", "jsonl", &items[0].id.to_string()]);
        assert!(
            audit.out.contains(r#""by":"desk 3 <b>","number":1,"#),
            "{audit:?}"
        );
        assert!(audit.out.contains(r#""state":"sent""#), "{audit:?}");
    }
}

#[test]
fn what_cannot_be_said_there_is_named_and_not_queued() {
    for fake in Fake::all() {
        let there = Fetched::from(fake, 6);
        let entry = there.items(&there.store())[0].id.to_string();
        let refused = |more: &[&str], why: &str| {
            let arguments = [&["exchange", "feedback", "SIDE", &entry][..], more].concat();
            let ran = there.expect(2, &arguments);
            assert!(ran.err.contains(why), "{more:?}: {ran:?}");
        };
        refused(&["--opinion", "maybe"], "give seen, true or false");
        refused(&["--opinion", "true", "--by", " "], "who says it");
        refused(
            &["--opinion", "true", "--type", "sha256"],
            "no such hash: it has ",
        );
        refused(
            &["--opinion", "true", "--reason", ""],
            "at most 20 reasons of 1 to",
        );
        match &there.fake {
            Fake::Ncmec(_) => {
                refused(&["--opinion", "seen"], "true or false");
                refused(&["--opinion", "false"], "wants a reason");
                refused(
                    &["--opinion", "true", "--reason", "x"],
                    "takes reasons only",
                );
            }
            Fake::StopNcii(_) => {}
            Fake::ThreatExchange(_) => {
                refused(&["--opinion", "true", "--reason", "x"], "take no reasons");
            }
        }
        let store = there.store();
        assert!(there.opinions(&store).is_empty());
        drop(store);
        if let Fake::Ncmec(_) = &there.fake {
            // Only NCMEC knows which reasons there are.
            let no = ["--opinion", "false", "--reason", "No such thing"];
            let arguments = [&["exchange", "feedback", "SIDE", &entry][..], &no].concat();
            let dry = there.expect(2, &[&arguments[..], &["--dry-run"]].concat());
            assert!(
                dry.out.contains("cannot be told: NCMEC has no reason"),
                "{dry:?}"
            );
            there.lets_feedback();
            let sent = there.expect(2, &[&arguments[..], &["--send"]].concat());
            assert!(sent.out.contains("refused since "), "{sent:?}");
            assert!(sent.out.contains("\"Benign file\""), "{sent:?}");
        }
        assert!(there.fake.taken().is_empty());
    }
    // Who hears nothing is told nothing.
    let tat = exchange_support::tat::Fake::start(7);
    tat.steps(&mut exchange_support::Random::new(7), 30);
    let mut home = exchange_home::Home::of(&tat);
    home.fetch(&tat).unwrap();
    let known = Exchanges::of(&home.workspace);
    let refused = known.unwrap().set_feedback(&name(), true).unwrap_err();
    assert!(
        refused.to_string().contains("kind tat hear no opinions"),
        "{refused}"
    );
}

/// What is known of the last opinion.
fn last(all: &[Feedback]) -> &Feedback {
    all.last().unwrap()
}

fn opinion(fake: &Fake, opinion: Opinion) -> NewFeedback {
    let mut new = NewFeedback::new(opinion, "desk-3");
    new.reasons = reasons(fake, opinion, 0);
    new
}

/// What goes wrong, whether the source did what was asked of it, and whether the server says that it did not.
fn faults(elsewhere: &Server) -> Vec<(Plan, bool, bool)> {
    use Fault::{Close, Cut, Garbled, Huge, Instead, Redirect, Status, Truncated};
    let once = Plan::once;
    let html = || Answer::new(200, "text/html", "<html><body>Log in here</body></html>");
    vec![
        (once(Status(503, None)), false, false),
        (once(Status(503, Some(Wait::Seconds(3_600)))), false, true),
        (
            once(Status(500, Some(Wait::Seconds(3_600)))).after(),
            true,
            false,
        ),
        (once(Status(504, None)).after(), true, false),
        (once(Close), false, false),
        (once(Close).after(), true, false),
        (once(Cut), true, false),
        (once(Truncated), true, false),
        (once(Garbled), true, false),
        (
            once(Huge {
                spaces: 2 << 20,
                said: true,
            }),
            true,
            false,
        ),
        (
            once(Huge {
                spaces: 2 << 20,
                said: false,
            }),
            true,
            false,
        ),
        (once(Instead(html())), false, false),
        (once(Instead(html())).after(), true, false),
        (once(Status(401, None)), false, true),
        (once(Status(403, None)), false, true),
        (once(Status(404, None)), false, true),
        (once(Status(429, None)), false, true),
        (once(Status(429, Some(Wait::Date(7_200)))), false, true),
        (once(Redirect(307, elsewhere.base())), false, true),
        (once(Redirect(302, elsewhere.base())), false, true),
    ]
}

#[test]
fn at_least_once_where_it_may_be_repeated_and_at_most_once_where_not() {
    let elsewhere = Server::recorder();
    for fake in Fake::all() {
        let there = Fetched::from(fake, 8);
        there.lets_feedback();
        let (fake, server, store) = (&there.fake, there.fake.server(), there.store());
        let items = there.items(&store);
        let method = if matches!(fake, Fake::Ncmec(_)) {
            "PUT"
        } else {
            "POST"
        };
        let mut uncertain = 0;
        for (round, (plan, is_done, is_known)) in faults(&elsewhere).into_iter().enumerate() {
            let item = &items[round];
            let what = format!("{} {:?}", fake.side().api(), plan.fault);
            let asks_to_wait = matches!(&plan.fault, Fault::Status(_, Some(_)));
            let before = fake.taken();
            let wants = fake.wants(item, Opinion::True, &[]);
            there.say(&store, item, &opinion(fake, Opinion::True));
            server.plan(plan.method(method));
            // What an earlier one asked to wait for is over.
            there.send(&store, true).unwrap();
            assert_eq!(server.faults().waiting(), 0, "{what}");
            let one = last(&there.opinions(&store)).clone();
            let arrived = |before: &[String]| fake.taken()[before.len()..].to_vec();
            if !fake.may_repeat() {
                let want = match (is_known, is_done) {
                    (true, _) => FeedbackState::Waiting,
                    _ => FeedbackState::Uncertain,
                };
                assert_eq!(one.state, want, "{what}: {one:?}");
                assert_eq!(arrived(&before).len(), usize::from(is_done), "{what}");
                assert!(one.problem.is_some(), "{what}");
            }
            if asks_to_wait && one.state != FeedbackState::Sent {
                // It is honoured, and nothing is lost by it.
                let count = server.count();
                if one.state == FeedbackState::Waiting {
                    let soon = there.send(&store, false).unwrap_err();
                    assert!(
                        matches!(soon, ExchangeError::TooSoon { .. }),
                        "{what}: {soon}"
                    );
                }
                assert_eq!(server.count(), count, "{what}");
            }
            // What may be sent again is, what may not is not, however often somebody asks.
            for _ in 0..2 {
                there.send(&store, true).unwrap();
            }
            let one = last(&there.opinions(&store)).clone();
            let arrived = arrived(&before);
            if fake.may_repeat() || is_known {
                assert_eq!(one.state, FeedbackState::Sent, "{what}: {one:?}");
                assert!(wants.iter().all(|want| arrived.contains(want)), "{what}");
                let times = arrived.len() / wants.len();
                assert!((1..=2).contains(&times), "{what}: {arrived:?}");
            } else {
                assert_eq!(one.state, FeedbackState::Uncertain, "{what}: {one:?}");
                assert_eq!(arrived, wants[..usize::from(is_done)], "{what}");
                uncertain += 1;
            }
        }
        assert_eq!(elsewhere.count(), 0, "a redirect was followed");
        no_secret_is_kept(&there, &store);
        drop(store);
        uncertain_ones_are_shown_until_somebody_settles_them(&there, uncertain);
    }
}

/// No secret stands in what is kept of opinions.
fn no_secret_is_kept(there: &Fetched, store: &BankStore) {
    for one in there.opinions(store) {
        let text = format!("{one:?}");
        for secret in there.fake.side().secrets() {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

fn uncertain_ones_are_shown_until_somebody_settles_them(there: &Fetched, uncertain: usize) {
    let status = there.run(&["exchange", "status"]);
    let listed = there.expect(0, &["exchange", "feedback", "SIDE"]);
    assert_eq!(listed.out.matches(": uncertain since ").count(), uncertain);
    if there.fake.may_repeat() {
        assert_eq!((status.code, uncertain), (Some(0), 0), "{status:?}");
        return;
    }
    assert_eq!(status.code, Some(2), "{status:?}");
    assert!(
        status
            .out
            .contains(&format!("opinions: {uncertain} uncertain;")),
        "{status:?}"
    );
    let jsonl = there.run(&["exchange", "status", "--format", "jsonl"]);
    assert!(
        jsonl.out.contains(&format!("\"uncertain\":{uncertain}")),
        "{jsonl:?}"
    );
    let numbers: Vec<&str> = (listed
        .out
        .lines()
        .filter(|line| line.contains(": uncertain since ")))
    .map(|line| line.split(':').next().unwrap())
    .collect();
    let settle = |numbers: &str, how: &str| {
        [
            "exchange", "feedback", "SIDE", "--settle", numbers, "--as", how, "--by", "desk-4",
        ]
        .map(str::to_owned)
    };
    let settle = |numbers: &str, how: &str, code: i32| {
        let arguments = settle(numbers, how);
        there.expect(code, &arguments.each_ref().map(String::as_str))
    };
    let (again, rest) = numbers.split_first().unwrap();
    let (dropped, taken) = rest.split_first().unwrap();
    let before = there.fake.taken().len();
    let ran = settle(again, "again", 0);
    assert!(
        ran.out.contains("waiting since ") && ran.out.contains("settled by desk-4"),
        "{ran:?}"
    );
    settle(dropped, "dropped", 0);
    settle(&taken.join(","), "taken", 0);
    assert!(
        settle(dropped, "again", 2)
            .err
            .contains("was dropped already")
    );
    assert!(
        settle("99999", "taken", 2)
            .err
            .contains("there is no opinion 99999")
    );
    there.expect(0, &["exchange", "feedback", "SIDE", "--send"]);
    assert_eq!(there.fake.taken().len(), before + 1);
    there.expect(0, &["exchange", "status"]);
    let jsonl = there.expect(0, &["exchange", "feedback", "SIDE", "--format", "jsonl"]);
    assert_eq!(
        jsonl.out.matches(r#""settled_by":"desk-4""#).count(),
        uncertain
    );
}

#[test]
fn one_that_always_fails_holds_up_no_other_and_order_is_kept() {
    for fake in Fake::all().into_iter().filter(Fake::may_repeat) {
        let there = Fetched::from(fake, 9);
        there.lets_feedback();
        let (fake, server, store) = (&there.fake, there.fake.server(), there.store());
        let items = there.items(&store);
        let place = |item: &ContentItem| match fake {
            Fake::Ncmec(_) => {
                let record = item.provenance.record.as_deref().unwrap();
                format!("/{}/", record.split_once('/').unwrap().1)
            }
            _ => {
                let first = fake.wants(item, Opinion::True, &[]).swap_remove(0);
                format!("/{}?", first.split(' ').next().unwrap())
            }
        };
        // About the first and the second, whose later opinion must not overtake the earlier one.
        for item in &items[..2] {
            there.say(&store, item, &opinion(fake, Opinion::True));
        }
        there.say(&store, &items[0], &opinion(fake, Opinion::False));
        there.say(&store, &items[2], &opinion(fake, Opinion::True));
        server.plan(
            Plan::once(Fault::Status(502, None))
                .target(&place(&items[0]))
                .forever(),
        );
        there.send(&store, false).unwrap();
        let states = |store: &BankStore| -> Vec<FeedbackState> {
            there.opinions(store).iter().map(|one| one.state).collect()
        };
        use FeedbackState::{Sent, Waiting};
        assert_eq!(states(&store), [Waiting, Sent, Waiting, Sent]);
        server.faults().clear();
        there.send(&store, false).unwrap();
        assert_eq!(states(&store), [Sent; 4]);
        let taken = fake.taken();
        let yes = taken
            .iter()
            .position(|one| *one == fake.wants(&items[0], Opinion::True, &[])[0]);
        let why = opinion(fake, Opinion::False).reasons;
        let no = taken
            .iter()
            .position(|one| *one == fake.wants(&items[0], Opinion::False, &why)[0]);
        assert!(yes.unwrap() < no.unwrap(), "{taken:?}");
        if let Fake::ThreatExchange(fake) = fake {
            // The earlier one no longer holds.
            let id: u64 = place(&items[0]).trim_matches(['/', '?']).parse().unwrap();
            let state = fake.state();
            let all = state.model.live_records();
            let mut all = all.flat_map(|one| one.descriptors.iter().flatten());
            let own = all.find(|one| one.id == id).unwrap();
            let of = |key: &str| {
                let mut all = own.reactions.iter().filter(|(own, _)| own == key);
                all.any(|(_, apps)| apps.contains(&threatexchange::APP))
            };
            assert!(of("DISAGREE_WITH_TAGS") && !of("HELPFUL"), "{own:?}");
        }
        drop(store);
    }
}

#[test]
fn reasons_that_cannot_be_asked_for_hold_up_only_what_needs_them() {
    for fault in [Fault::Truncated, Fault::Status(403, None)] {
        let [fake, ..] = Fake::all();
        assert!(matches!(fake, Fake::Ncmec(_)));
        let there = Fetched::from(fake, 9);
        there.lets_feedback();
        let (fake, store) = (&there.fake, there.store());
        let items = there.items(&store);
        for item in &items[..3] {
            there.say(&store, item, &opinion(fake, Opinion::False));
        }
        there.say(&store, &items[3], &opinion(fake, Opinion::True));
        let no_reasons = Plan::once(fault.clone()).method("GET").target("/reasons");
        fake.server().plan(no_reasons.forever());
        for _ in 0..4 {
            there.send(&store, true).unwrap();
        }
        use FeedbackState::{Sent, Waiting};
        let states = |store: &BankStore| -> Vec<FeedbackState> {
            there.opinions(store).iter().map(|one| one.state).collect()
        };
        assert_eq!(
            states(&store),
            [Waiting, Waiting, Waiting, Sent],
            "{fault:?}"
        );
        fake.server().faults().clear();
        there.send(&store, true).unwrap();
        assert_eq!(states(&store), [Sent; 4]);
    }
}

#[test]
fn wrong_credentials_keep_the_queue_and_no_server_says_a_secret_back() {
    for fake in Fake::all() {
        let there = Fetched::from(fake, 10);
        there.lets_feedback();
        let (fake, server, store) = (&there.fake, there.fake.server(), there.store());
        let items = there.items(&store);
        for item in &items[..3] {
            there.say(&store, item, &opinion(fake, Opinion::False));
        }
        let set = |is_wrong: bool| match fake {
            Fake::Ncmec(fake) => {
                let right = if is_wrong { "another" } else { ncmec::PASSWORD };
                right.clone_into(&mut fake.state().password);
            }
            Fake::StopNcii(fake) => {
                let right = if is_wrong {
                    "another"
                } else {
                    exchange_support::stop_ncii::FEEDBACK_KEY
                };
                let mut state = fake.state();
                state
                    .keys
                    .insert("SubmitFeedback".to_owned(), right.to_owned());
            }
            Fake::ThreatExchange(fake) => {
                let right = if is_wrong {
                    "another"
                } else {
                    threatexchange::TOKEN
                };
                right.clone_into(&mut fake.state().token);
            }
        };
        set(true);
        there.send(&store, false).unwrap();
        let all = there.opinions(&store);
        assert!(
            all.iter().all(|one| one.state == FeedbackState::Waiting),
            "{all:?}"
        );
        let why = all[0].problem.as_deref().unwrap();
        assert!(why.contains("does not take the credentials"), "{why}");
        // One was enough to know.
        assert!(
            all[1].problem.is_none() && all[2].problem.is_none(),
            "{all:?}"
        );
        set(false);
        // Whatever it says back of what it was asked, nothing of a secret is kept.
        there.send(&store, false).unwrap();
        let side: &dyn Side = fake.side();
        for (round, form) in (0..4).zip(["plain", "query", "json", "basic"]) {
            let said = |secret: &&str| match form {
                "plain" => format!("you said {secret}"),
                "query" => exchange_support::http::in_query(secret),
                "json" => exchange_support::quoted(secret),
                _ => exchange_support::client::basic(ncmec::USER, secret),
            };
            let body: Vec<String> = side.secrets().iter().map(said).collect();
            let answer = Answer::json(if round % 2 == 0 { 400 } else { 409 }, body.join(" "));
            server.plan(Plan::once(Fault::Instead(answer)));
            there.say(&store, &items[4 + round], &opinion(fake, Opinion::False));
            there.send(&store, false).unwrap();
        }
        let all = there.opinions(&store);
        let refused = all.iter().filter(|one| one.state == FeedbackState::Refused);
        assert_eq!(refused.count(), 4, "{all:?}");
        no_secret_is_kept(&there, &store);
        for one in &all {
            let text = format!("{one:?}");
            for part in [
                "synthetic-secret",
                "pass%3Aword",
                "cGFzczp3b3Jk",
                "key-0123456789",
            ] {
                assert!(!text.contains(part), "{text}");
            }
        }
        // What is refused can be sent again.
        let number = all
            .iter()
            .find(|one| one.state == FeedbackState::Refused)
            .unwrap()
            .number;
        let bank = store.bank(&name()).unwrap().id;
        Feedback::settle(&store, bank, &[number], (Settled::Again, "desk-4")).unwrap();
        let sent = there.send(&store, false).unwrap();
        assert_eq!(sent.last().unwrap().state, FeedbackState::Sent);
    }
}

#[test]
fn nothing_is_uncertain_where_nothing_was_sent() {
    for fake in Fake::all() {
        let there = Fetched::from(fake, 11);
        there.lets_feedback();
        let store = there.store();
        let items = there.items(&store);
        there.say(&store, &items[0], &opinion(&there.fake, Opinion::True));
        // Nobody listens there.
        let at = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr();
        let base = serde_json::json!({ "base_url": format!("http://{}", at.unwrap()) });
        let mut known = Exchanges::of(&there.workspace).unwrap();
        known
            .set_config(&name(), base.as_object().unwrap())
            .unwrap();
        let sent = there.send(&store, false).unwrap();
        assert_eq!(last(&sent).state, FeedbackState::Waiting, "{sent:?}");
    }
}

#[test]
fn what_graph_says_of_itself_keeps_the_queue() {
    let fake = Fake::ThreatExchange(threatexchange::Fake::start(7));
    let there = Fetched::from(fake, 13);
    there.lets_feedback();
    let (server, store) = (there.fake.server(), there.store());
    let items = there.items(&store);
    use FeedbackState::{Refused, Sent, Waiting};
    // The token, three limits, "try again", and what is wrong with this one.
    for (round, (code, state)) in [190, 4, 32, 613, 2, 100]
        .into_iter()
        .zip([Waiting, Waiting, Waiting, Waiting, Waiting, Refused])
        .enumerate()
    {
        there.say(&store, &items[round], &opinion(&there.fake, Opinion::Seen));
        let answer = threatexchange::error(400, "OAuthException", code, "(#0) said");
        server.plan(Plan::once(Fault::Instead(answer)).method("POST"));
        there.send(&store, false).unwrap();
        let one = last(&there.opinions(&store)).clone();
        assert_eq!(one.state, state, "{code}: {one:?}");
        there.send(&store, false).unwrap();
        let one = last(&there.opinions(&store)).clone();
        let then = if state == Waiting { Sent } else { Refused };
        assert_eq!(one.state, then, "{code}: {one:?}");
    }
}
