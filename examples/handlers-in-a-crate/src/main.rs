//! Serves handlers that are defined in a library crate.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

// Nothing else here names the crate, and a crate that is not named is not linked. Without this line there would be no
// handler, and the program would refuse to start.
use shop_handlers as _;
use webhook_server::App;

#[tokio::main]
async fn main() -> ExitCode {
    let to_pack = Arc::new(AtomicU64::new(0));
    // If that line or a handler is removed, the program refuses to start, too.
    App::new().state(to_pack).handlers_lock(include_str!("../handlers.lock")).main().await
}
