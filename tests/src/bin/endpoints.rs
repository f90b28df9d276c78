//! A server with two endpoints: one for its own account, and one for the live events of connected accounts.

use std::process::ExitCode;

use webhook_server::{App, Context, Endpoint, on_event};

#[on_event("account.updated")]
async fn updated(context: Context) {
    println!("updated through {}", context.endpoint());
}

#[tokio::main]
async fn main() -> ExitCode {
    App::new()
        .endpoint(Endpoint::at("/stripe").secret_env("STRIPE_OWN_SECRET"))
        .endpoint(
            Endpoint::at("/stripe/connect").named("connect").secret_env("STRIPE_CONNECT_SECRET").live_only(),
        )
        .main()
        .await
}
