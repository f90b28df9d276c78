//! The disk is full: nothing is promised that cannot be kept, and the server goes on when there is room.

use std::fs;

use product_tests::{Client, Delivery, Disk, Files, History, Server, Stream, Told, until};

const DURABLE: &str = env!("CARGO_BIN_EXE_durable");

#[track_caller]
fn start(disk: &Disk, files: &Files, flags: &[&str]) -> Server {
    Server::from_command(&mut disk.command(files, DURABLE), flags)
}

fn delivery(number: u64, kilobytes: usize) -> Delivery {
    Delivery::new("payment_intent.succeeded", number, number, kilobytes * 1024)
}

#[track_caller]
fn send(history: &mut History, server: &Server, delivery: &Delivery) -> Told {
    history.send(delivery);
    let told =
        Client::default().post(server.address, delivery.body.as_bytes()).expect("it lives and answers");
    match told.status {
        200 => history.ack(delivery),
        503 => {
            let wait = told.retry_after.expect("a 503 says when to come again");
            assert!((5..=60).contains(&wait), "{told:?}");
        }
        other => panic!("{other}"),
    }
    told
}

#[test]
fn a_full_disk_refuses_events_and_loses_none() {
    let (files, mut history) = (Files::fresh("disk-full"), History::default());
    let disk = Disk::mount(&files);
    disk.fill(2 * 1024 * 1024);
    let server = start(&disk, &files, &["--disk-floor", "0"]);
    let mut numbers = 0..1_000;
    let mut refused = 0;
    for number in numbers.by_ref() {
        refused += u32::from(send(&mut history, &server, &delivery(number, 100)).status == 503);
        if refused == 20 {
            break;
        }
    }
    assert!(history.acked.len() > 10, "{}", history.acked.len());
    assert_eq!(refused, 20, "it should be full");
    server.process.line_with(Stream::Stderr, "disk is full");
    assert!(!disk.folder().join("inbox.db-reserve").exists(), "the reserve was given up");

    disk.free();
    server.process.line_with(Stream::Stderr, "has space again");
    until("it takes events again", || {
        let number = numbers.next().expect("not so many");
        send(&mut history, &server, &delivery(number, 1)).status == 200
    });
    assert_eq!(send(&mut history, &server, &delivery(5_000, 100)).status, 200);
    // The ends of runs that could not be stored are tried again.
    let log = wait_until_idle(&disk, &files, server);
    disk.copy_out(&files);
    disk.unmount();
    history.assert_agrees(&files, &[log]);
}

/// A disk is filled, in one way or another, before the server starts: it listens, refuses, and goes on when there is room.
#[test]
fn a_disk_that_is_full_at_the_start_is_survived() {
    let pages = |disk: &Disk| disk.fill_up();
    let files = |disk: &Disk| {
        let mut number = 0..;
        let mut make = || fs::write(disk.folder().join(format!("inode-{}", number.next().unwrap_or(0))), "");
        while make().is_ok() {}
    };
    let free_files = |disk: &Disk| {
        for made in fs::read_dir(disk.folder()).expect("it can be read").flatten() {
            if made.file_name().to_string_lossy().starts_with("inode-") {
                fs::remove_file(made.path()).expect("it is ours");
            }
        }
    };
    let few_files = "mount -t tmpfs -o size=8m,nr_inodes=16 tmpfs \"$1\"";
    let few_pages = "mount -t tmpfs -o size=8m tmpfs \"$1\"";
    // And whether there is an inbox already.
    type Change<'c> = &'c dyn Fn(&Disk);
    let cases: [(&str, &str, bool, Change<'_>, Change<'_>); 4] = [
        ("full-new", few_pages, false, &pages, &Disk::free),
        ("full-used", few_pages, true, &pages, &Disk::free),
        ("full-files-new", few_files, false, &files, &free_files),
        ("full-files-used", few_files, true, &files, &free_files),
    ];
    for (name, mount, is_used, fill, free) in cases {
        let (files, mut history) = (Files::fresh(&format!("disk-{name}")), History::default());
        let disk = Disk::mount_with(&files, mount);
        let mut log = String::new();
        if is_used {
            let server = start(&disk, &files, &[]);
            assert_eq!(send(&mut history, &server, &delivery(1, 1)).status, 200);
            log.push_str(&server.stop().stderr);
            fs::remove_file(disk.folder().join("inbox.db-reserve")).expect("it is there");
        }
        fill(&disk);
        let server = start(&disk, &files, &[]);
        server.process.line_with(Stream::Stderr, "disk is full");
        for number in 10..13 {
            assert_eq!(send(&mut history, &server, &delivery(number, 1)).status, 503, "{name}");
        }
        free(&disk);
        let mut numbers = 20..;
        until("it takes events", || {
            let number = numbers.next().unwrap_or(0);
            send(&mut history, &server, &delivery(number, 1)).status == 200
        });
        assert!(disk.folder().join("inbox.db-control").exists(), "{name}: the commands reach it");
        log.push_str(&wait_until_idle(&disk, &files, server));
        disk.copy_out(&files);
        disk.unmount();
        history.assert_agrees(&files, &[log]);
    }
}

#[test]
fn a_server_that_waits_for_room_ends_when_it_is_told_to() {
    let files = Files::fresh("disk-full-stopped");
    let disk = Disk::mount(&files);
    disk.fill_up();
    let server = start(&disk, &files, &[]);
    assert_eq!(send(&mut History::default(), &server, &delivery(1, 1)).status, 503);
    server.stop();
    disk.free();
    start(&disk, &files, &[]).stop();
    disk.unmount();
}

#[test]
fn the_reserve_lets_a_server_start_on_a_full_disk_and_finish_what_it_has() {
    let (files, mut history) = (Files::fresh("disk-full-reserve"), History::default());
    let disk = Disk::mount(&files);
    let server = start(&disk, &files, &[]);
    assert_eq!(send(&mut history, &server, &delivery(1, 1)).status, 200);
    server.process.signal("KILL");
    let mut log = server.process.wait().stderr;
    // What was there takes no new room.
    fs::remove_file(disk.folder().join("inbox.db-shm")).expect("it is there");
    disk.fill_up();
    let server = start(&disk, &files, &[]);
    server.process.line_with(Stream::Stderr, "inbox path=");
    assert_eq!(send(&mut history, &server, &delivery(2, 1)).status, 503);
    assert!(!disk.folder().join("inbox.db-reserve").exists(), "it was given up");
    log.push_str(&wait_until_idle(&disk, &files, server));
    disk.copy_out(&files);
    disk.unmount();
    history.assert_agrees(&files, &[log]);
}

/// Stops the server when it has handled all it has: only a copy of the file can be looked at, so it is asked again and
/// again with a server that has ended.
#[track_caller]
fn wait_until_idle(disk: &Disk, files: &Files, server: Server) -> String {
    let mut log = server.stop().stderr;
    until("no task is open", || {
        disk.copy_out(files);
        let is_idle = files.open_tasks() == 0;
        if !is_idle {
            log.push_str(&start(disk, files, &[]).stop().stderr);
        }
        is_idle
    });
    log
}

#[test]
fn below_the_floor_nothing_is_taken_in() {
    let (files, mut history) = (Files::fresh("disk-floor"), History::default());
    let disk = Disk::mount(&files);
    disk.fill(5 * 1024 * 1024);
    let server = start(&disk, &files, &["--disk-floor", "4000000"]);
    for number in 0..5 {
        assert_eq!(send(&mut history, &server, &delivery(number, 1)).status, 503);
    }
    server.process.line_with(Stream::Stderr, "disk is low");
    disk.free();
    server.process.line_with(Stream::Stderr, "has space again");
    assert_eq!(send(&mut history, &server, &delivery(10, 1)).status, 200);
    disk.fill(5 * 1024 * 1024);
    let mut numbers = 20..;
    until("the floor is reached again", || {
        send(&mut history, &server, &delivery(numbers.next().unwrap_or(0), 1)).status == 503
    });
    let log = wait_until_idle(&disk, &files, server);
    disk.copy_out(&files);
    disk.unmount();
    let checked = history.assert_agrees(&files, &[log]);
    assert!(checked.events < history.sent.len() as u64);
}
