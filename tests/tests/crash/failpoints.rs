//! The server dies at each of the places where it matters, and goes on with the next start as if nothing had been.

use std::process::Command;

use product_tests::{Client, Delivery, Ended, Files, History, Process, Server, Stream, run, until};

/// One inbox, through the lives of several servers.
struct Scene {
    files: Files,
    history: History,
    logs: Vec<String>,
}

impl Scene {
    fn new(name: &str) -> Self {
        Self { files: Files::fresh(name), history: History::default(), logs: Vec::new() }
    }

    fn command(&self) -> Command {
        self.files.command(env!("CARGO_BIN_EXE_durable"))
    }

    #[track_caller]
    fn start(&self, flags: &[&str]) -> Server {
        Server::from_command(&mut self.command(), flags)
    }

    /// Starts a server that dies at a failpoint.
    #[track_caller]
    fn start_dying(&self, at: &str, flags: &[&str]) -> Server {
        Server::from_command(self.command().env("DURABLE_FAILPOINT", at), flags)
    }

    /// Starts a server that dies before anyone can talk to it, or soon after.
    #[track_caller]
    fn dies_at_start(&mut self, at: &str, flags: &[&str]) {
        let mut command = self.command();
        command.env("DURABLE_FAILPOINT", at).args(["serve", "--listen", "127.0.0.1:0"]).args(flags);
        let ended = Process::start(&mut command).wait();
        self.died(ended);
    }

    /// Sends an event. Returns whether the answer was 200; there may be no other.
    #[track_caller]
    fn send(&mut self, server: &Server, delivery: &Delivery) -> bool {
        self.history.send(delivery);
        let told = Client::default().post(server.address, delivery.body.as_bytes());
        if let Ok(told) = told {
            assert_eq!(told.status, 200, "{}", delivery.id);
            self.history.ack(delivery);
        }
        told.is_ok()
    }

    /// Expects that a server dies of its own, by a signal.
    #[track_caller]
    fn awaits_death_of(&mut self, server: Server) {
        let ended = server.process.wait();
        self.died(ended);
    }

    #[track_caller]
    fn died(&mut self, ended: Ended) {
        assert_eq!(ended.code, None, "it should have aborted: {ended:#?}");
        self.logs.push(ended.stderr);
    }

    #[track_caller]
    fn stop(&mut self, server: Server) {
        self.logs.push(server.stop().stderr);
    }

    /// Starts a server that lives, has everything that was sent delivered once more, as Stripe may, and expects that
    /// all of it is done, once.
    #[track_caller]
    fn recovers(&mut self) {
        let server = self.start(&[]);
        for delivery in Vec::from_iter(self.history.sent.values().cloned()) {
            assert!(self.send(&server, &delivery), "{}", delivery.id);
        }
        until("no task is open", || self.files.open_tasks() == 0);
        self.stop(server);
        let checked = self.history.assert_agrees(&self.files, &self.logs);
        assert_eq!(checked.poisoned, 0);
        for delivery in self.history.sent.values() {
            assert_eq!(self.files.effects_of(delivery), 1, "{}", delivery.id);
        }
    }

    fn number(&self, query: &str) -> u64 {
        self.files.look().query_row(query, [], |row| row.get(0)).expect("a number")
    }
}

/// Events that have an effect, about one object each.
fn deliveries(count: u64) -> impl Iterator<Item = Delivery> {
    (0..count).map(|number| Delivery::new("payment_intent.succeeded", number, number, 0))
}

/// Sends events until the server dies, and returns the one that has no answer.
#[track_caller]
fn until_it_dies(scene: &mut Scene, server: Server) -> Delivery {
    let unanswered = deliveries(100).find(|delivery| !scene.send(&server, delivery));
    scene.awaits_death_of(server);
    unanswered.expect("it dies after a few")
}

#[test]
fn an_event_that_was_inserted_and_not_committed_is_not_there() {
    for at in ["after-insert:3", "before-commit:9"] {
        let mut scene = Scene::new("failpoints-before-commit");
        let server = scene.start_dying(at, &[]);
        let lost = until_it_dies(&mut scene, server);
        if at.starts_with("after-insert") {
            assert!(!scene.files.holds(&lost), "{at}");
            assert_eq!(scene.history.acked.len(), 2, "{at}");
        }
        scene.recovers();
    }
}

#[test]
fn an_event_that_was_committed_and_not_answered_is_handled_once() {
    let mut scene = Scene::new("failpoints-after-commit");
    // With the start, the pruning and the first look for what is due, no commits but the arrivals are certain.
    let server = scene.start_dying("after-commit:4", &[]);
    let unanswered = until_it_dies(&mut scene, server);
    let was_stored = scene.files.holds(&unanswered);
    scene.recovers();
    let id = &unanswered.id;
    let deliveries = scene.number(&format!("SELECT deliveries FROM inbox_event WHERE event_id = '{id}'"));
    assert_eq!(deliveries, 1 + u64::from(was_stored));
}

#[test]
fn an_event_that_was_answered_is_not_lost() {
    let mut scene = Scene::new("failpoints-after-answer");
    for delivery in deliveries(5) {
        let server = scene.start(&[]);
        // A run that is cut off three times in a row is taken for the cause.
        until("no task is open", || scene.files.open_tasks() == 0);
        assert!(scene.send(&server, &delivery));
        server.process.signal("KILL");
        scene.awaits_death_of(server);
        assert!(scene.files.holds(&delivery));
    }
    scene.recovers();
}

#[test]
fn a_handler_that_was_cut_off_runs_again() {
    let mut scene = Scene::new("failpoints-mid-handler");
    let [delivery] = [deliveries(1).next().expect("one")];
    let server = Server::from_command(scene.command().env("DURABLE_ABORT", "mid-handler"), &[]);
    scene.send(&server, &delivery);
    scene.awaits_death_of(server);
    assert!(scene.files.holds(&delivery));
    assert_eq!(scene.files.effects_of(&delivery), 0, "its transaction was not committed");
    scene.recovers();
    assert_eq!(scene.number("SELECT attempt FROM inbox_task WHERE handler = 'durable::transactional'"), 2);
}

#[test]
fn an_effect_that_was_not_noted_is_not_repeated() {
    let mut scene = Scene::new("failpoints-after-effect");
    // An event whose only other handler has no effect: one of the two runs ends first, and none of the ends is stored.
    let server = scene.start_dying("after-effect:2", &[]);
    let delivery = deliveries(1).next().expect("one");
    scene.send(&server, &delivery);
    scene.awaits_death_of(server);
    assert_eq!(scene.files.effects_of(&delivery), 1);
    assert_eq!(scene.history.acked.len(), 1);
    scene.recovers();
    assert_eq!(scene.number("SELECT max(attempt) FROM inbox_task"), 2);
}

#[test]
fn retries_go_on_after_a_crash() {
    let mut scene = Scene::new("failpoints-retry");
    let delivery = Delivery::new("payment_intent.created", 1, 1, 0);
    let server = scene.start_dying("after-effect:3", &[]);
    assert!(scene.send(&server, &delivery));
    // The third end is that of the second try.
    scene.awaits_death_of(server);
    scene.recovers();
    let attempts = "SELECT attempt FROM inbox_task WHERE handler = 'durable::second_time'";
    assert_eq!(scene.number(attempts), 3);
}

#[test]
fn a_crash_while_pruning_prunes_nothing() {
    let mut scene = Scene::new("failpoints-mid-prune");
    let server = scene.start(&[]);
    for delivery in deliveries(20) {
        assert!(scene.send(&server, &delivery));
    }
    until("no task is open", || scene.files.open_tasks() == 0);
    scene.stop(server);
    let bodies = "SELECT count(*) FROM inbox_event WHERE body IS NOT NULL";
    let known = deliveries(1).next().expect("one");
    // The second one dies in what the first has left. Nothing is pruned before an event has come.
    for _ in 0..2 {
        let server = scene.start_dying("mid-prune", &["--keep-bodies", "0s"]);
        scene.send(&server, &known);
        scene.awaits_death_of(server);
        assert_eq!(scene.number(bodies), 20);
    }
    let server = scene.start(&["--keep-bodies", "0s"]);
    assert!(scene.send(&server, &known));
    server.process.line_with(Stream::Stderr, "retention: freed old bodies and events bodies=20");
    scene.stop(server);
    assert_eq!(scene.number(bodies), 0);
    scene.recovers();
}

#[test]
fn a_crash_between_the_steps_of_a_checkpoint_loses_nothing() {
    let mut scene = Scene::new("failpoints-mid-checkpoint");
    // At the end, when the log is emptied.
    let server = scene.start_dying("mid-checkpoint", &[]);
    for delivery in deliveries(10) {
        assert!(scene.send(&server, &delivery));
    }
    server.process.signal("TERM");
    scene.awaits_death_of(server);
    // Under load, when the log is long: 4,000 pages of 4 KiB.
    let server = scene.start_dying("mid-checkpoint", &[]);
    for number in 100..400 {
        let big = Delivery::new("payment_intent.succeeded", number, number, 100 * 1024);
        if !scene.send(&server, &big) {
            break;
        }
    }
    scene.awaits_death_of(server);
    assert!(scene.history.acked.len() > 20, "{}", scene.history.acked.len());
    scene.recovers();
}

#[test]
fn a_crash_while_the_file_is_made_leaves_one_that_can_be_used() {
    let mut scene = Scene::new("failpoints-mid-migration");
    scene.dies_at_start("mid-migration", &[]);
    scene.dies_at_start("mid-migration", &[]);
    let server = scene.start(&[]);
    for delivery in deliveries(3) {
        assert!(scene.send(&server, &delivery));
    }
    scene.stop(server);
    scene.recovers();
}

#[test]
fn a_crash_while_recovering_from_a_crash_changes_nothing() {
    let mut scene = Scene::new("failpoints-compound");
    let server = scene.start_dying("after-effect:4", &[]);
    for delivery in deliveries(8) {
        scene.send(&server, &delivery);
    }
    scene.awaits_death_of(server);
    let running = scene.number("SELECT count(*) FROM inbox_task WHERE state = 1");
    assert!(running > 0);
    // The first commit is the one that takes over what the dead server ran.
    scene.dies_at_start("before-commit", &[]);
    assert_eq!(scene.number("SELECT count(*) FROM inbox_task WHERE state = 1"), running);
    scene.dies_at_start("after-commit", &[]);
    assert_eq!(scene.number("SELECT count(*) FROM inbox_task WHERE suspect = 1"), running);
    assert_eq!(scene.number("SELECT sum(crashes) FROM inbox_task"), running, "one each");
    // The next one: what is due.
    for at in ["before-commit:2", "after-commit:2"] {
        scene.dies_at_start(at, &[]);
    }
    // One of them has run in two processes that ended. If a third did, with nothing beside it, it would be parked: that
    // it was not to blame cannot be told.
    assert_eq!(scene.number("SELECT max(crashes) FROM inbox_task"), 1, "the third start has not counted yet");
    scene.recovers();
}

#[test]
fn a_task_that_ends_every_process_is_parked_and_the_others_are_done() {
    let mut scene = Scene::new("failpoints-poison");
    let poison = Delivery::new("charge.expired", 1_000, 1_000, 0);
    let server = scene.start(&[]);
    for delivery in deliveries(5) {
        assert!(scene.send(&server, &delivery));
    }
    scene.send(&server, &poison);
    scene.awaits_death_of(server);
    assert!(scene.files.holds(&poison));
    let task = "FROM inbox_task JOIN inbox_event ON seq = event_seq WHERE type = 'charge.expired'";
    // What was running beside it is suspect, too, and runs one after the other: it is cleared by ending its run. Then
    // the guilty one runs again, and again with nothing beside it.
    scene.dies_at_start("none", &[]);
    assert_eq!(
        scene.number(&format!("SELECT count(*) {task} AND state = 1")),
        1,
        "it ran when the process ended"
    );
    scene.dies_at_start("none", &[]);
    let beside = "SELECT count(*) FROM inbox_task WHERE state = 1";
    assert_eq!(scene.number(beside), 1, "it ran alone");
    let server = scene.start(&[]);
    server
        .process
        .line_with(Stream::Stderr, "they ended the process (see `inbox list --why poison`) tasks=1");
    assert_eq!(scene.number(&format!("SELECT state = 5 AND why = 2 AND attempt = 3 {task}")), 1);
    for delivery in deliveries(10).skip(5) {
        assert!(scene.send(&server, &delivery));
    }
    until("no task is open", || scene.files.open_tasks() == 0);
    scene.stop(server);
    let checked = scene.history.assert_agrees(&scene.files, &scene.logs);
    assert_eq!(checked.poisoned, 1);
    for delivery in deliveries(10) {
        assert_eq!(scene.files.effects_of(&delivery), 1, "{}", delivery.id);
    }
}

#[test]
fn a_task_whose_handler_is_gone_waits_for_it() {
    let mut scene = Scene::new("failpoints-no-handler");
    let delivery = deliveries(1).next().expect("one");
    let server = Server::from_command(scene.command().env("DURABLE_ABORT", "mid-handler"), &[]);
    scene.send(&server, &delivery);
    scene.awaits_death_of(server);
    // As the program without the handler would find it.
    let renamed = |from: &str, to: &str| {
        let db = rusqlite::Connection::open(scene.files.inbox()).expect("no server has it");
        let rename = "UPDATE inbox_task SET handler = ?2 WHERE handler = ?1";
        assert_eq!(db.execute(rename, [from, to]), Ok(1));
    };
    renamed("durable::transactional", "durable::gone");
    let server = scene.start(&[]);
    let told = server.process.line_with(Stream::Stderr, "this program has no such handler");
    assert!(told.contains("ERROR") && told.contains("handler=\"durable::gone\" tasks=1"), "{told}");
    // To be made ready, it would have to be parked again.
    let retried = run(scene.command().args(["inbox", "retry", "--all"])).with_code(0);
    assert!(
        retried.stderr.contains("1 task stays parked") && retried.stdout == "0 ready now\n",
        "{retried:#?}"
    );
    let parked = "SELECT count(*) FROM inbox_task WHERE handler = 'durable::gone' AND state = 5 AND why = 3";
    assert_eq!(scene.number(parked), 1);
    let log = server.stop().stderr;
    assert_eq!(scene.files.effects_of(&delivery), 0);
    renamed("durable::gone", "durable::transactional");
    scene.logs.push(log);
    let server = scene.start(&[]);
    server.process.line_with(Stream::Stderr, "resumed=1");
    until("no task is open", || scene.files.open_tasks() == 0);
    scene.stop(server);
    scene.recovers();
}

#[test]
fn what_handlers_do_to_their_threads_stops_no_answer() {
    let mut scene = Scene::new("failpoints-threads");
    let mut server = scene.start(&["--drain-timeout", "5m", "--handler-timeout", "10m"]);
    for (number, event_type) in
        (1_000..).zip(["charge.succeeded", "charge.failed", "charge.pending", "charge.refunded"])
    {
        assert!(scene.send(&server, &Delivery::new(event_type, number, number, 0)), "{event_type}");
    }
    // While every thread of the handlers is taken.
    for delivery in deliveries(20) {
        assert!(scene.send(&server, &delivery));
    }
    server.process.tell("open");
    server.process.line_with(Stream::Stderr, "panicked at tests/src/bin/durable.rs:");
    server.process.line_with(Stream::Stderr, "cancelled: it had not ended after 1s");
    let all_done = "SELECT count(*) = 0 FROM inbox_task JOIN inbox_event ON seq = event_seq \
                    WHERE state <> 3 AND type NOT IN ('charge.failed', 'charge.refunded')";
    until("all but two are done", || scene.number(all_done) == 1);
    scene.stop(server);
    for delivery in deliveries(20) {
        assert_eq!(scene.files.effects_of(&delivery), 1, "{}", delivery.id);
    }
}
