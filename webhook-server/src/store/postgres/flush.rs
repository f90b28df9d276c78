//! Several statements that are sent together, so that none waits for this process while it holds a lock.

use std::future::{Future, poll_fn};
use std::iter;
use std::pin::Pin;
use std::task::Poll;

use tokio_postgres::Row;

use super::connection::Connection;
use super::problem::Problem;
use super::values::Value;

/// A statement and its values.
pub(super) struct Statement<'v> {
    text: &'static str,
    values: Vec<Value<'v>>,
}

impl<'v> Statement<'v> {
    pub(super) fn new(text: &'static str, values: &[Value<'v>]) -> Self {
        Self { text, values: values.to_vec() }
    }
}

/// Runs the statements in one transaction, and returns the rows of each. All answers count: the commit of a transaction that
/// failed is answered without an error.
///
/// Transactions themselves are never sent together: a pool may give the server to another client when it has answered the
/// first one, although it is at work on the next.
pub(super) async fn transaction(
    db: &Connection,
    statements: &[Statement<'_>],
) -> Result<Vec<Vec<Row>>, Problem> {
    if let [only] = statements {
        return Ok(vec![db.query(only.text, &only.values).await?]);
    }
    let (mut texts, none) = (Vec::new(), Vec::new());
    for one in statements {
        texts.push(db.planned(one.text, &one.values).await?);
    }
    let inner = texts.iter().zip(statements).map(|(text, one)| (&**text, &one.values));
    let whole = iter::once(("BEGIN", &none)).chain(inner).chain(iter::once(("COMMIT", &none)));
    let mut rows = all(whole.map(|(text, values)| db.send(text, values)).collect()).await?;
    rows.pop();
    rows.drain(..1);
    Ok(rows)
}

/// How often a transaction that collided with another is run at most.
const TRIES: u32 = 5;

/// Runs the statements in one transaction, and runs them again if it collided with another, which has left nothing of it.
pub(super) async fn despite_collisions(
    db: &Connection,
    statements: &[Statement<'_>],
) -> Result<Vec<Vec<Row>>, Problem> {
    let mut tries = 1;
    loop {
        match transaction(db, statements).await {
            Err(Problem::Collided(_) | Problem::Taken(_)) if tries < TRIES => tries += 1,
            answer => return answer,
        }
    }
}

/// Waits for all, and starts them in this order. Returns the first error, if there is one.
async fn all<F: Future<Output = Result<Vec<Row>, Problem>>>(
    futures: Vec<F>,
) -> Result<Vec<Vec<Row>>, Problem> {
    let mut pending: Vec<Pin<Box<F>>> = futures.into_iter().map(Box::pin).collect();
    let mut answers: Vec<Option<F::Output>> = pending.iter().map(|_| None).collect();
    poll_fn(|context| {
        for (future, answer) in pending.iter_mut().zip(&mut answers) {
            if answer.is_none()
                && let Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *answer = Some(ready);
            }
        }
        if answers.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    answers.into_iter().flatten().collect()
}
