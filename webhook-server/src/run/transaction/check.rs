//! What is checked at the start, if handlers take transactions: the inbox, and the pools.

use std::sync::Arc;

use tracing::warn;
use webhook_core::{HandlerError, Registry, States, TransactionType};

use crate::problems::Problems;
use crate::report::format::chain;
use crate::store::Store;
use crate::store::transactions::PoolCheck;

/// Refuses handlers that take a transaction, since there is no inbox, or since it is not in PostgreSQL.
pub(crate) fn refuse(registry: &Registry, is_inline: bool, problems: &mut Problems) {
    let handlers: Vec<_> = registry.transactions().map(|(handler, _)| handler.place().to_string()).collect();
    if handlers.is_empty() {
        return;
    }
    let why = if is_inline {
        "this program is `.inline()` and has no inbox: remove `.inline()`, and put the inbox into the application's \
         database with `--inbox postgres://…`"
    } else {
        "the inbox is not in PostgreSQL: put it into the application's database with `--inbox postgres://…` (only `dev` and \
         tests can run such handlers with an inbox elsewhere)"
    };
    problems.add(format_args!(
        "a transaction that commits with its task is not possible here, but {} {} one\n{why}; or take the pool as \
         `State<…>`, and record handled events as `idempotency` describes",
        handlers.join(", "),
        if handlers.len() == 1 { "takes" } else { "take" },
    ));
}

/// Asks the database of each handler's pool whether a run can be completed there, and notes what is wrong. If it cannot be
/// asked, as when it is down, the start goes on: runs fail until it can.
pub(crate) async fn check_pools(
    registry: Arc<Registry>,
    states: Arc<States>,
    store: Arc<dyn Store>,
) -> Vec<String> {
    let mut types: Vec<TransactionType> = Vec::new();
    for (_, of) in registry.transactions() {
        if !types.contains(&of) {
            types.push(of);
        }
    }
    let Some(transactions) = store.transactions().filter(|_| !types.is_empty()) else { return Vec::new() };
    let checks = match transactions.pool_checks().await {
        Ok(checks) => checks,
        Err(error) => {
            warn!(
                error = chain(&error),
                "handlers' pools were not checked: the inbox's database is not available"
            );
            return Vec::new();
        }
    };
    let mut problems = Vec::new();
    for of in types {
        // In a task of its own, since beginning must not be cancelled.
        let checking = tokio::spawn(check_pool(of, of.begin(&states), checks.clone()));
        problems.extend(checking.await.unwrap_or(None));
    }
    problems
}

/// Checks one pool. Returns what is wrong with it.
async fn check_pool(
    of: TransactionType,
    beginning: impl Future<Output = Result<webhook_core::OpenTransaction, HandlerError>>,
    checks: Vec<PoolCheck>,
) -> Option<String> {
    let pool = of.pool().name();
    let mut transaction = match beginning.await {
        Ok(transaction) => transaction,
        Err(error) => return unavailable(of, &error),
    };
    let mut problem = None;
    for PoolCheck { statement, otherwise } in checks {
        match transaction.execute(&statement, &[]).await {
            Ok(1..) => continue,
            Ok(0) => problem = Some(format!("the pool `{pool}` cannot complete runs\n{otherwise}")),
            // The class of what is missing or forbidden.
            Err(error) if is_of(of, &error, &["3F", "42"]) => {
                let error = told(of, &error);
                problem = Some(format!("the pool `{pool}` cannot complete runs: {error}\n{otherwise}"));
            }
            Err(error) => problem = unavailable(of, &error),
        }
        break;
    }
    transaction.rollback().await;
    problem
}

/// What an error of a pool means that cannot be asked: a problem if the database refuses it for good.
fn unavailable(of: TransactionType, error: &HandlerError) -> Option<String> {
    let (pool, cause) = (of.pool().name(), told(of, error));
    if is_of(of, error, &["28", "3D"]) {
        return Some(format!("the pool `{pool}` cannot connect: {cause}"));
    }
    warn!(pool, cause, "a pool of handlers' transactions was not checked: its database is not available");
    None
}

/// What a driver says of an error, with its SQLSTATE. sqlx adds the line of the server's own source.
fn told(of: TransactionType, error: &HandlerError) -> String {
    let text = chain(error.cause());
    let Some(state) = of.sqlstate(error) else { return text };
    let is_number = |line: &str| line.bytes().all(|byte| byte.is_ascii_digit());
    let text =
        text.rsplit_once(" at line ").filter(|(_, line)| is_number(line)).map_or(&*text, |(text, _)| text);
    format!("{text} (SQLSTATE {state})")
}

fn is_of(of: TransactionType, error: &HandlerError, classes: &[&str]) -> bool {
    of.sqlstate(error).is_some_and(|state| classes.iter().any(|class| state.starts_with(class)))
}
