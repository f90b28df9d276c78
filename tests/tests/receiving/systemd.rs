//! A service of systemd: the socket that it is passed, and what it tells.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use product_tests::{
    Client, Connection, Delivery, PATIENCE, Process, SECRET, Server, Stream, new_inbox, program, until,
    url_in,
};

/// A command that runs a program with a socket as descriptor 3, which comes from standard input.
fn activated(executable: &str, sockets: u32) -> Command {
    let script =
        format!("exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS={sockets}; exec {executable:?} serve");
    let mut command = program("sh");
    command.args(["-c", &script]).env("STRIPE_WEBHOOK_SECRET", SECRET).env_remove("WEBHOOK_LISTEN");
    command
}

/// Starts the server on a socket that listens already, and waits until it is ready.
fn start(socket: &TcpListener, inbox: &Path) -> Process {
    let passed = OwnedFd::from(socket.try_clone().expect("there are descriptors"));
    let mut command = activated(env!("CARGO_BIN_EXE_durable"), 1);
    let process = Process::start_reading(command.env("WEBHOOK_INBOX", inbox), passed);
    command.stdin(Stdio::null());
    let address = socket.local_addr().expect("it has one");
    assert_eq!(process.line(Stream::Stderr, url_in), format!("http://{address}/webhook"));
    process
}

#[test]
fn a_restart_on_a_passed_socket_loses_no_connection() {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let (address, inbox) = (socket.local_addr().expect("it has one"), new_inbox());
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut process = start(&socket, &inbox);
    let senders: Vec<_> = (0..8)
        .map(|sender| {
            let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
            std::thread::spawn(move || send_until(address, sender, &stop, &answered))
        })
        .collect();
    for _ in 0..3 {
        let before = answered.load(Ordering::Relaxed);
        until("there is load", || answered.load(Ordering::Relaxed) >= before + 50);
        process.signal("TERM");
        let ended = process.wait().with_code(0);
        assert!(!ended.stderr.contains("still in progress"), "{ended:#?}");
        process = start(&socket, &inbox);
    }
    stop.store(true, Ordering::Relaxed);
    let lost: u64 = senders.into_iter().map(|sender| sender.join().expect("no panic")).sum();
    process.signal("TERM");
    process.wait().with_code(0);
    assert_eq!(lost, 0, "of {}", lost + answered.load(Ordering::Relaxed));
}

/// Sends events, half of the senders on a connection that is kept. Returns how many were not answered with 200.
fn send_until(to: SocketAddr, sender: u64, stop: &AtomicBool, answered: &AtomicU64) -> u64 {
    let (mut client, mut lost) = (Client::default(), 0);
    for number in (sender * 1_000_000).. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let delivery = Delivery::new("payment_intent.succeeded", number, number, 0);
        match client.post(to, delivery.body.as_bytes()) {
            Ok(told) if told.status == 200 => _ = answered.fetch_add(1, Ordering::Relaxed),
            other => {
                eprintln!("{other:?}");
                lost += 1;
            }
        }
        if sender.is_multiple_of(2) {
            client = Client::default();
        }
    }
    lost
}

#[test]
fn a_socket_that_it_cannot_listen_on_stops_the_start() {
    let socket = || OwnedFd::from(TcpListener::bind("127.0.0.1:0").expect("a port is free"));
    let file = || OwnedFd::from(File::open("/dev/null").expect("it is there"));
    for (passed, count, told) in
        [(socket(), 2, "there are 2, and this server listens on one"), (file(), 1, "fd 3 is not a socket")]
    {
        let mut command = activated(env!("CARGO_BIN_EXE_durable"), count);
        let refused = Process::start_reading(&mut command, passed).wait().with_code(78);
        assert!(refused.stderr.contains(told), "{told}: {refused:#?}");
    }
    // Nor is there an address beside it, which would decide nothing.
    let mut command = activated(env!("CARGO_BIN_EXE_durable"), 1);
    let refused = Process::start_reading(command.env("WEBHOOK_LISTEN", "127.0.0.1:0"), socket()).wait();
    assert!(refused.with_code(78).stderr.contains("WEBHOOK_LISTEN is set, but systemd passes a socket"));
    // What is meant for another process is left alone.
    let mut command = program(env!("CARGO_BIN_EXE_durable"));
    command.env("STRIPE_WEBHOOK_SECRET", SECRET).env("LISTEN_PID", "1").env("LISTEN_FDS", "1");
    Server::from_command(&mut command, &[]).stop();
}

#[test]
fn it_tells_when_it_is_ready_reloads_and_stops() {
    let folder = tempfile::tempdir().expect("there is room");
    let name = folder.path().join("notify");
    let socket = UnixDatagram::bind(&name).expect("the folder can be written to");
    socket.set_read_timeout(Some(PATIENCE)).expect("the timeout is not zero");
    let next = || {
        let mut message = [0; 1024];
        let length = socket.recv(&mut message).expect("there is a message in time");
        String::from_utf8(message[..length].to_vec()).expect("it is text")
    };
    let next_state = || std::iter::repeat_with(next).find(|message| message != "WATCHDOG=1\n");
    let mut mounted = program(env!("CARGO_BIN_EXE_mounted"));
    mounted.env_remove("WEBHOOK_LISTEN");
    for mut command in [program(env!("CARGO_BIN_EXE_durable")), mounted] {
        command.env("STRIPE_WEBHOOK_SECRET", SECRET).env("NOTIFY_SOCKET", &name);
        let process = Process::start(command.env("WATCHDOG_USEC", "100000"));
        assert_eq!(next_state().as_deref(), Some("READY=1\n"));
        std::iter::repeat_with(next).filter(|message| message == "WATCHDOG=1\n").take(3).for_each(drop);
        process.signal("HUP");
        let reloading = next_state().expect("it never ends");
        let now =
            reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").and_then(|rest| rest.strip_suffix('\n'));
        assert!(now.is_some_and(|now| now.parse::<u64>().is_ok_and(|now| now > 0)), "{reloading:?}");
        assert_eq!(next_state().as_deref(), Some("READY=1\n"));
        process.signal("TERM");
        assert_eq!(next_state().as_deref(), Some("STOPPING=1\n"));
        process.wait().with_code(0);
        // What was still under way when it ended.
        socket.set_nonblocking(true).expect("it can be");
        while socket.recv(&mut [0; 1024]).is_ok() {}
        socket.set_nonblocking(false).expect("it can be");
    }
}

/// A message waits until those before it were read. Receiving must not.
#[test]
fn a_systemd_that_does_not_read_delays_no_answer() {
    let folder = tempfile::tempdir().expect("there is room");
    let name = folder.path().join("notify");
    let _socket = UnixDatagram::bind(&name).expect("the folder can be written to");
    let other = UnixDatagram::unbound().expect("the system has sockets");
    other.connect(&name).expect("it is there");
    other.set_nonblocking(true).expect("it can be");
    while other.send(b"X_FULL=1").is_ok() {}
    let mut command = program(env!("CARGO_BIN_EXE_durable"));
    command.env("STRIPE_WEBHOOK_SECRET", SECRET).env("NOTIFY_SOCKET", &name).env("WATCHDOG_USEC", "2000");
    let server = Server::from_command(&mut command, &[]);
    let mut connection = Connection::open(server.address);
    connection.send("GET /webhook HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(connection.answer().status(), 405);
    server.stop();
}
