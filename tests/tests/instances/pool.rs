//! PgBouncer in transaction mode stands between the instances and the database, with fewer connections than they have.

use std::time::{Duration, Instant};

use product_tests::{Bouncer, Postgres, SetOnDrop, random_below};

use crate::chaos::{SENDERS, seconds};
use crate::fleet::{Traffic, durable};

/// How many connections PgBouncer has to the server.
const CONNECTIONS: u32 = 3;

const INSTANCES: usize = 4;

#[test]
fn instances_work_behind_a_small_pool() {
    behind_a_pool(false);
}

/// What an instance that was killed had begun does not stay in the pool.
#[test]
fn instances_behind_a_small_pool_may_be_killed() {
    behind_a_pool(true);
}

fn behind_a_pool(kills: bool) {
    let database = Postgres::start();
    let (bouncer, traffic) = (Bouncer::start(&database, CONNECTIONS), Traffic::default());
    let start = || traffic.start_as(&mut durable(&bouncer.url()));
    let mut fleet = [(); INSTANCES].map(|()| Some(start()));
    let mut killed = 0;
    std::thread::scope(|scope| {
        let _end = SetOnDrop(&traffic.ends);
        for _ in 0..SENDERS {
            scope.spawn(|| traffic.send());
        }
        let since = Instant::now();
        while since.elapsed() < seconds(5) || traffic.acked() < 100 || kills && killed < 2 {
            std::thread::sleep(Duration::from_millis(200 + random_below(1000)));
            let place = &mut fleet[random_below(INSTANCES as u64) as usize];
            if kills && let Some(server) = place.take() {
                traffic.kill(server);
                *place = Some(start());
                killed += 1;
            }
        }
    });
    traffic.assert_nothing_lost(&database);
    let used =
        database.query("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'webhook-server%'");
    let again = database.query("SELECT count(*) FROM webhook.attempt WHERE outcome = 3");
    println!(
        "{killed} kills: {} events answered with 200 over {used} connections, {again} runs cut off",
        traffic.acked()
    );
    assert!(used.parse::<u32>().is_ok_and(|used| used <= CONNECTIONS), "{used} connections");
    for server in fleet.into_iter().flatten() {
        let log = server.stop().stderr;
        assert!(kills || !log.contains("lost its lease"), "{log}\n{}", bouncer.log());
    }
}
