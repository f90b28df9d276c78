//! A rolling restart of three instances under load, behind a proxy that takes the next instance when one does not
//! listen: every request is answered, and nothing that was acknowledged is lost.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use product_tests::{Client, Delivery, Files, History, Server, SetOnDrop, random_below, until};

const INSTANCES: usize = 3;

/// How many senders keep their connections; as many make one for each request.
const SENDERS: usize = 6;

/// How many times each instance is restarted.
const ROLLS: u64 = 2;

/// How many events each instance takes between two restarts, at least.
const LOAD: u64 = 60;

/// An instance, as its senders know it.
struct Instance {
    address: SocketAddr,
    files: Files,
    history: Mutex<History>,
    acked: AtomicU64,
}

#[derive(Default)]
struct Traffic {
    events: AtomicU64,
    failures: Mutex<Vec<String>>,
    is_over: AtomicBool,
}

#[test]
fn a_rolling_restart_answers_every_request_and_loses_nothing() {
    let mut logs: [Vec<String>; INSTANCES] = Default::default();
    let (mut servers, instances): (Vec<_>, Vec<_>) = (0..INSTANCES)
        .map(|number| {
            let files = Files::fresh(&format!("rolling-{number}"));
            let server = Server::from_command(&mut files.command(env!("CARGO_BIN_EXE_durable")), &[]);
            let instance = Instance {
                address: server.address,
                files,
                history: Mutex::default(),
                acked: AtomicU64::new(0),
            };
            (Some(server), instance)
        })
        .unzip();
    let traffic = Traffic::default();
    std::thread::scope(|scope| {
        // However this ends, the senders must.
        let _end = SetOnDrop(&traffic.is_over);
        for sender in 0..2 * SENDERS {
            let (instances, traffic) = (&instances, &traffic);
            scope.spawn(move || send(instances, traffic, sender < SENDERS));
        }
        for number in (0..INSTANCES).cycle().take(INSTANCES * ROLLS as usize) {
            let instance = &instances[number];
            let before = instance.acked.load(Ordering::Relaxed);
            until("there is load", || instance.acked.load(Ordering::Relaxed) >= before + LOAD);
            let server = servers[number].take().expect("it is running");
            logs[number].push(server.stop().stderr);
            let mut command = instance.files.command(env!("CARGO_BIN_EXE_durable"));
            servers[number] = Some(Server::listening_on(instance.address, &mut command));
        }
    });
    let failures = traffic.failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(failures, [""; 0], "of {} requests", traffic.events.into_inner());
    for (number, (instance, server)) in instances.into_iter().zip(servers).enumerate() {
        until("no task is open", || instance.files.open_tasks() == 0);
        logs[number].push(server.expect("it is running").stop().stderr);
        let history = instance.history.into_inner().unwrap_or_else(PoisonError::into_inner);
        let checked = history.assert_agrees(&instance.files, &logs[number]);
        println!("instance {number}: {} events, {} answered with 200", checked.events, history.acked.len());
    }
}

/// Sends one event after the other, each to the next instance that listens.
fn send(instances: &[Instance], traffic: &Traffic, keeps: bool) {
    let mut clients: Vec<_> = instances.iter().map(|_| Client::default()).collect();
    while !traffic.is_over.load(Ordering::Relaxed) {
        let number = traffic.events.fetch_add(1, Ordering::Relaxed);
        let delivery = Delivery::random(number, 40);
        let first = number as usize % INSTANCES;
        for at in (first..first + INSTANCES).map(|at| at % INSTANCES) {
            let instance = &instances[at];
            instance.history.lock().unwrap_or_else(PoisonError::into_inner).send(&delivery);
            match clients[at].post(instance.address, delivery.body.as_bytes()) {
                Ok(told) if told.status == 200 => {
                    instance.history.lock().unwrap_or_else(PoisonError::into_inner).ack(&delivery);
                    instance.acked.fetch_add(1, Ordering::Relaxed);
                    break;
                }
                // Nothing listens there at present.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                failed => traffic
                    .failures
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(format!("instance {at}: {failed:?}")),
            }
        }
        if !keeps {
            clients = instances.iter().map(|_| Client::default()).collect();
        }
        std::thread::sleep(Duration::from_millis(random_below(20)));
    }
}
