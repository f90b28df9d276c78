//! `ours.rs`, without an inbox, with 999 more handlers, whose events are not sent.

#[path = "../../src/bin/ours.rs"]
mod ours;

use std::process::ExitCode;

use webhook_server::on_event;

include!(concat!(env!("OUT_DIR"), "/handlers.rs"));

fn main() -> ExitCode {
    ours::main()
}
