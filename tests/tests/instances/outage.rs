//! Many instances come back together after an outage of the database, and none takes more connections than it may have.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use product_tests::{Postgres, SetOnDrop, random_below, until};

use crate::chaos::{SENDERS, seconds};
use crate::fleet::{Traffic, durable};

const INSTANCES: usize = 8;

/// The setting `inbox-connections` of these instances, which is its default.
const BUDGET: u32 = 6;

#[test]
fn no_instance_exceeds_its_connections_after_an_outage() {
    let (mut database, traffic) = (Postgres::start(), Traffic::default());
    let fleet: Vec<_> = (0..INSTANCES)
        .map(|nth| {
            traffic.start_as(&mut durable(&format!("{}&application_name=instance-{nth}", database.url())))
        })
        .collect();
    let ends = AtomicBool::new(false);
    let (mut outages, mut longest) = (0, Duration::ZERO);
    let mut client = database.client();
    let most = std::thread::scope(|scope| {
        let _end = (SetOnDrop(&ends), SetOnDrop(&traffic.ends));
        let watcher = scope.spawn(|| watch(&mut client, &ends));
        for _ in 0..SENDERS {
            scope.spawn(|| traffic.send());
        }
        let since = Instant::now();
        while since.elapsed() < seconds(5) || outages < 3 {
            std::thread::sleep(Duration::from_millis(200 + random_below(800)));
            database.stop();
            std::thread::sleep(Duration::from_millis(random_below(1000)));
            database.restart();
            outages += 1;
            let back = Instant::now();
            let renewed = "SELECT count(*) FROM webhook.instance WHERE lease_until_ms > extract(epoch FROM now()) * 1000";
            until("all have renewed their leases", || database.query(renewed) == INSTANCES.to_string());
            longest = longest.max(back.elapsed());
        }
        ends.store(true, Ordering::Relaxed);
        watcher.join().expect("it has watched")
    });
    traffic.assert_nothing_lost(&database);
    println!(
        "{outages} outages: {} events answered with 200; all {INSTANCES} instances were back after {longest:.1?} at most, \
         each with {most:?} connections at most",
        traffic.acked()
    );
    assert_eq!(most.len(), INSTANCES, "{most:?}");
    assert!(most.values().all(|most| *most <= BUDGET), "{most:?}");
    for server in fleet {
        server.stop();
    }
}

/// How many connections each instance had at most, until the end.
fn watch(client: &mut Command, ends: &AtomicBool) -> BTreeMap<String, u32> {
    let count = "SELECT application_name, count(*) FROM pg_stat_activity WHERE application_name LIKE 'instance-%' GROUP BY 1";
    client.args(["-c", count]);
    let mut most = BTreeMap::<String, u32>::new();
    while !ends.load(Ordering::Relaxed) {
        // It fails while the database is away.
        let Ok(seen) = client.output() else { continue };
        for line in String::from_utf8_lossy(&seen.stdout).lines() {
            let Some((name, count)) = line.split_once('|') else { continue };
            let most = most.entry(name.to_owned()).or_default();
            *most = (*most).max(count.parse().expect("it is a count"));
        }
    }
    most
}
