//! Senders without the secret that want the server to themselves, and good events that arrive all the same.
//!
//! Everything comes from one address, as it does behind a proxy; where a scene says so, the attack comes from many.
//! `-- --nocapture` shows the figures.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use product_tests::{Client, Delivery, SECRET, Server, program, unix_now, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const MEBIBYTE: usize = 1024 * 1024;

/// How soon one whose connection was closed makes another.
const AGAIN: Duration = Duration::from_millis(100);

/// What one connection of an attack sends before it waits.
#[derive(Clone, Copy)]
enum Sends {
    /// Nothing at all.
    Nothing,
    /// Half a head.
    HalfAHead,
    /// A head, and a small body but for its last byte.
    SmallBody,
    /// A head, and a body of 1 MiB but for its last byte.
    LargeBody,
    /// The same without its length.
    Chunks,
    /// The same, a piece at a time.
    Pieces,
    /// A whole body of 1 MiB, whose signature is false.
    FalseBody,
}

struct Scene {
    name: &'static str,
    connections: u64,
    sends: Sends,
    /// The address that each connection comes from.
    from: fn(u64) -> Ipv4Addr,
}

fn one(_: u64) -> Ipv4Addr {
    Ipv4Addr::LOCALHOST
}

fn many(number: u64) -> Ipv4Addr {
    Ipv4Addr::new(127, 1, (number / 200) as u8, (number % 200) as u8 + 1)
}

/// How many connections of the attack have sent what they send, or were told to go.
#[derive(Default)]
struct Attack {
    in_place: AtomicU64,
    is_over: AtomicBool,
}

#[test]
fn good_events_are_taken_while_others_hold_large_bodies_back() {
    let one_address = |name, sends| Scene { name, connections: 64, sends, from: one };
    let refused = [
        one_address("bodies of 1 MiB without their last byte", Sends::LargeBody),
        one_address("the same in chunks", Sends::Chunks),
        one_address("the same, a piece at a time", Sends::Pieces),
        one_address("whole bodies of 1 MiB, signed falsely", Sends::FalseBody),
        Scene { name: "from many addresses", connections: 256, sends: Sends::LargeBody, from: many },
    ]
    .map(|scene| hold_out(&scene, program(env!("CARGO_BIN_EXE_durable"))));
    assert_eq!(refused, [0; 5]);
}

#[test]
fn good_events_are_taken_while_others_hold_connections() {
    let refused = [
        ("silent connections", Sends::Nothing, one as fn(u64) -> Ipv4Addr),
        ("half a head", Sends::HalfAHead, one),
        ("small bodies without their last byte", Sends::SmallBody, one),
        ("the same, from many addresses", Sends::SmallBody, many),
    ]
    .map(|(name, sends, from)| {
        let scene = Scene { name, connections: 1_500, sends, from };
        hold_out(&scene, program(env!("CARGO_BIN_EXE_durable")))
    });
    assert_eq!(refused, [0; 4]);
}

#[test]
fn a_server_with_few_file_descriptors_holds_fewer_connections() {
    let scene = Scene { name: "256 descriptors", connections: 500, sends: Sends::SmallBody, from: one };
    let mut command = program("sh");
    command.args(["-c", "ulimit -n 256; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_durable")]);
    assert_eq!(hold_out(&scene, command), 0);
}

/// Has good events sent during an attack, and returns how many of them were not taken.
fn hold_out(scene: &Scene, mut command: Command) -> usize {
    let server = Server::from_command(command.env("STRIPE_WEBHOOK_SECRET", SECRET), &[]);
    let runtime = tokio::runtime::Runtime::new().expect("the system has threads");
    let attack = Arc::<Attack>::default();
    for number in 0..scene.connections {
        let from = (scene.from)(number);
        runtime.spawn(attacker(server.address, from, scene.sends, Arc::clone(&attack)));
    }
    until("the attack is in place", || attack.in_place.load(Ordering::Relaxed) >= scene.connections);

    let address = server.address;
    let senders: Vec<_> = (0..8_u64)
        .map(|sender| {
            std::thread::spawn(move || Vec::from_iter((0..9).map(|n| good_event(address, sender * 9 + n))))
        })
        .collect();
    let mut told: Vec<_> = senders.into_iter().flat_map(|sender| sender.join().expect("no panic")).collect();
    attack.is_over.store(true, Ordering::Relaxed);
    runtime.shutdown_background();

    told.sort();
    let taken = told.iter().filter(|(status, _)| *status == Some(200)).count();
    let (_, slowest) = told.iter().max_by_key(|(_, took)| *took).expect("there are some");
    println!("{}: {taken} of {} taken, the slowest in {slowest:.1?}", scene.name, told.len());
    server.process.signal("KILL");
    server.process.wait();
    told.len() - taken
}

/// Sends an event of 4 KB on a connection of its own. The status is missing if no answer came.
fn good_event(to: SocketAddr, number: u64) -> (Option<u16>, Duration) {
    let delivery = Delivery::new("payment_intent.succeeded", number, number, 0);
    let body = format!("{}{}", delivery.body, " ".repeat(4096_usize.saturating_sub(delivery.body.len())));
    let began = Instant::now();
    let told = Client::default().post(to, body.as_bytes());
    (told.ok().map(|told| told.status), began.elapsed())
}

/// Holds a connection for as long as the server puts up with it, again and again.
async fn attacker(to: SocketAddr, from: Ipv4Addr, sends: Sends, attack: Arc<Attack>) {
    let mut first = true;
    while !attack.is_over.load(Ordering::Relaxed) {
        if let Ok(mut stream) = connect(to, from).await {
            let sent = send(&mut stream, sends).await;
            if std::mem::take(&mut first) {
                attack.in_place.fetch_add(1, Ordering::Relaxed);
            }
            if sent.is_ok() {
                // Until it is answered or closed.
                let _ = stream.read(&mut [0; 1024]).await;
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn connect(to: SocketAddr, from: Ipv4Addr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(IpAddr::V4(from), 0))?;
    socket.connect(to).await
}

async fn send(stream: &mut TcpStream, sends: Sends) -> std::io::Result<()> {
    let head = |framing: &str| {
        let (now, digits) = (unix_now(), "0".repeat(64));
        format!(
            "POST /webhook HTTP/1.1\r\nHost: a\r\nStripe-Signature: t={now},v1={digits}\r\n{framing}\r\n\r\n"
        )
    };
    let length = |length: usize| head(&format!("Content-Length: {length}"));
    match sends {
        Sends::Nothing => Ok(()),
        Sends::HalfAHead => stream.write_all(b"POST /webhook HTTP/1.1\r\nHost:").await,
        Sends::SmallBody => stream.write_all(format!("{}{{", length(4096)).as_bytes()).await,
        Sends::LargeBody => {
            stream.write_all(length(MEBIBYTE).as_bytes()).await?;
            stream.write_all(&vec![b' '; MEBIBYTE - 1]).await
        }
        Sends::FalseBody => {
            stream.write_all(length(MEBIBYTE).as_bytes()).await?;
            stream.write_all(&vec![b' '; MEBIBYTE]).await
        }
        Sends::Chunks => {
            let chunk = [b"8000\r\n", &*vec![b' '; 0x8000], b"\r\n"].concat();
            stream.write_all(head("Transfer-Encoding: chunked").as_bytes()).await?;
            for _ in 0..MEBIBYTE / 0x8000 {
                stream.write_all(&chunk).await?;
            }
            Ok(())
        }
        Sends::Pieces => {
            stream.write_all(length(MEBIBYTE).as_bytes()).await?;
            for _ in 0..63 {
                stream.write_all(&[b' '; 16 * 1024]).await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            stream.write_all(&[b' '; 16 * 1024 - 1]).await
        }
    }
}
