//! Fetches from servers that behave as the exchanges do: whatever changes there, whatever goes wrong and wherever a fetch is
//! stopped, the bank ends with what the source has.
#![cfg(feature = "exchange")]

mod exchange_home;
mod exchange_support;

use exchange_home::{Home, Side, Watch, name, sides};
use exchange_support::model::{self, Hashes, Random};
use exchange_support::{Fault, Plan, Server, Wait, ncmec, stop_ncii, tat, threatexchange};
use hashgate::curation::exchange::{Api, Credentials, ExchangeError, Exchanges, FetchOptions};
use serde_json::json;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

#[test]
fn a_bank_follows_its_source_wherever_fetches_are_stopped() {
    for seed in 0..6 {
        for side in sides([3, 7, 20][seed as usize % 3]) {
            let side = &*side;
            let mut random = Random::new(seed);
            let mut home = Home::of(side);
            for _ in 0..8 {
                let count = 1 + random.below(60);
                side.steps(&mut random, count);
                // Stopped after some pages, again and again; the other side may forget where it was.
                for _ in 0..random.below(3) {
                    let watch = Watch {
                        left: Some(AtomicI64::new(1 + random.below(5) as i64)),
                        ..Watch::default()
                    };
                    let stopped = home.fetch_so(side, FetchOptions::default(), &watch);
                    if let Err(error) = stopped {
                        assert!(
                            matches!(error, ExchangeError::Stopped { .. }),
                            "{}: {error}",
                            side.api()
                        );
                        assert!(!home.state().is_up_to_date);
                    }
                    if random.once_in(3) {
                        side.forget_pages();
                    }
                    let count = random.below(4);
                    side.steps(&mut random, count);
                }
                home.fetch(side).unwrap();
                home.check(side, seed);
                assert!(home.state().is_up_to_date && home.state().succeeded_at.is_some());
            }
            // A second fetch at once brings nothing.
            let again = home.fetch(side).unwrap();
            assert_eq!(
                (again.added, again.updated, again.taken_back),
                (0, 0, 0),
                "{}: {again:?}",
                side.api()
            );
            let anew = home.anew(side).unwrap();
            assert!(anew.is_complete);
            assert_eq!(home.hashes(), side.live(), "{} {seed}", side.api());
        }
    }
}

#[test]
fn what_goes_wrong_and_passes_costs_nothing() {
    let faults = [
        Fault::Status(429, Some(Wait::Seconds(1))),
        Fault::Status(503, None),
        Fault::Cut,
        Fault::Truncated,
        Fault::Close,
    ];
    for (seed, fault) in (0u64..).zip(&faults) {
        for side in sides(10) {
            let side = &*side;
            let mut random = Random::new(seed);
            let mut home = Home::of(side);
            side.steps(&mut random, 60);
            side.server().plan(Plan::once(fault.clone()).pass(1));
            home.fetch(side)
                .unwrap_or_else(|error| panic!("{} {fault:?}: {error}", side.api()));
            home.check(side, seed);
            assert_eq!(
                side.server().faults().given(),
                1,
                "{} {fault:?}",
                side.api()
            );
            assert!(
                home.state().left_out.is_empty(),
                "{} {fault:?}: {:?}",
                side.api(),
                home.state()
            );
        }
    }
}

#[test]
fn a_source_that_answers_rubbish_to_everything_is_down_and_loses_nothing() {
    for fault in [Fault::Truncated, Fault::Garbled] {
        for side in sides(10) {
            let side = &*side;
            let mut random = Random::new(7);
            let mut home = Home::of(side);
            side.steps(&mut random, 40);
            home.fetch(side).unwrap();
            home.check(side, 0);
            // All answers are broken: that is no page to pass over, but a source that is down.
            side.steps(&mut random, 5);
            side.server().plan(Plan::once(fault.clone()).forever());
            let failed = home.fetch(side).expect_err("nothing can be read");
            assert!(
                matches!(failed, ExchangeError::Fetch { .. }),
                "{}: {failed:?}",
                side.api()
            );
            assert_eq!(home.state().failures, 1);
            side.server().faults().clear();
            home.fetch(side).unwrap();
            home.check(side, 1);
            assert_eq!(home.state().failures, 0);
        }
    }
}

#[test]
fn a_page_that_never_can_be_read_is_passed_over_by_name_and_the_rest_comes() {
    for side in sides(10) {
        let side = &*side;
        let mut random = Random::new(29);
        let mut home = Home::of(side);
        for _ in 0..20 {
            side.steps(&mut random, 10);
        }
        let name = side.any_live(&mut random);
        let plan = Plan::once(Fault::Truncated).record(&name).forever();
        side.server().plan(plan);
        home.fetch(side)
            .unwrap_or_else(|error| panic!("{}: {error}", side.api()));
        let state = home.state();
        assert!(
            !state.left_out.is_empty() && !state.alarms.is_empty(),
            "{}: {state:?}",
            side.api()
        );
        let (has, live) = (home.hashes(), side.live());
        let lost: Hashes = live.difference(&has).cloned().collect();
        assert!(
            lost.len() * 3 < live.len(),
            "{}: {} of {}",
            side.api(),
            lost.len(),
            live.len()
        );
        // It is mended, and what was passed over comes when all is read anew; until then nothing that is missed is taken back.
        side.server().faults().clear();
        home.anew(side).unwrap();
        assert_eq!(home.hashes(), side.live(), "{}", side.api());
    }
}

#[test]
fn a_source_that_forgets_its_pages_for_ever_is_not_asked_for_ever() {
    let second_pages = ["start=", "nextPageToken=", "after="];
    for (side, second_page) in sides(10).iter().zip(second_pages) {
        let side = &**side;
        let mut random = Random::new(31);
        let mut home = Home::of(side);
        side.steps(&mut random, 60);
        let gone = Plan::once(Fault::Status(400, None)).target(second_page);
        side.server().plan(gone.forever());
        if side.api() == "fb_threatexchange" {
            // The last time on the first page leads on too.
            home.fetch(side).unwrap();
            home.check(side, 0);
            continue;
        }
        let failed = home.fetch(side).expect_err("there is no second page");
        assert!(
            matches!(failed, ExchangeError::Fetch { .. }),
            "{}: {failed:?}",
            side.api()
        );
        let asked = side.server().count();
        assert!((40..200).contains(&asked), "{}: {asked}", side.api());
        side.server().faults().clear();
        home.fetch(side).unwrap();
        home.check(side, 0);
    }
}

#[test]
fn a_server_that_fails_at_large_pages_is_asked_for_smaller_ones() {
    for side in sides(10) {
        let side = &*side;
        let large = match side.api() {
            "fb_threatexchange" => "limit=500",
            "stop_ncii" => "pageSize=800",
            _ => continue,
        };
        let mut random = Random::new(37);
        let mut home = Home::of(side);
        side.steps(&mut random, 40);
        let down = Plan::once(Fault::Status(500, None)).target(large);
        side.server().plan(down.forever());
        home.fetch(side)
            .unwrap_or_else(|error| panic!("{}: {error}", side.api()));
        home.check(side, 0);
        assert!(home.state().left_out.is_empty(), "{:?}", home.state());
    }
}

#[test]
fn more_than_a_fetch_has_time_for_is_no_failure() {
    for side in sides(3) {
        let side = &*side;
        let mut home = Home::of(side);
        side.steps(&mut Random::new(41), 60);
        let mut options = FetchOptions::default();
        options.time = Duration::ZERO;
        let failed = home.fetch_so(side, options, &Watch::default());
        assert!(
            matches!(failed, Err(ExchangeError::More { .. })),
            "{failed:?}"
        );
        assert_eq!(home.state().failures, 0);
        home.fetch(side).unwrap();
        home.check(side, 0);
    }
}

#[test]
fn rubbish_costs_itself_and_nothing_else() {
    for side in sides(10) {
        let side = &*side;
        let mut random = Random::new(19);
        let mut home = Home::of(side);
        let mut rejected = 0;
        for round in 0..6 {
            side.steps_with_rubbish(&mut random, 60);
            rejected += home.fetch(side).unwrap().rejected;
            home.check(side, round);
        }
        assert!(rejected > 0, "{}", side.api());
    }
}

#[test]
fn credentials_go_to_their_server_only_and_are_never_told() {
    for side in sides(10) {
        let side = &*side;
        let mut random = Random::new(3);
        side.steps(&mut random, 20);
        let mut home = Home::of(side);
        let elsewhere = Server::recorder();
        side.server()
            .plan(Plan::once(Fault::Redirect(302, elsewhere.base())).forever());
        let refused = home
            .fetch(side)
            .expect_err("it is sent elsewhere")
            .to_string();
        assert!(refused.contains("302"), "{}: {refused}", side.api());
        assert_eq!(elsewhere.count(), 0, "{}", side.api());
        side.server().faults().clear();
        // Wrong ones are refused, and told of without them.
        let api = Api::named(side.api()).unwrap();
        let mut wrong = side.credentials().as_object().unwrap().clone();
        for value in wrong.values_mut() {
            *value = json!("9999999999|wrong-secret-of-a-test");
        }
        Credentials::of(&home.workspace)
            .unwrap()
            .set(api, &wrong)
            .unwrap();
        let watch = Watch::default();
        let refused = home.fetch_so(side, FetchOptions::default(), &watch);
        let refused = format!("{0} {0:?}", refused.expect_err("they are wrong"));
        let heard = watch.heard.lock().unwrap().join("\n");
        let kept = format!("{:?}", home.state());
        for text in [&refused, &heard, &kept] {
            assert!(
                !text.contains("wrong-secret") && !text.contains(side.secret()),
                "{text}"
            );
        }
        assert!(refused.contains("credentials"), "{}: {refused}", side.api());
    }
}

#[test]
fn what_no_longer_appears_leaves_within_the_guard_and_at_the_end_only() {
    let side = tat::Fake::start(10);
    side.state().model.has_rubbish = false;
    let mut random = Random::new(5);
    side.state().model.fill(&mut random, 100);
    let mut home = Home::of(&side);
    home.fetch(&side).unwrap();
    let all = home.hashes();
    let keys: Vec<_> = side
        .state()
        .model
        .all()
        .map(|kept| kept.record.id)
        .collect();
    for key in &keys[..40] {
        side.state().model.expire(key);
    }
    home.fetch(&side).unwrap();
    assert_eq!(home.hashes(), all, "nobody said that they are gone");
    let mut options = FetchOptions::default();
    options.anew = true;
    let refused = home.fetch_so(&side, options.clone(), &Watch::default());
    assert!(
        matches!(refused, Err(ExchangeError::Shrinks { .. })),
        "{refused:?}"
    );
    assert_eq!(home.hashes(), all);
    // What was read anew is remembered: taking it needs no other reading.
    (options.anew, options.accept_shrink) = (false, true);
    side.server.forget();
    let taken = home.fetch_so(&side, options, &Watch::default()).unwrap();
    assert!(taken.is_complete && taken.stopped > 0, "{taken:?}");
    assert!(side.server.count() <= 2, "{}", side.server.count());
    assert_eq!(home.hashes(), side.live());
}

#[test]
fn who_comes_too_late_to_learn_what_was_taken_back_reads_all_anew() {
    let side = threatexchange::Fake::start(10);
    side.state().model.has_rubbish = false;
    let mut random = Random::new(11);
    side.state().model.fill(&mut random, 30);
    let mut home = Home::of(&side);
    assert!(!home.fetch(&side).unwrap().is_complete);
    let key = side.state().model.any(&mut random).unwrap();
    side.state().model.expire(&key);
    home.now += 31 * 86_400;
    assert!(home.fetch(&side).unwrap().is_complete);
    assert_eq!(home.hashes(), side.live());
}

#[test]
fn who_is_asked_to_wait_long_comes_back_no_sooner() {
    let side = stop_ncii::Fake::start(10);
    let mut home = Home::of(&side);
    side.server
        .plan(Plan::once(Fault::Status(429, Some(Wait::Seconds(7_000)))));
    let later = home.fetch(&side);
    assert!(
        matches!(later, Err(ExchangeError::Later { .. })),
        "{later:?}"
    );
    let asked = side.server.count();
    let soon = home.fetch(&side);
    assert!(
        matches!(soon, Err(ExchangeError::TooSoon { .. })),
        "{soon:?}"
    );
    assert_eq!(side.server.count(), asked);
    home.now += 7_000;
    home.fetch(&side).unwrap();
}

#[test]
fn only_the_members_that_are_wanted_come_from_ncmec() {
    let side = ncmec::Fake::start(10);
    side.state().model.has_rubbish = false;
    let mut random = Random::new(13);
    side.state().model.fill(&mut random, 60);
    let mut home = Home::of(&side);
    let mut known = Exchanges::of(&home.workspace).unwrap();
    let wanted = json!({ "only_esp_ids": [41, 43] });
    known
        .set_config(&name(), wanted.as_object().unwrap())
        .unwrap();
    home.fetch(&side).unwrap();
    let of = |members: &[u32]| -> Hashes {
        let all = side.state().live_by_member();
        let wanted = all
            .into_iter()
            .filter(|(member, _)| members.contains(member));
        model::searched(wanted.flat_map(|(_, hashes)| hashes).collect())
    };
    assert_eq!(home.hashes(), of(&[41, 43]));
    // Others are wanted: all is read anew, and what is not wanted any more leaves.
    let wanted = json!({ "only_esp_ids": [43, 44] });
    known
        .set_config(&name(), wanted.as_object().unwrap())
        .unwrap();
    let mut options = FetchOptions::default();
    options.accept_shrink = true;
    home.fetch_so(&side, options, &Watch::default()).unwrap();
    assert_eq!(home.hashes(), of(&[43, 44]));
}

#[test]
fn entries_that_move_up_while_a_range_is_read_are_not_missed() {
    let side = ncmec::Fake::start(5);
    side.state().model.has_rubbish = false;
    let mut random = Random::new(17);
    side.state().model.fill(&mut random, 40);
    side.state().moves = true;
    let mut home = Home::of(&side);
    // An answer takes its time, and meanwhile something changes.
    for round in 0..4 {
        side.server
            .plan(Plan::once(Fault::Slow(Duration::from_micros(200))).pass(2));
        home.fetch(&side).unwrap();
        home.check(&side, round);
        side.state().model.steps(&mut random, 20);
    }
}
