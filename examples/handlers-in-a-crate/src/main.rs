//! Serves handlers that stand in a library crate.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

// Nothing else here names the crate, and a crate that is not named is not linked: without this line there would be
// no handler. The start would be refused, and say so.
use shop_handlers as _;
use webhook_server::App;

#[tokio::main]
async fn main() -> ExitCode {
    let to_pack = Arc::new(AtomicU64::new(0));
    // And should the line above be lost, or a handler, the start is refused as well.
    App::new().state(to_pack).handlers_lock(include_str!("../handlers.lock")).main().await
}
