//! The database moves to a standby, or the standby is away, while instances receive.

use std::process::Command;
use std::time::{Duration, Instant};

use product_tests::{
    Client, Delivery, EFFECT_TABLE, Pair, Postgres, Server, SetOnDrop, Stream, random_below, until,
    wrong_clock,
};

use crate::chaos::{SENDERS, seconds};
use crate::fleet::{Traffic, assert_exactly_once, durable, transactional};

/// How many connections an instance uses at most, how many it may have given up while the server was at work on them, and one
/// that looks for another primary for a moment.
const CONNECTIONS: usize = 6 + 2 + 1;

/// How many instances there are.
const INSTANCES: usize = 3;

/// How the primary goes away.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// Its machine is lost.
    Killed,
    /// It hangs: its connections stay open, and nothing is answered.
    Frozen,
}

/// Sends events to instances that know both servers, while `then` does something to these.
fn under_load(
    pair: &mut Pair,
    programs: &mut [Command],
    then: impl FnOnce(&mut Pair, &Traffic),
) -> (Traffic, Vec<Server>) {
    let traffic = Traffic::default();
    let fleet: Vec<Server> = programs.iter_mut().map(|program| traffic.start_as(program)).collect();
    std::thread::scope(|scope| {
        let _end = SetOnDrop(&traffic.ends);
        for _ in 0..SENDERS {
            scope.spawn(|| traffic.send());
        }
        wait_for_more(&traffic, 100);
        then(pair, &traffic);
    });
    (traffic, fleet)
}

/// Waits until this many more events are answered with 200.
#[track_caller]
fn wait_for_more(traffic: &Traffic, more: usize) {
    let before = traffic.acked();
    until("more events are accepted", || traffic.acked() >= before + more);
}

/// Lets the standby take over, and returns for how long nothing was accepted.
#[track_caller]
fn fail_over(pair: &mut Pair, traffic: &Traffic, end: End) -> Duration {
    let since = Instant::now();
    match end {
        End::Killed => pair.primary.kill(),
        End::Frozen => pair.primary.freeze(),
    }
    pair.standby.promote();
    wait_for_more(traffic, 1);
    let gap = since.elapsed();
    wait_for_more(traffic, 50);
    gap
}

/// Stops the instances, and looks for what must not be in their logs.
#[track_caller]
fn stop(fleet: Vec<Server>) {
    for server in fleet {
        let log = server.stop().stderr;
        assert!(!log.contains("panicked"), "{log}");
    }
}

fn instances_of(program: impl Fn(&str) -> Command, pair: &Pair) -> Vec<Command> {
    let instance = |_| {
        let mut program = program(&pair.url());
        program.env("TRANSACTIONS_URL", pair.parameters());
        program
    };
    (0..INSTANCES).map(instance).collect()
}

/// Fails over again and again, each time with new servers.
fn fail_over_repeatedly(
    servers: impl Fn() -> Pair,
    program: impl Fn(&str) -> Command,
    end: End,
    check: impl Fn(&Postgres),
) {
    let (since, mut rounds, mut acked, mut longest) = (Instant::now(), 0, 0, Duration::ZERO);
    while rounds == 0 || since.elapsed() < seconds(6) {
        let mut pair = servers();
        let _ = pair.primary.query(EFFECT_TABLE);
        let mut programs = instances_of(&program, &pair);
        let (traffic, fleet) = under_load(&mut pair, &mut programs, |pair, traffic| {
            std::thread::sleep(Duration::from_millis(random_below(500)));
            longest = longest.max(fail_over(pair, traffic, end));
        });
        traffic.assert_nothing_lost(&pair.standby);
        check(&pair.standby);
        stop(fleet);
        acked += traffic.acked();
        rounds += 1;
    }
    println!(
        "{end:?}, {rounds} failovers: {acked} events answered with 200; back after {longest:.1?} at most"
    );
}

/// The primary is killed, and the standby, for which each commit has waited, takes over.
#[test]
fn a_failover_loses_nothing() {
    fail_over_repeatedly(Pair::synchronous, durable, End::Killed, |_| ());
}

/// The same, with effects in the transactions that end the tasks: none is missing, and none is there twice.
#[test]
fn effects_in_transactions_survive_a_failover_exactly_once() {
    fail_over_repeatedly(Pair::synchronous, transactional, End::Killed, assert_exactly_once);
}

/// The primary hangs, so that no connection to it ends.
#[test]
fn a_failover_from_a_server_that_hangs_loses_nothing() {
    fail_over_repeatedly(Pair::synchronous, durable, End::Frozen, |_| ());
}

/// What the others show could not fail if no failover lost anything: one to a standby that lags does.
#[test]
fn a_failover_to_a_standby_that_lags_loses_events() {
    let mut pair = Pair::asynchronous();
    let mut programs = instances_of(durable, &pair);
    let (traffic, fleet) = under_load(&mut pair, &mut programs, |pair, traffic| {
        pair.primary.freeze_sender();
        wait_for_more(traffic, 50);
        fail_over(pair, traffic, End::Killed);
    });
    let lost = traffic.lost(&pair.standby).len();
    println!("{lost} of {} events are lost without a synchronous standby", traffic.acked());
    assert!(lost > 0, "the standby has all");
    stop(fleet);
}

/// Waits for the standby are cancelled, so that the server reports a success that the standby knows nothing of. It takes over.
#[test]
fn a_wait_that_is_cancelled_is_not_a_success() {
    let (since, mut rounds, mut acked, mut cancelled) = (Instant::now(), 0, 0, 0);
    while rounds == 0 || since.elapsed() < seconds(6) {
        let mut pair = Pair::synchronous();
        let mut programs = instances_of(durable, &pair);
        let (traffic, fleet) = under_load(&mut pair, &mut programs, |pair, traffic| {
            pair.primary.freeze_sender();
            let mut in_round = 0;
            until("many waits are cancelled", || {
                let done = pair.primary.query(
                    "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity
                     WHERE wait_event = 'SyncRep' AND random() < 0.5",
                );
                in_round += done.parse::<u32>().expect("it is a number");
                in_round >= 50
            });
            cancelled += in_round;
            fail_over(pair, traffic, End::Killed);
        });
        traffic.assert_nothing_lost(&pair.standby);
        stop(fleet);
        acked += traffic.acked();
        rounds += 1;
    }
    println!("{rounds} failovers, {cancelled} waits cancelled: {acked} events answered with 200");
}

/// The standby hangs, and is stopped. Nothing is accepted until it is back.
#[test]
fn nothing_is_accepted_while_the_standby_is_away() {
    let mut pair = Pair::synchronous();
    let _ = pair.primary.query(EFFECT_TABLE);
    let mut programs = instances_of(transactional, &pair);
    let (mut most, mut refused) = (0, 0);
    let (traffic, fleet) = under_load(&mut pair, &mut programs, |pair, traffic| {
        for hangs in [true, false] {
            if hangs {
                pair.standby.freeze();
            } else {
                pair.standby.stop();
            }
            let (since, mut client) = (Instant::now(), Client::default());
            while since.elapsed() < seconds(6) || refused == 0 {
                let late = Delivery::random(1_000_000 + refused, 1);
                let told = client.post(traffic.any(), late.body.as_bytes()).expect("it is answered");
                assert_eq!(told.status, 503, "the standby is away");
                refused += 1;
                most = most.max(connections(&pair.primary));
                std::thread::sleep(Duration::from_millis(50));
            }
            if hangs {
                pair.standby.thaw();
            } else {
                pair.standby.restart();
            }
            wait_for_more(traffic, 100);
        }
    });
    assert!(most <= INSTANCES * CONNECTIONS, "{most} connections");
    traffic.assert_nothing_lost(&pair.primary);
    assert_exactly_once(&pair.primary);
    println!("{refused} events refused, {most} connections at most, {} answered with 200", traffic.acked());
    until("no connection is left that was given up", || connections(&pair.primary) <= INSTANCES * 6);
    stop(fleet);
}

/// How many connections the instances have.
fn connections(database: &Postgres) -> usize {
    let text = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'webhook-server%'";
    database.query(text).parse().expect("it is a number")
}

/// The clock of the new primary is ahead by an hour: all leases seem to have ended, and no task seems to be too early.
#[test]
fn the_next_primary_is_ahead() {
    let servers = || Pair::with_wrong_clock("+1h");
    fail_over_repeatedly(servers, transactional, End::Killed, assert_exactly_once);
}

/// The clock of the new primary is behind by an hour: what was due before the failover is due in an hour.
#[test]
fn the_next_primary_is_behind() {
    let mut pair = Pair::with_wrong_clock("-1h");
    let _ = pair.primary.query(EFFECT_TABLE);
    let mut programs = instances_of(transactional, &pair);
    let (traffic, fleet) = under_load(&mut pair, &mut programs, |pair, traffic| {
        fail_over(pair, traffic, End::Killed);
    });
    // The hour passes, for a new instance: one that saw later times would look for earlier ones once a minute.
    stop(fleet);
    let fleet = vec![traffic.start_as(&mut instances_of(transactional, &pair)[0])];
    let pass = "UPDATE webhook.task SET due_ms = extract(epoch FROM now()) * 1000
                WHERE state = 0 AND due_ms > extract(epoch FROM now() + interval '1 minute') * 1000";
    until("no task is open", || {
        let _ = pair.standby.query(pass);
        pair.standby.query("SELECT count(*) FROM webhook.task") == "0"
    });
    traffic.assert_nothing_lost(&pair.standby);
    assert_exactly_once(&pair.standby);
    stop(fleet);
}

/// The clock of an instance is wrong by almost an hour, which is as much as signatures may be old. It keeps its lease, and
/// leaves the other one's alone.
#[test]
fn the_clocks_of_instances_do_not_matter() {
    for offset in ["+55m", "-55m"] {
        let (database, traffic) = (Postgres::start(), Traffic::default());
        let _ = database.query(EFFECT_TABLE);
        let program = || {
            let mut program = transactional(&database.url());
            program.env("WEBHOOK_TOLERANCE", "1h").env("WEBHOOK_FUTURE_TOLERANCE", "1h");
            // So long that no machine is too slow to keep it.
            program.env("WEBHOOK_INBOX_LEASE", "2m");
            program
        };
        let right = traffic.start_as(&mut program());
        let wrong = traffic.start_as(program().envs(wrong_clock(offset)));
        let logged = wrong.process.line_with(Stream::Stderr, "listening");
        let minute = |text: &str| text.get(..16).map(str::to_owned);
        assert_ne!(minute(&logged), minute(&right.process.line_with(Stream::Stderr, "listening")));
        let instances = "SELECT id FROM webhook.instance ORDER BY id";
        until("both have joined", || database.query(instances).lines().count() == 2);
        let joined = database.query(instances);
        std::thread::scope(|scope| {
            let _end = SetOnDrop(&traffic.ends);
            for _ in 0..SENDERS {
                scope.spawn(|| traffic.send());
            }
            wait_for_more(&traffic, 200);
        });
        traffic.assert_nothing_lost(&database);
        assert_exactly_once(&database);
        assert_eq!(database.query(instances), joined, "no lease was lost");
        assert_eq!(database.query("SELECT count(*) FROM webhook.attempt WHERE outcome = 3"), "0");
        println!("{offset}: {} events answered with 200", traffic.acked());
        stop(vec![right, wrong]);
    }
}
