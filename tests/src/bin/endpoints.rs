//! A server with two endpoints: one for its own account, and one for the live events of connected accounts.

use std::process::ExitCode;

use webhook_server::{App, Context, Endpoint, on_event, on_unhandled};

#[on_event("account.updated")]
async fn updated(context: Context) {
    println!("updated through {}", context.endpoint());
}

#[on_event("payout.paid", endpoint = "connect")]
async fn paid_out(context: Context) {
    println!("paid out through {}", context.endpoint());
}

#[on_unhandled(endpoint = "/stripe")]
async fn rest(context: Context) {
    println!("rest through {}", context.endpoint());
}

#[tokio::main]
async fn main() -> ExitCode {
    webhook_server::__on_failpoint(product_tests::die_at);
    // A test renames it, so that a handler names an endpoint that there is not.
    let connect = std::env::var("CONNECT").unwrap_or_else(|_| "connect".to_owned());
    App::new()
        .endpoint(Endpoint::at("/stripe").secret_env("STRIPE_OWN_SECRET"))
        .endpoint(
            Endpoint::at("/stripe/connect").named(connect).secret_env("STRIPE_CONNECT_SECRET").live_only(),
        )
        .main()
        .await
}
