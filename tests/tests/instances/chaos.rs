//! Instances and the database are killed again and again while events arrive.
//!
//! `CHAOS_SECONDS` says for how long; ten minutes are for a night, or a release.

use std::time::{Duration, Instant};

use product_tests::{Postgres, SetOnDrop, random_below, until};

use crate::fleet::Traffic;

pub(crate) const SENDERS: usize = 6;

pub(crate) fn seconds(usual: u64) -> Duration {
    let wanted = std::env::var("CHAOS_SECONDS").ok();
    Duration::from_secs(wanted.map_or(usual, |text| text.parse().expect("CHAOS_SECONDS is a number")))
}

/// One of three instances dies every two seconds at most, and another one takes its place.
#[test]
fn instances_that_are_killed_lose_nothing() {
    let (database, traffic) = (Postgres::start(), Traffic::default());
    let mut fleet = [(); 3].map(|()| Some(traffic.start(&database)));
    let (mut kills, mut unowned) = (0, 0);
    let overdue = || {
        let overdue = "SELECT coalesce(max(extract(epoch FROM now()) * 1000 - lease_until_ms), 0)::bigint FROM webhook.instance";
        database.query(overdue).parse::<i64>().expect("it is a number")
    };
    std::thread::scope(|scope| {
        let _end = SetOnDrop(&traffic.ends);
        for _ in 0..SENDERS {
            scope.spawn(|| traffic.send());
        }
        let since = Instant::now();
        while since.elapsed() < seconds(6) || traffic.acked() < 100 {
            let next = Instant::now() + Duration::from_millis(200 + random_below(1800));
            while Instant::now() < next {
                unowned = overdue().max(unowned);
                std::thread::sleep(Duration::from_millis(50));
            }
            let place = &mut fleet[random_below(3) as usize];
            if let Some(server) = place.take() {
                traffic.kill(server);
                kills += 1;
            }
            *place = Some(traffic.start(&database));
        }
    });
    let since = Instant::now();
    traffic.assert_nothing_lost(&database);
    let again = database.query("SELECT count(*) FROM webhook.attempt WHERE outcome = 3");
    println!(
        "{kills} kills: {} events answered with 200, {again} runs cut off; the dead were buried at most {:.1?} after their \
         leases, and all was handled {:.1?} after the last kill",
        traffic.acked(),
        Duration::from_millis(unowned.max(0).unsigned_abs()),
        since.elapsed()
    );
    let instances = || database.query("SELECT count(*) FROM webhook.instance");
    until("those that were killed last are buried, too", || instances() == "3");
    for server in fleet.into_iter().flatten() {
        server.stop();
    }
    assert_eq!(instances(), "0", "all have left");
}

/// The database dies and comes back, while two instances receive.
#[test]
fn a_database_that_is_killed_loses_nothing() {
    let (mut database, traffic) = (Postgres::start(), Traffic::default());
    let fleet = [(); 2].map(|()| traffic.start(&database));
    let (mut kills, mut longest) = (0, Duration::ZERO);
    std::thread::scope(|scope| {
        let _end = SetOnDrop(&traffic.ends);
        for _ in 0..SENDERS {
            scope.spawn(|| traffic.send());
        }
        let since = Instant::now();
        while since.elapsed() < seconds(6) || traffic.acked() < 100 {
            std::thread::sleep(Duration::from_millis(200 + random_below(1800)));
            database.stop();
            std::thread::sleep(Duration::from_millis(random_below(300)));
            database.restart();
            kills += 1;
            let (before, waited) = (traffic.acked(), Instant::now());
            while traffic.acked() == before {
                assert!(waited.elapsed() < Duration::from_secs(60), "nothing is accepted any more");
                std::thread::yield_now();
            }
            longest = longest.max(waited.elapsed());
        }
    });
    traffic.assert_nothing_lost(&database);
    println!("{kills} kills: {} events answered with 200; back after {longest:.1?} at most", traffic.acked());
    for server in fleet {
        server.stop();
    }
}
