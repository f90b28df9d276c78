//! A shop with a server and a database of its own, which receives Stripe's events beside its own routes: one binary, one
//! port, one shutdown.
//!
//! - `main.rs` puts it together and stops it.
//! - `routes.rs` has the shop's routes: create an order, list the orders, show one.
//! - `events.rs`: the handlers of Stripe's events. They mark orders as paid or canceled.
//! - `orders.rs` has everything that is done to the database.
//!
//! The order waits as *pending* until Stripe's event says that it is paid. A real shop creates a Checkout session for it and
//! sends the customer there; the session carries the order's id as its `client_reference_id`. Here, `trigger` takes the
//! customer's place. With a PostgreSQL server on this machine:
//!
//! ```console
//! $ createdb shop
//! $ export DATABASE_URL='postgres:///shop?host=/var/run/postgresql'
//! $ export STRIPE_WEBHOOK_SECRET=whsec_only_for_a_trial_0123456789
//! $ cargo run -p axum-shop
//!
//! $ curl http://127.0.0.1:3000/orders --json '{"item": "kettle", "amount": 4200, "currency": "eur"}'
//! {"id":"order_9f3c…","item":"kettle","amount":4200,"currency":"eur","status":"pending"}
//! $ cargo run -p axum-shop -- trigger checkout.session.completed --to http://127.0.0.1:3000/webhook \
//!       --set client_reference_id=order_9f3c… --set amount_total=4200 --set currency=eur
//! $ curl http://127.0.0.1:3000/orders/order_9f3c…
//! {"id":"order_9f3c…","item":"kettle","amount":4200,"currency":"eur","status":"paid"}
//! $ cargo run -p axum-shop -- inbox list
//! ```
//!
//! # What is stored where
//!
//! Events wait in the framework's inbox, a SQLite file; orders and payments are in PostgreSQL. An event is in the inbox
//! before Stripe gets its 200, so the shop's database may be down: the handler is retried until it is back. A handler may
//! run more than once, so each change is made in a transaction that first looks at what is there already.

mod events;
mod orders;
mod routes;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use tokio::net::TcpListener;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::trace::TraceLayer;
use webhook_server::{App, Webhooks};

/// The largest body that any route takes. Stripe's events are much smaller.
const BODY_LIMIT: usize = 256 * 1024;

/// Enough for the 32 handlers that may run at once (the setting `concurrency`), and some requests beside them.
const CONNECTIONS: u32 = 40;

/// A handler or a request that waits longer for a connection fails; the handler is retried.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> ExitCode {
    let database: PgConnectOptions = match setting("DATABASE_URL", "postgres:///shop").parse() {
        Ok(database) => database,
        Err(error) => {
            eprintln!("DATABASE_URL is not the URL of a PostgreSQL database: {error}");
            return ExitCode::FAILURE;
        }
    };
    // Connects when it is first used: commands such as `inbox list` need no database.
    let database = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(CONNECTION_TIMEOUT)
        .connect_lazy_with(database);
    let app = App::new().state(database.clone());
    let code = app.main_with(async |webhooks| serve(webhooks, database.clone()).await).await;
    // All runs have ended, and with them everything that uses the database.
    database.close().await;
    code
}

/// Serves the shop's routes and the webhook until the process is asked to stop and every request has its answer.
async fn serve(webhooks: Webhooks, database: PgPool) -> Result<(), Box<dyn Error + Send + Sync>> {
    orders::create_tables(&database)
        .await
        .map_err(|error| format!("cannot create the tables in the shop's database: {error}"))?;
    let router = Router::new()
        .route_service("/webhook", webhooks.service())
        .merge(routes::routes(database))
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
        .layer(TraceLayer::new_for_http());
    let listener = TcpListener::bind(setting("SHOP_LISTEN", "127.0.0.1:3000")).await?;
    tracing::info!(address = %listener.local_addr()?, "the shop is open");
    axum::serve(listener, router).with_graceful_shutdown(webhooks.stopping()).await?;
    Ok(())
}

/// Reads a setting of the shop's own from the environment.
fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}
