//! A server whose handler's effect is in the transaction that ends its task, for the tests that cut it off.
//!
//! The transaction goes to the database of the inbox, unless `TRANSACTIONS_URL` names another way to it. The tests make the
//! table [`effect`](product_tests::EFFECT_TABLE), which has no key: a second effect is to be seen, not to be prevented.

use std::process::ExitCode;
use std::time::Duration;

use deadpool_postgres::{Manager, Pool, Runtime};
use product_tests::random_below;
use tokio_postgres::types::Type;
use tokio_postgres::{Config, NoTls};
use webhook_postgres::Tx;
use webhook_server::{App, Event, HandlerError, on_event};

/// How many runs at once there are connections for.
const CONNECTIONS: usize = 16;

/// Has its effect exactly once. Now and then it takes long, so that a test finds it in the middle of a transaction.
#[on_event(
    "payment_intent.succeeded",
    "payment_intent.created",
    "payment_intent.processing",
    retry(attempts = 100, first_delay = "1s", max_delay = "1s")
)]
async fn effect(event: Event, tx: &mut Tx) -> Result<(), HandlerError> {
    let insert = "INSERT INTO effect (event_id) VALUES ($1)";
    tx.execute_typed(insert, &[(&&*event.id, Type::TEXT)]).await?;
    let longest = if random_below(20) == 0 { 1000 } else { 10 };
    tokio::time::sleep(Duration::from_millis(random_below(longest))).await;
    Ok(())
}

fn pool() -> Pool {
    let url = std::env::var("TRANSACTIONS_URL").or_else(|_| std::env::var("WEBHOOK_INBOX"));
    let config: Config = url.expect("a URL is set").parse().expect("it is the URL of a database");
    let pool = Pool::builder(Manager::new(config, NoTls)).max_size(CONNECTIONS).runtime(Runtime::Tokio1);
    pool.create_timeout(Some(Duration::from_secs(5))).build().expect("there is a runtime")
}

#[tokio::main]
async fn main() -> ExitCode {
    App::new().state(pool()).main().await
}
