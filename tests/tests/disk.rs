//! The disk is full, or the file is not what it should be: nothing is promised that cannot be kept, and the operator is
//! told in one line what is wrong.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use product_tests::{
    Client, Delivery, Ended, Files, History, Running, Server, Stream, Told, run, tool, until,
};
use rusqlite::Connection;

const DURABLE: &str = env!("CARGO_BIN_EXE_durable");

/// A disk of 8 MiB, mounted where only the programs of this test see it. Gone with this.
struct Disk {
    /// Waits, and has the mount for as long as it lives.
    keeper: Running,
    keeper_id: u32,
    mounted_at: PathBuf,
    is_root: bool,
}

impl Disk {
    #[track_caller]
    fn mount(files: &Files) -> Self {
        tool("unshare", "the package util-linux");
        tool("nsenter", "the package util-linux");
        let id = Command::new("id").arg("-u").output().expect("there is `id`").stdout;
        let is_root = id.trim_ascii() == b"0";
        let mounted_at = files.folder().join("disk");
        fs::create_dir_all(&mounted_at).expect("the folder is ours");
        let mut keeper = Command::new("unshare");
        keeper.arg(if is_root { "-m" } else { "-rm" }).args(["sh", "-c"]);
        keeper.arg(
            "mount -t tmpfs -o size=8m tmpfs \"$1\" && echo \"mounted: $$\" || echo failed; read -r end",
        );
        keeper.arg("sh").arg(&mounted_at);
        let keeper = Running::start(&mut keeper);
        let said = keeper.line(Stream::Stdout, |line| Some(line.to_owned()));
        let keeper_id = said.strip_prefix("mounted: ").and_then(|id| id.parse().ok());
        let keeper_id =
            keeper_id.expect("this test mounts a tmpfs: it must be root, or may use user namespaces");
        Self { keeper, keeper_id, mounted_at, is_root }
    }

    /// A command whose program sees the disk.
    fn command(&self, files: &Files, program: &str) -> Command {
        let mut command = files.command("nsenter");
        command.args(["-t", &self.keeper_id.to_string(), "-m"]);
        if !self.is_root {
            command.args(["-U", "--preserve-credentials"]);
        }
        command.arg(program).env("WEBHOOK_INBOX", self.mounted_at.join("inbox.db"));
        command
    }

    #[track_caller]
    fn start(&self, files: &Files, flags: &[&str]) -> Server {
        Server::from_command(&mut self.command(files, DURABLE), flags)
    }

    /// The disk's folder, as this test reaches it.
    fn folder(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.keeper_id));
        root.join(self.mounted_at.strip_prefix("/").expect("it is absolute"))
    }

    #[track_caller]
    fn fill(&self, bytes: usize) {
        fs::write(self.folder().join("filler"), vec![1; bytes]).expect("there is room for it");
    }

    #[track_caller]
    fn free(&self) {
        fs::remove_file(self.folder().join("filler")).expect("it is there");
    }

    /// Copies the files of a server that has ended to where others are, to be looked at.
    #[track_caller]
    fn copy_out(&self, files: &Files) {
        for ending in ["", "-wal"] {
            let from = self.folder().join(format!("inbox.db{ending}"));
            if from.exists() {
                let to = files.folder().join(format!("inbox.db{ending}"));
                fs::copy(from, to).expect("there is room outside");
            }
        }
    }

    /// The end of the test: the keeper must have lived so long.
    #[track_caller]
    fn unmount(mut self) {
        self.keeper.tell("end");
        self.keeper.wait().with_code(0);
    }
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
    let server = disk.start(&files, &["--disk-floor", "0"]);
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
    server.process.line_with(Stream::Stderr, "has room again");
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

/// Stops the server when it has handled all it has: only a copy of the file can be looked at, so it is asked again and
/// again with a server that has ended.
#[track_caller]
fn wait_until_idle(disk: &Disk, files: &Files, server: Server) -> String {
    let mut log = server.stop().stderr;
    until("no task is open", || {
        disk.copy_out(files);
        let is_idle = files.open_tasks() == 0;
        if !is_idle {
            log.push_str(&disk.start(files, &[]).stop().stderr);
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
    let server = disk.start(&files, &["--disk-floor", "4000000"]);
    for number in 0..5 {
        assert_eq!(send(&mut history, &server, &delivery(number, 1)).status, 503);
    }
    server.process.line_with(Stream::Stderr, "disk is low");
    disk.free();
    server.process.line_with(Stream::Stderr, "has room again");
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

/// Expects that a start is refused, for one reason, which is told.
#[track_caller]
fn refused(command: &mut Command, reason: &str) -> Ended {
    let ended = run(command.args(["serve", "--listen", "127.0.0.1:0"])).with_code(78);
    assert!(ended.stderr.contains("cannot start: 1 problem\n"), "{}", ended.stderr);
    let lines: Vec<_> =
        ended.stderr.lines().filter(|line| line.trim_start().starts_with("1. the inbox ")).collect();
    assert!(lines.len() == 1 && lines[0].contains(reason), "{reason}: {}", ended.stderr);
    assert!(!ended.stderr.contains("listening"), "{}", ended.stderr);
    ended
}

/// Makes an inbox with an event in it.
#[track_caller]
fn used(name: &str) -> Files {
    let files = Files::fresh(name);
    let server = Server::from_command(&mut files.command(DURABLE), &[]);
    assert_eq!(send(&mut History::default(), &server, &delivery(1, 1)).status, 200);
    until("no task is open", || files.open_tasks() == 0);
    server.stop();
    files
}

#[test]
fn a_file_that_cannot_be_written_is_refused() {
    let files = Files::fresh("disk-read-only");
    let disk = Disk::mount(&files);
    disk.start(&files, &[]).stop();
    let mount = |options: &[&str], at: &Path| {
        run(disk.command(&files, "mount").args(options).arg(at)).with_code(0);
    };
    // The file alone; permissions would not stop root.
    let inbox = disk.mounted_at.join("inbox.db");
    mount(&["--bind", inbox.to_str().expect("our folders have plain names")], &inbox);
    mount(&["-o", "remount,bind,ro"], &inbox);
    refused(&mut disk.command(&files, DURABLE), "inbox.db cannot be written");
    // And all of the disk.
    run(disk.command(&files, "umount").arg(&inbox)).with_code(0);
    mount(&["-o", "remount,bind,ro"], &disk.mounted_at);
    refused(&mut disk.command(&files, DURABLE), "cannot be written");
    disk.unmount();
}

#[test]
fn a_file_that_is_not_what_it_should_be_is_refused_and_left_alone() {
    for (name, reason, damage) in [
        ("disk-header", "its header is damaged", damage_header as fn(&Path)),
        ("disk-newer", "(schema 99, and this one knows ", make_newer),
        ("disk-other", "is a database of something else", replace_by_other),
    ] {
        let files = used(name);
        damage(&files.inbox());
        let before = fs::read(files.inbox()).expect("it is there");
        refused(&mut files.command(DURABLE), reason);
        assert!(fs::read(files.inbox()).is_ok_and(|after| after == before), "{name}: it was changed");
    }
}

fn damage_header(path: &Path) {
    let mut bytes = fs::read(path).expect("it is there");
    bytes[..16].fill(0x5a);
    fs::write(path, bytes).expect("it is ours");
}

fn make_newer(path: &Path) {
    let db = Connection::open(path).expect("nobody has it");
    db.pragma_update(None, "user_version", 99).expect("it can be written");
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
    std::os::unix::fs::symlink(files.inbox(), release.join("linked.db")).expect("it is not there yet");
    let by_link = || {
        let mut command = files.command(DURABLE);
        command.env("WEBHOOK_INBOX", "linked.db").current_dir(&release);
        command
    };
    refused(&mut hasty(by_link()), &in_use);
    run(by_link().args(["inbox", "retry", "--all"])).with_code(0);
    assert_eq!(fs::read_dir(&release).expect("it is there").count(), 1, "all the rest is beside the file");
    // The refused one has changed nothing for the first.
    let mut history = History::default();
    assert_eq!(send(&mut history, &first, &delivery(1, 1)).status, 200);
    until("no task is open", || files.open_tasks() == 0);
    let log = first.stop().stderr;
    history.assert_agrees(&files, &[log]);
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
    assert_eq!(send(&mut History::default(), &server, &delivery(1, 1)).status, 200);
    server.process.signal("KILL");
    server.process.wait();
    fs::remove_file(files.inbox()).expect("it is ours");
    refused(&mut files.command(DURABLE), "inbox.db-wal holds events, but ");
    assert!(!files.inbox().exists());
    assert!(fs::metadata(files.folder().join("inbox.db-wal")).is_ok_and(|log| log.len() > 0));
}
