//! Every handler of a program is registered, wherever it stands, also when the compiler optimises; and where the
//! linker leaves handlers out, the program refuses to start instead of answering 200 and running nothing.

use std::path::Path;

use product_tests::{Ended, Profile, SECRET, Server, build_fixtures, build_workspace, program, run, scratch};
use serde_json::Value;
use webhook_core::Sample;

#[test]
fn debug() {
    registries(Profile::Debug);
}

#[test]
fn optimised() {
    registries(Profile::Optimised);
}

fn registries(profile: Profile) {
    let built = build_workspace(&["quickstart", "handlers-in-a-crate"], profile);
    in_the_binary(&built["quickstart"]);
    in_a_linked_library(&built["handlers-in-a-crate"]);
    let built = build_fixtures(&["unlinked"], profile);
    in_an_unlinked_library(&built["unlinked"]);
}

fn in_the_binary(quickstart: &Path) {
    assert_eq!(
        handlers(quickstart),
        [
            ("quickstart::payment_method_attached", vec!["payment_method.attached"]),
            ("quickstart::payment_succeeded", vec!["payment_intent.succeeded"]),
            ("quickstart::unhandled", vec![]),
        ]
        .map(|(id, types)| (id.to_owned(), types.into_iter().map(str::to_owned).collect()))
    );
}

fn in_a_linked_library(app: &Path) {
    let checkout = ["checkout.session.async_payment_succeeded", "checkout.session.completed"];
    let disputes = ["closed", "created", "funds_reinstated", "funds_withdrawn", "updated"];
    assert_eq!(
        handlers(app),
        [
            ("shop_handlers::disputes::tell", disputes.map(|last| format!("charge.dispute.{last}")).to_vec()),
            ("shop_handlers::orders::checkout::paid", checkout.map(str::to_owned).to_vec()),
        ]
        .map(|(id, types)| (id.to_owned(), types))
    );

    // They run, and with the state that the application gave.
    let server = Server::start(app, &[]);
    for (at, event_type) in (0..).zip(checkout) {
        let sample = Sample::new(event_type, at).expect("there is such a type");
        assert_eq!(server.post(&sample.body(1_700_000_000)).status(), 200);
    }
    let printed = server.stop().stdout;
    let counts: Vec<_> = printed.lines().filter_map(|line| line.split_once("orders to pack: ")).collect();
    assert_eq!(counts.iter().map(|(_, count)| *count).collect::<Vec<_>>(), ["1", "2"], "{printed}");
}

fn in_an_unlinked_library(app: &Path) {
    let refused = |arguments: &[&str]| -> Ended {
        let mut command = program(app);
        run(command.args(arguments).env("STRIPE_WEBHOOK_SECRET", SECRET)).with_code(78)
    };
    for arguments in [&["serve", "--listen", "127.0.0.1:0"][..], &["dev", "--once"], &["handlers"], &[]] {
        let refused = refused(arguments);
        for expected in ["cannot start: 1 problem\n", "no handler", "`use my_handlers as _;`", "main.rs"] {
            assert!(refused.stderr.contains(expected), "{arguments:?}: {refused:#?}");
        }
        assert_eq!(refused.stdout, "", "{arguments:?}");
    }
    assert_eq!(handlers(app), []);
}

/// The ids and event types that `handlers` lists. From another folder than the sources, which must not matter.
fn handlers(app: &Path) -> Vec<(String, Vec<String>)> {
    let mut command = program(app);
    let ended =
        run(command.args(["handlers", "--format", "json"]).current_dir(scratch("elsewhere"))).with_code(0);
    let listed: Vec<Value> = serde_json::from_str(&ended.stdout).expect("it is JSON");
    let text = |value: &Value| value.as_str().expect("it is text").to_owned();
    let types = |row: &Value| row["events"].as_array().map(|types| types.iter().map(text).collect());
    listed.iter().map(|row| (text(&row["id"]), types(row).unwrap_or_default())).collect()
}
