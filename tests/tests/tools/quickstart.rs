//! The README's program: its first minute, what keeps it from starting, and how it stops.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use product_tests::{
    Connection, OTHER_SECRET, PATIENCE, Process, Profile, SECRET, Server, Stream, build_workspace,
    fixture_errors, new_inbox, program, run, scratch, signed, unix_now, url_in,
};
use webhook_core::Sample;

static QUICKSTART: LazyLock<PathBuf> = LazyLock::new(|| {
    build_workspace(&["quickstart"], Profile::Debug).remove("quickstart").expect("it was built")
});

fn quickstart(arguments: &[&str]) -> Command {
    let mut command = program(&*QUICKSTART);
    command.args(arguments);
    command
}

#[test]
fn dev_shows_every_handler_at_work_and_ends() {
    let shown = run(&mut quickstart(&["dev", "--once", "--listen", "127.0.0.1:0"])).with_code(0);
    for line in [
        "Payment of 2000 usd succeeded, for order unknown.",
        "A payment method was attached: card.",
        "Nothing to do for customer.created.",
    ] {
        assert!(shown.stdout.lines().any(|shown| shown == line), "{line}: {shown:#?}");
    }
    for part in [
        "examples/quickstart/src/main.rs:25\n",
        "Listening on http://127.0.0.1:",
        "Signing secret of this run: whsec_",
        "  200  payment_intent.succeeded  evt_",
        "  quickstart::payment_succeeded  done  ",
    ] {
        assert!(shown.stdout.contains(part), "{part}: {shown:#?}");
    }
    assert_eq!(shown.stderr, "");
}

#[test]
fn dev_stays_for_more_and_takes_its_own_advice() {
    let dev = Process::start(&mut quickstart(&["dev", "--listen", "127.0.0.1:0"]));
    let advice =
        dev.line(Stream::Stdout, |line| Some(line.split_once("STRIPE_WEBHOOK_SECRET=")?.1.to_owned()));
    let again = run(Command::new("sh").args(["-c", &format!("STRIPE_WEBHOOK_SECRET={advice}")])).with_code(0);
    assert!(again.stdout.starts_with("200  payment_intent.succeeded  evt_"), "{again:#?}");
    dev.signal("INT");
    dev.wait().with_code(0);
}

#[test]
fn dev_shows_every_handler_also_after_one_that_fails() {
    let mut command = program(env!("CARGO_BIN_EXE_outcomes"));
    command.args(["dev", "--once", "--listen", "127.0.0.1:0", "--handler-timeout", "3s"]);
    let shown = run(&mut command).with_code(1);
    let skipped = "\nNo sample of order.created: the catalog does not contain this type.\n";
    assert!(shown.stdout.contains(skipped), "{shown:#?}");
    for run in [
        "outcomes::succeed  done",
        "outcomes::fail  failed (the warehouse is closed)",
        "outcomes::panic  failed (panicked at tests/src/bin/outcomes.rs:",
        "outcomes::hang  failed (",
        "outcomes::held  failed (",
        "outcomes::later  failed (the stock is being counted)",
        "outcomes::skip  skipped (sold by another shop)",
        "outcomes::park  parked (who refunds this?)",
        "outcomes::undecodable  parked (",
        "outcomes::good_beside_bad  done",
        "outcomes::bad_beside_good  failed (the ledger is torn)",
    ] {
        let line = shown
            .stdout
            .lines()
            .find(|line| line.contains(run))
            .unwrap_or_else(|| panic!("{run}: {shown:#?}"));
        // With its inbox, the program answers 200 whatever becomes of the event.
        assert!(line.contains("  200  "), "{line}");
    }
    // The end repeats what to look at.
    for failed in [
        "outcomes::fail on payment_intent.payment_failed evt_",
        "outcomes::park on charge.refunded evt_",
        "outcomes::bad_beside_good on invoice.paid evt_",
    ] {
        let line = shown.stderr.lines().find(|line| line.contains(failed));
        let how =
            ["failed (the warehouse is closed)", "parked (who refunds this?)", "failed (the ledger is torn)"];
        assert!(line.is_some_and(|line| how.iter().any(|how| line.ends_with(how))), "{failed}: {shown:#?}");
    }
    assert!(
        !shown.stderr.contains("outcomes::skip") && !shown.stderr.contains("outcomes::succeed"),
        "{shown:#?}"
    );
    let inline = run(command.env("OUTCOMES_INLINE", "1")).with_code(1);
    let parked = inline.stdout.lines().find(|line| line.contains("outcomes::park  parked"));
    assert!(parked.is_some_and(|line| line.contains("  500  ")), "without an inbox it does not: {inline:#?}");
}

/// Neither waits for the handler, which has ten minutes and uses them up.
#[test]
fn ctrl_c_ends_dev_while_a_handler_blocks_its_thread() {
    // The samples alone end as any program does at Ctrl-C: by the signal.
    for (arguments, code) in [(&["dev"][..], Some(0)), (&["dev", "--once"], None)] {
        let mut command = program(env!("CARGO_BIN_EXE_outcomes"));
        command.args(arguments).args(["--listen", "127.0.0.1:0"]).env("OUTCOMES_BLOCKS", "1");
        let dev = Process::start(&mut command);
        dev.line_with(Stream::Stdout, "block: keeps its thread");
        dev.signal("INT");
        let ended = dev.wait();
        assert_eq!(ended.code, code, "{arguments:?}: {ended:#?}");
        let warned = ended.stderr.contains("a handler is blocking its thread: it ends with the process\n");
        assert_eq!(warned, code.is_some(), "{arguments:?}: {ended:#?}");
    }
}

#[test]
fn dev_hints_at_what_the_program_handles() {
    let mut command = program(env!("CARGO_BIN_EXE_operated"));
    let dev = Process::start(command.args(["dev", "--listen", "127.0.0.1:0"]));
    dev.line_with(Stream::Stdout, " trigger charge.captured --to ");
    dev.signal("INT");
    dev.wait().with_code(0);
}

#[test]
fn dev_without_samples_runs_nothing() {
    let dev = Process::start(&mut quickstart(&["dev", "--no-samples", "--listen", "127.0.0.1:0"]));
    dev.line_with(Stream::Stdout, "Still listening");
    dev.signal("INT");
    let ended = dev.wait().with_code(0);
    assert!(!ended.stdout.contains("  200  ") && !ended.stdout.contains("Sending signed"), "{ended:#?}");
}

#[test]
fn dev_signs_with_the_secret_that_it_is_given() {
    let file = scratch("dev-secret").join("stripe");
    fs::write(&file, SECRET).expect("the target folder can be written to");
    let in_file = file.display().to_string();
    let mut by_file = quickstart(&["dev", "--listen", "127.0.0.1:0", "--secret-file", &in_file]);
    let mut by_variable = quickstart(&["dev", "--listen", "127.0.0.1:0"]);
    by_variable.env("STRIPE_WEBHOOK_SECRET", SECRET);
    for (command, place) in [(&mut by_file, &*in_file), (&mut by_variable, "STRIPE_WEBHOOK_SECRET")] {
        let dev = Process::start(command);
        let url = dev.line(Stream::Stdout, |line| Some(line.strip_prefix("Listening on ")?.to_owned()));
        dev.line_with(Stream::Stdout, "Still listening");
        let sent = run(quickstart(&["trigger", "payment_method.attached", "--to", &url])
            .env("STRIPE_WEBHOOK_SECRET", SECRET));
        sent.with_code(0);
        dev.signal("INT");
        let ended = dev.wait().with_code(0);
        assert!(ended.stdout.contains(&format!("Signing secret: from {place}")), "{ended:#?}");
        assert!(
            ended.stdout.contains("quickstart::payment_succeeded  done"),
            "its samples are good: {ended:#?}"
        );
        assert!(!ended.stdout.contains("whsec_"), "a secret of the user's is not shown: {ended:#?}");
    }
}

#[test]
fn a_start_without_a_secret_is_refused_and_says_where_to_get_one() {
    // Without a command, and without a terminal or a home, as in a container.
    for arguments in [&["serve"][..], &[]] {
        let refused = run(&mut quickstart(arguments)).with_code(78);
        for hint in
            ["STRIPE_WEBHOOK_SECRET", "--secret-file", "Dashboard", "stripe listen", "quickstart dev`"]
        {
            assert!(refused.stderr.contains(hint), "{hint}: {refused:#?}");
        }
    }
    let refused = run(&mut quickstart(&["serve", "--secret-file", "/nowhere/secret"])).with_code(78);
    assert!(refused.stderr.contains("/nowhere/secret"), "{refused:#?}");
}

#[test]
fn everything_that_is_wrong_is_listed_at_once() {
    let mut command =
        quickstart(&["serve", "--listen", "localhost", "--path", "webhook", "--tolerance", "0s"]);
    command.env("WEBHOOK_BODY_LIMIT", "1 MiB").env("WEBHOOK_DRAIN_TIMEOUT", "30");
    // An id that is forgotten too soon makes a second delivery a new event.
    command.env("WEBHOOK_KEEP_IDS", "6days").env("WEBHOOK_KEEP_PARKED", "5days");
    let refused = run(&mut command).with_code(78);
    let listed = [
        "cannot start: 8 problems",
        "\n  1. --listen is \"localhost\"",
        "\n  2. WEBHOOK_BODY_LIMIT is \"1 MiB\"",
        "\n  3. WEBHOOK_DRAIN_TIMEOUT is \"30\"",
        "\n  4. no signing secret",
        "\n  5. --path is \"webhook\"",
        "\n  6. --tolerance is 0s: it must be from 1s to 1h\n",
        "\n  7. WEBHOOK_KEEP_IDS is 6days: it must be from 7days",
        "\n  8. WEBHOOK_KEEP_PARKED is 5days: it must be from 6days",
    ];
    for line in listed {
        assert!(refused.stderr.contains(line), "{line}: {refused:#?}");
    }
}

#[test]
fn an_address_that_cannot_be_had_is_named() {
    let holder = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let taken = holder.local_addr().expect("it is bound").to_string();
    for (arguments, reason) in [
        (["serve", "--listen", &taken], format!("cannot listen on {taken}: another program listens there")),
        (["dev", "--listen", &taken], format!("cannot listen on {taken}: another program listens there")),
        // An address of documentation (RFC 5737), which no machine has.
        (
            ["serve", "--listen", "192.0.2.1:0"],
            "cannot listen on 192.0.2.1:0: 192.0.2.1 is not an address of this machine".to_owned(),
        ),
        // `dev` is for one machine: it takes everything that is signed with a secret on its screen.
        (["dev", "--listen", "0.0.0.0:0"], "0.0.0.0:0 is not a loopback address".to_owned()),
    ] {
        let refused = run(quickstart(&arguments).env("STRIPE_WEBHOOK_SECRET", SECRET)).with_code(78);
        assert!(refused.stderr.contains(&reason), "{arguments:?}: {refused:#?}");
    }
}

#[test]
fn a_start_that_fails_leaves_no_file_behind() {
    let holder = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let taken = holder.local_addr().expect("it is bound").to_string();
    for (arguments, secret) in [
        (["--listen", &*taken], SECRET),
        (["--listen", "192.0.2.1:0"], SECRET),
        (["--listen", "127.0.0.1:0"], ""),
        (["--tolerance", "0s"], SECRET),
    ] {
        let inbox = new_inbox();
        let mut command = quickstart(&["serve"]);
        command.args(arguments).env("WEBHOOK_INBOX", &inbox).env("STRIPE_WEBHOOK_SECRET", secret);
        run(&mut command).with_code(78);
        let folder = inbox.parent().expect("it is in a folder").read_dir().expect("the folder is there");
        let left: Vec<_> = folder.map(|entry| entry.expect("it can be read").file_name()).collect();
        assert!(left.is_empty(), "{arguments:?}: {left:?}");
    }
    // An inbox that is there, and of which nothing else is, is left as it is.
    let inbox = new_inbox();
    std::fs::write(&inbox, "").expect("the folder is there");
    let mut command = quickstart(&["serve", "--path", "webhook"]);
    run(command.env("WEBHOOK_INBOX", &inbox).env("STRIPE_WEBHOOK_SECRET", SECRET)).with_code(78);
    let folder = inbox.parent().expect("it is in a folder").read_dir().expect("the folder is there");
    assert_eq!(folder.count(), 1);
    // And once it starts, there is an inbox.
    let inbox = new_inbox();
    let mut command = quickstart(&[]);
    Server::from_command(command.env("WEBHOOK_INBOX", &inbox).env("STRIPE_WEBHOOK_SECRET", SECRET), &[])
        .stop();
    assert!(inbox.exists());
}

/// As where one server is started while another still has address and inbox.
#[test]
fn a_second_server_on_address_and_inbox_names_who_has_the_inbox() {
    let inbox = new_inbox();
    let mut command = quickstart(&[]);
    let first =
        Server::from_command(command.env("WEBHOOK_INBOX", &inbox).env("STRIPE_WEBHOOK_SECRET", SECRET), &[]);
    let mut second = quickstart(&["serve", "--drain-timeout", "0s", "--listen", &first.address.to_string()]);
    let refused = run(second.env("WEBHOOK_INBOX", &inbox).env("STRIPE_WEBHOOK_SECRET", SECRET)).with_code(78);
    assert!(refused.stderr.contains("is in use by process"), "{refused:#?}");
    first.stop();
}

#[test]
fn arguments_that_make_no_sense_are_refused_with_a_correction() {
    for (arguments, correction) in [
        (&["serve", "--lisen", "127.0.0.1:0"][..], "--listen"),
        (&["--nonsense"], "--nonsense"),
        (&["server"], "serve"),
        (&["serve", "whsec_an_argument_is_no_place_for_it"], "set STRIPE_WEBHOOK_SECRET"),
        (&["serve", "--listen"], "--listen <ADDR:PORT>"),
        (&["trigger"], "<TYPE>"),
        (&["events", "--format", "xml"], "json"),
        (&["events", "--rust", "payout.paid", "--thin"], "cannot be used with"),
        // `dev` has no inbox.
        (&["dev", "--inbox", "x.db"], "--inbox"),
        (&["dev", "--keep-bodies", "1day"], "--keep-bodies"),
        (&["dev", "--concurrency", "2"], "--concurrency"),
        (&["dev", "--accept-undecodable"], "--accept-undecodable"),
        (&["dev", "--once", "--no-samples"], "cannot be used with"),
        // Names that other programs give these flags.
        (&["trigger", "payout.paid", "--url", "http://127.0.0.1/"], "a similar argument exists: '--to'"),
        (&["dev", "--port", "4242"], "a similar argument exists: '--listen'"),
        (&["inbox", "list", "--db", "x.db"], "a similar argument exists: '--inbox'"),
        (&["trigger", "--story", "refunds"], "refund"),
        (&["trigger", "--story", "refund", "payout.paid"], "cannot be used with"),
        (&["trigger", "--file", "x.json", "--set", "amount=5"], "cannot be used with"),
        (&["trigger", "payout.paid", "--print", "--to", "http://127.0.0.1/"], "cannot be used with"),
    ] {
        let refused = run(&mut quickstart(arguments)).with_code(2);
        assert!(refused.stderr.contains(correction), "{arguments:?}: {refused:#?}");
        assert!(!refused.stderr.contains("as a value"), "{arguments:?}: {refused:#?}");
    }
}

#[test]
fn the_version_is_the_frameworks_and_stripes() {
    for flag in ["--version", "-V"] {
        let shown = run(&mut quickstart(&[flag])).with_code(0);
        let expected = format!(
            "webhook-server {}, Stripe API {}\n",
            env!("CARGO_PKG_VERSION"),
            webhook_core::catalog::newest().name()
        );
        assert_eq!(shown.stdout, expected, "{flag}");
    }
}

#[test]
fn a_request_in_progress_is_answered_before_the_program_ends() {
    for signal in ["TERM", "INT"] {
        let server = Server::start(&*QUICKSTART, &["--body-timeout", "5m", "--drain-timeout", "5m"]);
        let body =
            Sample::new("payment_intent.succeeded", 1).expect("there is such a type").body(1_700_000_000);
        let signature = signed(&[SECRET], unix_now(), &body);
        let mut connection = Connection::open(server.address);
        let length = body.len();
        connection.send(format!("POST /webhook HTTP/1.1\r\nHost: a\r\nStripe-Signature: {signature}\r\n"));
        connection.send(format!("Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n"));
        // The server asks for the body: so it is at work on this request when the signal comes.
        assert_eq!(connection.answer_without_body().status(), 100);
        connection.send(&body[..100]);
        server.process.signal(signal);
        server.process.line_with(Stream::Stderr, "stopping");
        connection.send(&body[100..]);
        assert_eq!(connection.answer().status(), 200, "{signal}");
        let ended = server.process.wait().with_code(0);
        assert_eq!(ended.stdout, "Payment of 2000 usd succeeded, for order unknown.\n", "{signal}");
    }
}

/// Whoever reads that it listens may stop it. Several times, as the signal must come at an unlucky moment to do harm.
#[test]
fn a_program_that_says_it_listens_can_be_stopped() {
    for _ in 0..40 {
        Server::start(&*QUICKSTART, &[]).stop();
    }
}

#[test]
fn a_log_that_nobody_reads_any_more_stops_nothing() {
    let (reader, writer) = std::io::pipe().expect("the system has pipes");
    let mut command = quickstart(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("STRIPE_WEBHOOK_SECRET", SECRET);
    let server = Process::start_writing(&mut command, [None, Some(writer.into())]);
    let (found, listening) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let url = BufReader::new(reader).lines().map_while(Result::ok).find_map(|line| url_in(&line));
        // By now the reader is gone.
        found.send(url)
    });
    let url = listening.recv_timeout(PATIENCE).expect("it logs in time").expect("it logs where it listens");
    let mut trigger = quickstart(&["trigger", "payout.paid", "payout.failed", "--to", &url]);
    run(trigger.env("STRIPE_WEBHOOK_SECRET", SECRET)).with_code(0);
    server.signal("TERM");
    server.wait().with_code(0);
}

#[test]
fn one_server_takes_the_signatures_of_several_secrets() {
    let mut command = quickstart(&[]);
    command.env("STRIPE_WEBHOOK_SECRET", format!("{OTHER_SECRET},{SECRET}"));
    let server = Server::from_command(&mut command, &[]);
    for secret in [SECRET, OTHER_SECRET] {
        let mut trigger = quickstart(&["trigger", "customer.created", "--to", &server.url]);
        run(trigger.env("STRIPE_WEBHOOK_SECRET", secret)).with_code(0);
    }
    // By their labels, `printf whsec_… | sha256sum | cut -c1-8`.
    let line = server.process.line_with(Stream::Stderr, "listening");
    let labels =
        line.split("secrets=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("they are told");
    assert_eq!(labels.split(',').map(str::len).collect::<Vec<_>>(), [8, 8], "{line}");
}

#[test]
fn a_misspelt_event_type_does_not_compile() {
    let errors = fixture_errors("misspelt");
    let message =
        "error: unknown event type `payment_intent.succeded`: did you mean `payment_intent.succeeded`?";
    assert_eq!(errors.matches("error: unknown").count(), 1, "{errors}");
    let lines: Vec<_> = errors.lines().skip_while(|line| *line != message).collect();
    let at = lines.iter().position(|line| line.contains("#[on_event(")).unwrap_or_else(|| panic!("{errors}"));
    // The caret stands under the string and nothing else.
    let literal = "\"payment_intent.succeded\"";
    let column = lines[at].find(literal).expect("the line is quoted");
    let caret = lines[at + 1];
    assert_eq!(caret.find('^'), Some(column), "{errors}");
    assert_eq!(caret.matches('^').count(), literal.len(), "{errors}");
}

#[test]
fn the_readme_shows_this_very_program() {
    let read = |path: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let program = read("examples/quickstart/src/main.rs");
    assert!(
        read("README.md").contains(&format!("```rust,no_run\n{program}```")),
        "the README shows another program"
    );
}
