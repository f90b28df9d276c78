//! A program without the feature `sqlite`: what works without an inbox works, and what needs one says what is missing.

use std::path::Path;
use std::process::Command;

use product_tests::{Profile, SECRET, Server, build_fixtures, program, run};
use webhook_core::Sample;

const MISSING: &str = "the inbox cannot be opened: this program was built without the feature `sqlite` of webhook-server: \
                       enable it, or run handlers before the answer (`App::inline`)";

fn command(built: &Path, is_inline: bool) -> Command {
    let mut command = program(built);
    command.env_remove("WEBHOOK_INBOX").env("STRIPE_WEBHOOK_SECRET", SECRET);
    if is_inline {
        command.env("INLINE", "");
    }
    command
}

#[test]
fn a_program_without_sqlite_says_what_is_missing() {
    let built =
        build_fixtures(&["without-sqlite"], Profile::Debug).remove("without-sqlite").expect("it was built");

    for (arguments, code) in [
        (&["serve"][..], 78),
        (&["serve", "--inbox", ":memory:"], 78),
        (&["serve", "--inbox", "inbox.db"], 78),
        // With other problems.
        (&["serve", "--inbox", ":memory:", "--concurrency", "0"], 78),
        (&["dev", "--once"], 78),
        (&["inbox", "list"], 1),
    ] {
        let ended = run(command(&built, false).args(arguments)).with_code(code);
        assert!(ended.stderr.contains(MISSING), "{arguments:?}: {ended:#?}");
    }
    let tested = run(command(&built, false).env("TESTED", "")).with_code(101);
    assert!(tested.stderr.contains(MISSING), "{tested:#?}");

    let tested = run(command(&built, true).env("TESTED", "")).with_code(0);
    assert!(tested.stdout.contains(" was paid"), "{tested:#?}");
    let tried = run(command(&built, true).args(["dev", "--once"])).with_code(0);
    assert!(tried.stdout.contains(" was paid"), "{tried:#?}");
    let server = Server::from_command(&mut command(&built, true), &[]);
    let body = Sample::new("payment_intent.succeeded", 1).expect("there is such a type").body(1_700_000_000);
    assert_eq!(server.post(&body).status(), 200);
    server.stop();
}
