//! A handler that is not linked is missing without a word, unless something else knows of it: the count by crate, the
//! lock file of handlers, and the compiler.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use product_tests::{
    Built, Ended, Profile, SECRET, Server, Stream, build_fixtures, build_workspace, fixture_warnings,
    new_inbox, program, run,
};

/// The same package twice: `linked` names its library, `lib-and-bin` does not.
static BUILT: LazyLock<Built> = LazyLock::new(|| build_fixtures(&["lib-and-bin"], Profile::Debug));

const LOCK: &str = include_str!("../../fixtures/lib-and-bin/handlers.lock");

fn command(name: &str, arguments: &[&str]) -> Command {
    let mut command = program(&BUILT[name]);
    command.args(arguments).env("STRIPE_WEBHOOK_SECRET", SECRET);
    command
}

/// A lock file with this text, in a folder of its own.
fn lock(text: &str) -> PathBuf {
    let file = new_inbox().with_file_name("handlers.lock");
    fs::write(&file, text).expect("the folder is there");
    file
}

fn check(program: &str, file: &Path) -> Ended {
    run(&mut command(program, &["handlers", "--check", file.to_str().expect("it is text")]))
}

#[test]
fn handlers_are_counted_by_crate() {
    for (program, count) in [
        ("linked", "3 handlers: lib_and_bin 1, linked (program) 2"),
        ("lib-and-bin", "2 handlers: lib_and_bin (program) 2"),
    ] {
        let listed = run(&mut command(program, &["handlers"])).with_code(0).stdout;
        assert_eq!(listed.lines().last(), Some(count), "{listed}");
    }
}

#[test]
fn the_start_tells_how_many_handlers_of_which_crate_there_are() {
    let server = Server::from_command(&mut command("linked", &[]), &[]);
    let line = server.process.line_with(Stream::Stderr, " listening ");
    assert!(line.contains("handlers=3 crates=\"lib_and_bin 1, linked (program) 2\""), "{line}");
    server.stop();
}

#[test]
fn a_lock_file_is_written_and_holds() {
    let file = new_inbox().with_file_name("handlers.lock");
    let path = file.to_str().expect("it is text");
    let told = run(&mut command("linked", &["handlers", "--lock", path])).with_code(0).stdout;
    assert_eq!(told, format!("{path}: 3 handlers: lib_and_bin 1, linked (program) 2\n"));
    assert_eq!(fs::read_to_string(&file).expect("it was written"), LOCK);
    let held = check("linked", &file).with_code(0);
    assert_eq!(held.stdout, format!("3 handlers: lib_and_bin 1, linked (program) 2, as in {path}\n"));
}

#[test]
fn a_library_half_that_is_not_linked_fails_the_check() {
    let file = lock(LOCK);
    let failed = check("lib-and-bin", &file).with_code(1);
    let path = file.display();
    let name = BUILT["lib-and-bin"].display();
    assert_eq!(
        failed.stderr,
        format!(
            "error: the handlers of this program differ from {path}:\n\
             - lib_and_bin::disputes::tell charge.dispute.closed\n\
             - lib_and_bin::disputes::tell charge.dispute.created\n\
             `-`: in the file, but not in the program\n\
             no handlers of the library `lib_and_bin` are linked: if they are defined there, add `use lib_and_bin as _;` \
             to main.rs\n\
             if this is intended, update the file: `{name} handlers --lock FILE`\n"
        )
    );
    assert_eq!(failed.stdout, "");
}

#[test]
fn every_difference_fails_the_check() {
    for (mistake, text, told) in [
        (
            "a new handler",
            LOCK.replace("payments payment_intent.succeeded\n", ""),
            "\n+ payments payment_intent.succeeded\n",
        ),
        (
            "a new type of one that is known",
            LOCK.replace("lib_and_bin::disputes::tell charge.dispute.closed\n", ""),
            "\n+ lib_and_bin::disputes::tell charge.dispute.closed\n",
        ),
        (
            "a handler that is gone",
            format!("{LOCK}refunds charge.refunded\n"),
            "\n- refunds charge.refunded\n",
        ),
        ("a type that is gone", format!("{LOCK}payments payout.paid\n"), "\n- payments payout.paid\n"),
        ("another id", LOCK.replace("others *", "rest *"), "\n- rest *\n+ others *\n"),
        ("a line that is none", format!("{LOCK}<<<<<<< ours and theirs\n"), "\n? <<<<<<< ours and theirs\n"),
        ("an empty file", String::new(), "\n+ others *\n"),
    ] {
        let failed = check("linked", &lock(&text)).with_code(1);
        assert!(failed.stderr.contains(told), "{mistake}: {failed:#?}");
        assert!(failed.stderr.contains("handlers --lock FILE"), "{mistake}: {failed:#?}");
    }
    // Line breaks that git converts, and comments, do not count as differences.
    let same = LOCK.replace('\n', "\r\n") + "\r\n# kept\r\n";
    check("linked", &lock(&same)).with_code(0);
    let missing = check("linked", &new_inbox()).with_code(1);
    assert!(missing.stderr.contains("handlers --lock"), "{missing:#?}");
}

#[test]
fn a_program_that_holds_its_lock_does_not_start_without_a_handler() {
    for arguments in
        [&["serve", "--listen", "127.0.0.1:0"][..], &["dev", "--once", "--listen", "127.0.0.1:0"]]
    {
        let refused = run(&mut command("lib-and-bin", arguments)).with_code(78);
        for told in [
            "cannot start: 1 problem\n",
            "- lib_and_bin::disputes::tell charge.dispute.created",
            "`use lib_and_bin as _;`",
        ] {
            assert!(refused.stderr.contains(told), "{arguments:?}: {told}: {refused:#?}");
        }
    }
    run(&mut command("linked", &["dev", "--once", "--listen", "127.0.0.1:0"])).with_code(0);
}

#[test]
fn a_library_crate_that_is_not_linked_fails_the_check() {
    let app = &build_workspace(&["handlers-in-a-crate"], Profile::Debug)["handlers-in-a-crate"];
    let file = lock("");
    let path = file.to_str().expect("it is text");
    run(program(app).args(["handlers", "--lock", path])).with_code(0);
    let unlinked = &build_fixtures(&["unlinked"], Profile::Debug)["unlinked"];
    let failed = run(program(unlinked).args(["handlers", "--check", path])).with_code(1);
    for told in
        ["- shop_handlers::orders::checkout::paid checkout.session.completed", "`use shop_handlers as _;`"]
    {
        assert!(failed.stderr.contains(told), "{told}: {failed:#?}");
    }
    // Nothing is locked where there is nothing.
    run(program(unlinked).args(["handlers", "--lock", path])).with_code(78);
    run(program(app).args(["handlers", "--check", path])).with_code(0);
}

/// As the documentation advises.
#[test]
fn the_compiler_tells_of_a_library_that_the_program_does_not_name() {
    let said = fixture_warnings("lib-and-bin");
    let of_main = "extern crate `lib_and_bin` is unused in crate `lib_and_bin`";
    assert!(said.contains(of_main), "{said}");
    assert!(!said.contains("is unused in crate `linked`"), "{said}");
}
