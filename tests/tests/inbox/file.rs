//! Whose file it is: a server starts on an inbox of its own, waits for the one that has it, and refuses what is not safe.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use product_tests::{
    Client, Delivery, Disk, Ended, Files, Process, Server, Stream, repository, run, tool, until,
};
use rusqlite::Connection;

const DURABLE: &str = env!("CARGO_BIN_EXE_durable");

/// Expects that a start is refused, for one reason, which is told.
#[track_caller]
fn refused(command: &mut Command, reason: &str) -> Ended {
    let ended = run(command.args(["serve", "--listen", "127.0.0.1:0"])).with_code(78);
    assert!(ended.stderr.contains("cannot start: 1 problem\n"), "{}", ended.stderr);
    let told: Vec<_> = ended.stderr.lines().filter(|line| line.starts_with("  1. the inbox ")).collect();
    assert!(told.len() == 1 && told[0].contains(reason), "{reason}: {}", ended.stderr);
    assert!(!ended.stderr.contains("listening"), "{}", ended.stderr);
    ended
}

/// Makes an inbox with an event in it.
#[track_caller]
fn used(name: &str) -> Files {
    let files = Files::fresh(name);
    let server = Server::from_command(&mut files.command(DURABLE), &[]);
    assert_eq!(deliver(&server, "payment_intent.succeeded"), 200);
    until("no task is open", || files.open_tasks() == 0);
    server.stop();
    files
}

#[track_caller]
fn deliver(server: &Server, event_type: &'static str) -> u16 {
    let delivery = Delivery::new(event_type, 1, 1, 0);
    Client::default().post(server.address, delivery.body.as_bytes()).expect("it lives and answers").status
}

#[test]
fn a_disk_that_cannot_be_written_at_all_is_no_full_disk() {
    let files = Files::fresh("disk-never");
    let disk = Disk::mount(&files);
    disk.fill_up();
    let remount = ["-o", "remount,bind,ro"];
    run(disk.command(&files, "mount").args(remount).arg(disk.mounted_at())).with_code(0);
    refused(&mut disk.command(&files, DURABLE), "cannot be written");
    disk.unmount();
}

#[test]
fn a_file_that_cannot_be_written_is_refused() {
    let files = Files::fresh("disk-read-only");
    let disk = Disk::mount(&files);
    Server::from_command(&mut disk.command(&files, DURABLE), &[]).stop();
    let mount = |options: &[&str], at: &Path| {
        run(disk.command(&files, "mount").args(options).arg(at)).with_code(0);
    };
    // The file alone; permissions would not stop root.
    let inbox = disk.mounted_at().join("inbox.db");
    mount(&["--bind", inbox.to_str().expect("our folders have plain names")], &inbox);
    mount(&["-o", "remount,bind,ro"], &inbox);
    refused(&mut disk.command(&files, DURABLE), "inbox.db cannot be written");
    // And all of the disk.
    run(disk.command(&files, "umount").arg(&inbox)).with_code(0);
    mount(&["-o", "remount,bind,ro"], disk.mounted_at());
    refused(&mut disk.command(&files, DURABLE), "cannot be written");
    disk.unmount();
}

#[test]
fn a_file_that_is_not_what_it_should_be_is_refused_and_left_alone() {
    for (name, reason, damage) in [
        ("disk-header", "its header is damaged", damage_header as fn(&Path)),
        ("disk-other", "is another program's database", replace_by_other),
    ] {
        let files = used(name);
        damage(&files.inbox());
        let before = fs::read(files.inbox()).expect("it is there");
        refused(&mut files.command(DURABLE), reason);
        assert!(fs::read(files.inbox()).is_ok_and(|after| after == before), "{name}: it was changed");
    }
}

#[test]
fn a_file_of_something_else_gets_no_neighbours() {
    let files = Files::fresh("file-no-neighbours");
    for (content, reason) in
        [("a diary", "its header is damaged"), ("", "is another program's database: name another file")]
    {
        fs::write(files.inbox(), content).expect("the folder is ours");
        if content.is_empty() {
            replace_by_other(&files.inbox());
        }
        refused(&mut files.command(DURABLE), reason);
        let left = fs::read_dir(files.folder()).expect("it is there").flatten();
        let left: Vec<_> = left.map(|file| file.file_name()).filter(|name| name != "effects.db").collect();
        assert_eq!(left, ["inbox.db"]);
    }
}

fn damage_header(path: &Path) {
    let mut bytes = fs::read(path).expect("it is there");
    bytes[..16].fill(0x5a);
    fs::write(path, bytes).expect("it is ours");
}

fn replace_by_other(path: &Path) {
    fs::remove_file(path).expect("it is ours");
    let db = Connection::open(path).expect("nobody has it");
    db.execute_batch("CREATE TABLE others (name TEXT)").expect("it can be written");
}

#[test]
fn a_second_server_is_refused_and_told_of_the_first() {
    let files = Files::fresh("disk-second");
    let first = Server::from_command(&mut files.command(DURABLE), &[]);
    let holder = fs::read_to_string(files.folder().join("inbox.db-lock")).expect("it is there");
    let in_use = format!("is in use by process {holder}: ");
    // It waits as long as a server may take to end that has these settings.
    let hasty = |mut command: Command| {
        command.env("WEBHOOK_DRAIN_TIMEOUT", "0s");
        command
    };
    refused(&mut hasty(files.command(DURABLE)), &in_use);
    // By another name, and in another folder.
    let release = files.folder().join("release");
    fs::create_dir(&release).expect("it is ours");
    symlink(files.inbox(), release.join("linked.db")).expect("it is not there yet");
    let by_link = || {
        let mut command = files.command(DURABLE);
        command.env("WEBHOOK_INBOX", "linked.db").current_dir(&release);
        command
    };
    refused(&mut hasty(by_link()), &in_use);
    run(by_link().args(["inbox", "retry", "--all"])).with_code(0);
    assert_eq!(fs::read_dir(&release).expect("it is there").count(), 1, "all the rest is beside the file");
    // The refused one has changed nothing for the first.
    assert_eq!(deliver(&first, "payment_intent.succeeded"), 200);
    until("no task is open", || files.open_tasks() == 0);
    first.stop();
    Server::from_command(&mut files.command(DURABLE), &[]).stop();
}

#[test]
fn what_is_missing_is_not_made_up() {
    let files = Files::fresh("disk-missing");
    let nowhere = files.folder().join("nowhere");
    let mut command = files.command(DURABLE);
    refused(command.env("WEBHOOK_INBOX", nowhere.join("inbox.db")), "there is no directory");
    assert!(!nowhere.exists());

    // A server that was killed leaves its events in the log.
    let server = Server::from_command(&mut files.command(DURABLE), &[]);
    assert_eq!(deliver(&server, "payment_intent.succeeded"), 200);
    server.process.signal("KILL");
    server.process.wait();
    fs::remove_file(files.inbox()).expect("it is ours");
    refused(&mut files.command(DURABLE), "inbox.db-wal contains events, but ");
    assert!(!files.inbox().exists());
    assert!(fs::metadata(files.folder().join("inbox.db-wal")).is_ok_and(|log| log.len() > 0));
}

#[test]
fn a_file_of_another_schema_is_refused_and_left_alone() {
    let other_build = "was made by another build of this program";
    for (name, reason, change) in [
        ("another-build", other_build, "UPDATE inbox_migration SET sha256 = zeroblob(32)"),
        ("no-digest", other_build, "DELETE FROM inbox_migration"),
        ("before-digests", other_build, "DROP TABLE inbox_migration"),
        ("more-digests", other_build, "INSERT INTO inbox_migration VALUES (9, zeroblob(32))"),
        ("half-migrated", other_build, "PRAGMA user_version = 0"),
        ("newer", "was written by a newer version of this program (schema 99, ", "PRAGMA user_version = 99"),
        ("no-index", "lacks index inbox_task_due: ", "DROP INDEX inbox_task_due"),
        ("no-table", "lacks column inbox_quarantine.body, ", "DROP TABLE inbox_quarantine"),
        (
            "no-column",
            "lacks column inbox_quarantine.reason: ",
            "ALTER TABLE inbox_quarantine DROP COLUMN reason",
        ),
        ("unmarked", "is another program's database", "PRAGMA application_id = 0"),
    ] {
        let files = used(&format!("schema-{name}"));
        Connection::open(files.inbox()).and_then(|db| db.execute_batch(change)).expect("nobody has it");
        let before = fs::read(files.inbox()).expect("it is there");
        refused(&mut files.command(DURABLE), reason);
        // What only reads says the same, and so does what writes without a server.
        for command in [["inbox", "stats"], ["inbox", "prune"]] {
            let ended = run(files.command(DURABLE).args(command)).with_code(1);
            assert!(ended.stderr.contains(reason), "{name}: {}", ended.stderr);
        }
        assert!(fs::read(files.inbox()).is_ok_and(|after| after == before), "{name}: it was changed");
    }
}

#[test]
fn what_others_add_to_the_file_stops_no_start() {
    let files = used("schema-additions");
    let additions = "CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER);
        CREATE INDEX by_type ON inbox_event (type);
        ANALYZE;";
    Connection::open(files.inbox()).and_then(|db| db.execute_batch(additions)).expect("nobody has it");
    let server = Server::from_command(&mut files.command(DURABLE), &[]);
    assert_eq!(deliver(&server, "payment_intent.succeeded"), 200);
    server.stop();
}

#[test]
fn a_second_server_waits_for_the_first_to_end() {
    let files = Files::fresh("second-waits");
    let patient = ["--drain-timeout", "10m", "--handler-timeout", "10m"];
    let mut first = Server::from_command(&mut files.command(DURABLE), &patient);
    // Its handler keeps its thread until it is told.
    assert_eq!(deliver(&first, "charge.succeeded"), 200);
    let running = "SELECT count(*) FROM inbox_task WHERE state = 1";
    until("it runs", || {
        files.look().query_row(running, [], |row| row.get(0)).is_ok_and(|tasks: u64| tasks == 1)
    });
    first.process.signal("TERM");
    first.process.line_with(Stream::Stderr, "stopping: ");
    let holder = fs::read_to_string(files.folder().join("inbox.db-lock")).expect("it is there");
    let mut command = files.command(DURABLE);
    let second = Process::start(command.args(["serve", "--listen", "127.0.0.1:0"]).args(patient));
    let waiting = format!(
        "waiting for process {holder} to finish and release {}, for at most 10m 5s",
        files.inbox().display()
    );
    second.line_with(Stream::Stderr, &waiting);
    first.process.tell("open");
    first.process.wait().with_code(0);
    second.line_with(Stream::Stderr, "listening");
    second.signal("TERM");
    second.wait().with_code(0);
}

#[test]
fn a_server_that_waits_for_another_ends_when_it_is_told_to() {
    let files = Files::fresh("second-stopped");
    let first = Server::from_command(&mut files.command(DURABLE), &[]);
    for signal in ["TERM", "INT"] {
        let mut command = files.command(DURABLE);
        // It would wait for longer than a test does.
        command.args(["serve", "--listen", "127.0.0.1:0", "--drain-timeout", "10m"]);
        let second = Process::start(&mut command);
        second.line_with(Stream::Stderr, "waiting for process ");
        second.signal(signal);
        let ended = second.wait().with_code(0);
        assert!(ended.stderr.contains("the inbox was not opened yet"), "{}", ended.stderr);
    }
    assert_eq!(deliver(&first, "payment_intent.succeeded"), 200, "the first goes on");
    first.stop();
}

#[test]
fn a_server_that_does_not_end_is_waited_for_as_long_as_a_drain_takes() {
    let files = Files::fresh("second-refused");
    let first = Server::from_command(&mut files.command(DURABLE), &[]);
    let holder = fs::read_to_string(files.folder().join("inbox.db-lock")).expect("it is there");
    let since = Instant::now();
    let mut command = files.command(DURABLE);
    refused(command.env("WEBHOOK_DRAIN_TIMEOUT", "1s"), &format!("is in use by process {holder}: "));
    assert!(since.elapsed() >= Duration::from_secs(6), "{:?}", since.elapsed());
    first.stop();
}

#[test]
fn what_is_not_the_inboxs_is_not_touched() {
    const THEIRS: &str = "something of another program's";
    type Put = fn(&Path, &Path);
    let link: Put = |name, target| symlink(target, name).expect("nothing is there");
    let copy: Put = |name, target| {
        fs::copy(target, name).expect("nothing is there");
    };
    let hard: Put = |name, target| fs::hard_link(target, name).expect("nothing is there");
    let pipe: Put = |name, _| {
        run(Command::new("mkfifo").arg(name)).with_code(0);
    };
    let folder: Put = |name, _| fs::create_dir(name).expect("nothing is there");
    for (ending, kind, put, reason) in [
        ("-lock", "link", link, "-lock is not a regular file but a symbolic link: move it away"),
        ("-lock", "copy", copy, "-lock was not written by a server: move it away"),
        ("-lock", "hard-link", hard, "-lock was not written by a server: move it away"),
        ("-lock", "pipe", pipe, "-lock is not a regular file: move it away"),
        ("-reserve", "link", link, "-reserve is not a regular file but a symbolic link: move it away"),
        ("-reserve", "folder", folder, "-reserve is not a regular file: move it away"),
        ("-wal", "link", link, "-wal is not a regular file but a symbolic link: move it away"),
        ("-shm", "link", link, "-shm is not a regular file but a symbolic link: move it away"),
        ("-control", "link", link, "-control is not a socket but a symbolic link: move it away"),
        ("-control", "copy", copy, "-control is not a socket: move it away"),
        ("", "pipe", pipe, "inbox.db is not a regular file: move it away"),
    ] {
        let files = Files::fresh(&format!("theirs{ending}-{kind}"));
        let target = files.folder().join("theirs");
        fs::write(&target, THEIRS).expect("the folder is ours");
        let name = files.folder().join(format!("inbox.db{ending}"));
        put(&name, &target);
        refused(&mut files.command(DURABLE), reason);
        assert!(
            fs::read_to_string(&target).is_ok_and(|text| text == THEIRS),
            "{ending} {kind}: it was changed"
        );
        assert!(name.symlink_metadata().is_ok(), "{ending} {kind}: it was removed");
    }
    // A link that leads nowhere makes nothing there.
    let files = Files::fresh("theirs-reserve-nowhere");
    let nowhere = files.folder().join("nowhere");
    symlink(&nowhere, files.folder().join("inbox.db-reserve")).expect("nothing is there");
    refused(&mut files.command(DURABLE), "-reserve is not a regular file but a symbolic link");
    assert!(!nowhere.exists());
}

#[test]
fn a_socket_of_a_server_that_was_killed_is_replaced() {
    let files = Files::fresh("theirs-old-socket");
    let socket = files.folder().join("inbox.db-control");
    drop(UnixListener::bind(&socket).expect("nothing is there"));
    let server = Server::from_command(&mut files.command(DURABLE), &[]);
    run(files.command(DURABLE).args(["inbox", "prune"])).with_code(0);
    server.stop();
}

#[test]
fn what_is_made_is_for_this_user_alone_and_what_is_not_is_told() {
    let files = Files::fresh("file-modes");
    let mode = |ending: &str| {
        let found = fs::metadata(files.folder().join(format!("inbox.db{ending}")));
        found.expect("it is there").permissions().mode() & 0o777
    };
    let set = |ending: &str, mode: u32| {
        let file = files.folder().join(format!("inbox.db{ending}"));
        fs::set_permissions(file, Permissions::from_mode(mode)).expect("it is ours");
    };
    let server = Server::from_command(&mut files.command(DURABLE), &[]);
    assert_eq!(deliver(&server, "payment_intent.succeeded"), 200);
    for ending in ["", "-wal", "-shm", "-lock", "-reserve", "-control"] {
        assert_eq!(mode(ending), 0o600, "{ending}");
    }
    let ended = server.stop();
    assert!(!ended.stderr.contains("chmod"), "{}", ended.stderr);
    for (given, shown) in [(0o644, "0644"), (0o640, "0640"), (0o666, "0666")] {
        set("", given);
        let server = Server::from_command(&mut files.command(DURABLE), &[]);
        let told = server.process.line_with(Stream::Stderr, "chmod 600");
        let path = files.inbox().display().to_string();
        assert!(told.contains("WARN") && told.contains(&format!("the mode is {shown}")), "{told}");
        assert!(told.ends_with(&format!("`chmod 600 {path}*`")), "{told}");
        server.stop();
    }
}

#[test]
fn where_an_inbox_is_not_kept_is_told_at_the_start() {
    let layer = "d=\"$1\" && mount -t tmpfs tmpfs \"$d\" && mkdir \"$d/l\" \"$d/u\" \"$d/w\" && \
                 mount -t overlay -o lowerdir=\"$d/l\",upperdir=\"$d/u\",workdir=\"$d/w\" overlay \"$d\"";
    for (name, mount, told) in [
        ("memory", "mount -t tmpfs tmpfs \"$1\"", "is in memory (tmpfs): events that "),
        ("layer", layer, "is in the writable layer of a container (overlayfs): events that "),
    ] {
        let files = Files::fresh(&format!("disk-{name}"));
        let disk = Disk::mount_with(&files, mount);
        let server = Server::from_command(&mut disk.command(&files, DURABLE), &[]);
        let line = server.process.line_with(Stream::Stderr, told);
        assert!(line.contains("WARN") && line.contains("inbox.db is in "), "{line}");
        server.stop();
        // Commands do not print it.
        let ended = run(disk.command(&files, DURABLE).args(["inbox", "prune"])).with_code(0);
        assert_eq!(ended.stderr, "");
        disk.unmount();
    }
}

#[test]
fn a_disk_that_others_may_share_is_refused_unless_it_is_allowed() {
    tool("python3", "Python 3.9 or newer");
    let files = Files::fresh("disk-shared");
    let program = repository().join("tests/fixtures/fuse.py");
    let disk = Disk::mount_with(&files, &format!("exec python3 '{}' \"$1\"", program.display()));
    let told = "inbox.db is on a file system that other machines may share (FUSE or virtiofs)";
    let ended = refused(&mut disk.command(&files, DURABLE), told);
    assert!(ended.stderr.contains("--inbox-on-network-disk"), "{}", ended.stderr);
    // This one cannot be written, which is found out when it is allowed: by the flag and by the environment.
    let mut command = disk.command(&files, DURABLE);
    let ended = run(command.args(["serve", "--inbox-on-network-disk"])).with_code(78);
    assert!(ended.stderr.contains("inbox.db-lock cannot be written"), "{}", ended.stderr);
    let mut command = disk.command(&files, DURABLE);
    refused(command.env("WEBHOOK_INBOX_ON_NETWORK_DISK", "true"), "inbox.db-lock cannot be written");
    disk.unmount();
}

#[test]
fn a_file_that_is_a_mount_by_itself_is_refused() {
    let files = used("disk-mounted-file");
    let disk = Disk::mount(&files);
    let inbox = disk.mounted_at().join("inbox.db");
    fs::write(disk.folder().join("inbox.db"), "").expect("there is room");
    run(disk.command(&files, "mount").arg("--bind").arg(files.inbox()).arg(&inbox)).with_code(0);
    refused(
        &mut disk.command(&files, DURABLE),
        "inbox.db is mounted by itself, so its log would lie on another disk",
    );
    disk.unmount();
}
