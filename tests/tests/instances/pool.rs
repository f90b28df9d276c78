//! PgBouncer in transaction mode stands between the instances and the database, with fewer connections than they have.
//!
//! No instance is killed here: PgBouncer 1.18 then loses an answer now and then, and what waits for it takes a minute or longer.

use std::time::Instant;

use product_tests::{Bouncer, Postgres, SetOnDrop};

use crate::chaos::{SENDERS, seconds};
use crate::fleet::{Traffic, durable};

/// How many connections PgBouncer has to the server.
const CONNECTIONS: u32 = 3;

const INSTANCES: usize = 4;

#[test]
fn instances_work_behind_a_small_pool() {
    let database = Postgres::start();
    let (bouncer, traffic) = (Bouncer::start(&database, CONNECTIONS), Traffic::default());
    let fleet = [(); INSTANCES].map(|()| traffic.start_as(&mut durable(&bouncer.url())));
    std::thread::scope(|scope| {
        let _end = SetOnDrop(&traffic.ends);
        for _ in 0..SENDERS {
            scope.spawn(|| traffic.send());
        }
        let since = Instant::now();
        while since.elapsed() < seconds(5) || traffic.acked() < 100 {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    });
    traffic.assert_nothing_lost(&database);
    let used =
        database.query("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'webhook-server%'");
    println!("{} events answered with 200 over {used} connections", traffic.acked());
    assert!(used.parse::<u32>().is_ok_and(|used| used <= CONNECTIONS), "{used} connections");
    for server in fleet {
        server.stop();
    }
}
