//! The documented way to a project of one's own works as it is written there.

use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::Duration;

use product_tests::{Process, repository, target};

/// The commands below a heading of the first chapter.
fn commands_under(heading: &str) -> Vec<String> {
    let chapter = std::fs::read_to_string(repository().join("docs/first-handler.md"));
    let chapter = chapter.expect("there is a first chapter");
    let section = chapter.split(heading).nth(1).expect("it has this section");
    let block = section.split("```console\n").nth(1).and_then(|rest| rest.split("```").next());
    let lines = block.expect("there are commands").lines();
    lines.map(|line| line.strip_prefix("$ ").expect("it is a command").to_owned()).collect()
}

#[test]
fn three_commands_make_a_project_that_runs() {
    let commands = commands_under("## Your own project\n");
    let [new, add, run] = &commands[..] else { panic!("they are three: {commands:?}") };
    assert!(run.ends_with("cargo run -- dev"), "{run}");
    // Outside of the workspace, which would take a new package in.
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    symlink(repository(), folder.path().join("webhook")).expect("the folder is new");
    // What is built is locked, and was downloaded for the tests themselves.
    let script = format!("{new}\n{add}\ncp ../webhook/Cargo.lock .\n{run} --once");
    let mut command = Command::new("sh");
    command.args(["-ec", &script]).current_dir(folder.path());
    // As the workspace builds them, so that dependencies are built once.
    command.env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only");
    command
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TARGET_DIR", target())
        .env_remove("STRIPE_WEBHOOK_SECRET");
    let ended = Process::start(&mut command).patiently(Duration::from_secs(60 * 60)).wait().with_code(0);
    for handler in ["shop::payment_succeeded", "shop::payment_method_attached", "shop::unhandled"] {
        let done = |line: &str| line.contains(handler) && line.contains("done");
        assert!(ended.stdout.lines().any(done), "{handler}: {ended:#?}");
    }
}
