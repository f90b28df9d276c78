//! Who gives way, and when.

use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn admit(connections: &Connections, address: &str) -> Connection {
    let peer = SocketAddr::new(address.parse().expect("it is an address"), 1);
    let connection = connections.admit(Some(peer)).expect("there is room");
    connection.waits();
    connection
}

fn left(connections: &[&Connection]) -> Vec<usize> {
    let asked = |connection: &Connection| {
        pin!(connection.must_give_way()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    };
    connections.iter().enumerate().filter(|(_, it)| asked(it)).map(|(at, _)| at).collect()
}

#[tokio::test(start_paused = true)]
async fn the_one_that_was_waited_for_longest_gives_way() {
    let connections = Connections::new(3, 0, 0);
    let [answering, silent, kept] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map(|it| admit(&connections, it));
    assert!(answering.received_request());
    tokio::time::advance(SECOND).await;
    // One that has just been answered has kept nobody waiting.
    kept.ended_request(false);
    let new = admit(&connections, "10.0.0.4");
    assert_eq!(left(&[&answering, &silent, &kept, &new]), [1]);
    silent.must_give_way().await;
    assert!(!silent.received_request(), "it is too late");
    tokio::time::advance(SECOND).await;
    let newer = admit(&connections, "10.0.0.5");
    assert_eq!(left(&[&answering, &silent, &kept, &new, &newer]), [1, 2]);

    // All are being answered: there is nobody to give way, until one is through.
    assert!(new.received_request() && newer.received_request());
    assert!(connections.admit(None).is_none());
    drop(answering);
    assert!(connections.admit(None).is_some());
}

#[tokio::test(start_paused = true)]
async fn one_gives_way_only_after_the_server_has_looked_for_its_request() {
    let connections = Connections::new(2, 0, 0);
    let [slow, new] = [(); 2].map(|()| connections.admit(None).expect("there is room"));
    assert!(connections.admit(None).is_none(), "the senders wait for the server");
    tokio::time::advance(SECOND).await;
    new.began_request();
    assert!(connections.admit(None).is_none(), "the server has not looked for its body");
    new.waits();
    tokio::time::advance(SECOND).await;
    slow.waits();
    tokio::time::advance(SECOND).await;
    // The wait begins once.
    new.waits();
    assert!(connections.admit(None).is_some());
    assert_eq!(left(&[&slow, &new]), [1]);
}

#[tokio::test]
async fn a_few_more_than_can_be_served_are_surplus() {
    let connections = Connections::new(1, 2, 0);
    let answering = admit(&connections, "10.0.0.1");
    assert!(answering.received_request() && !answering.is_surplus());
    let surplus = [(); 2].map(|()| connections.admit_surplus(None).expect("there is room"));
    assert!(surplus.iter().all(Connection::is_surplus));
    assert_eq!(left(&[&answering, &surplus[0], &surplus[1]]), [1, 2]);
    assert!(connections.admit_surplus(None).is_none());

    // One that is told to come again makes room for the next one that is told so.
    drop(surplus);
    assert!(connections.admit_surplus(None).is_some());
}

#[tokio::test]
async fn one_that_waits_for_room_gets_it() {
    let peer = SocketAddr::from(([10, 0, 0, 9], 1));
    // Another one ends, has been answered, or is waited for.
    let ways: [fn(&mut Option<Connection>); 3] = [
        |other| drop(other.take()),
        |other| other.iter().for_each(|other| other.ended_request(false)),
        |other| other.iter().for_each(Connection::waits),
    ];
    for way in ways {
        let connections = Connections::new(1, 0, 0);
        let mut other = connections.admit(None);
        let mut waiting = pin!(connections.room_for(peer));
        let mut is_ready = || waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        assert!(!is_ready());
        way(&mut other);
        assert!(is_ready());
    }
}

#[tokio::test(start_paused = true)]
async fn the_known_give_way_last() {
    for (known, stranger, neighbour) in [
        ("10.0.0.1", "10.0.0.2", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.2", "10.0.0.1"),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:0:1:ffff::2"),
    ] {
        let connections = Connections::new(2, 0, 0);
        drop({
            let connection = admit(&connections, known);
            connection.sent_authentic_event();
            connection
        });
        let neighbour = admit(&connections, neighbour);
        tokio::time::advance(SECOND).await;
        let strangers = [admit(&connections, stranger), admit(&connections, stranger)];
        assert_eq!(left(&[&neighbour, &strangers[0], &strangers[1]]), [1], "{known}");
        // Among themselves, they are as all others.
        strangers[1].sent_authentic_event();
        admit(&connections, stranger);
        assert_eq!(left(&[&neighbour, &strangers[0], &strangers[1]]), [0, 1], "{known}");
    }
}

#[tokio::test(start_paused = true)]
async fn memory_is_freed_by_those_that_hold_it_and_are_waited_for() {
    let connections = Connections::new(10, 0, 100);
    let [whole, slow, small, new] =
        ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"].map(|it| admit(&connections, it));
    let of_whole = whole.take_memory(40).await.expect("there is room");
    let of_slow = slow.take_memory(60).await.expect("there is room");
    assert!(whole.received_request());
    tokio::time::advance(SECOND).await;
    let leaving = async {
        slow.must_give_way().await;
        drop(of_slow);
    };
    let (taken, ()) = tokio::join!(new.take_memory(50), leaving);
    let taken = taken.expect("it was left");
    assert_eq!(left(&[&whole, &slow, &small, &new]), [1]);

    // Nobody else may be asked but the asker itself.
    assert!(new.received_request());
    let in_vain = admit(&connections, "10.0.0.5");
    assert!(in_vain.take_memory(20).await.is_err());
    assert_eq!(left(&[&whole, &slow, &small, &new, &in_vain]), [1]);
    drop((of_whole, taken));
    assert!(in_vain.take_memory(100).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn bad_requests_do_not_make_a_connection_younger() {
    let connections = Connections::new(2, 0, 0);
    let [bad, good] = ["10.0.0.1", "10.0.0.2"].map(|it| admit(&connections, it));
    let exchange = |connection: &Connection, refused| {
        connection.began_request();
        assert!(connection.received_request());
        connection.ended_request(refused);
    };
    exchange(&bad, true);
    tokio::time::advance(SECOND).await;
    exchange(&good, false);
    tokio::time::advance(SECOND).await;
    exchange(&bad, true);
    bad.began_request();
    bad.waits();
    let new = admit(&connections, "10.0.0.3");
    assert_eq!(left(&[&bad, &good, &new]), [0]);

    // After a good request, it is like the others.
    exchange(&new, true);
    tokio::time::advance(SECOND).await;
    exchange(&new, false);
    let newer = admit(&connections, "10.0.0.4");
    assert_eq!(left(&[&good, &new, &newer]), [0]);
}
