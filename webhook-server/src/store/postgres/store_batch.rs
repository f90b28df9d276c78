//! Storing one batch of arrivals, however often that must be tried.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::arrivals::Arrival;
use super::connection::Connection;
use super::ingest::{Job, Shared, Waiting};
use super::kept::Kept;
use super::problem::Problem;
use super::quarantine::quarantine;
use super::record::record;
use super::record_again::record_again;
use super::session::random;
use crate::jitter::jittered;
use crate::store::{RecordResult, StoreError};

/// How long a transaction may take before nothing else is accepted. It goes on: it may be waiting for a standby.
const OVERDUE: Duration = Duration::from_secs(5);

/// How long a transaction may take before it is made again on another connection.
const GIVE_UP: Duration = Duration::from_secs(60);

/// How often a transaction that collided with another is tried again at once.
const TRIES: u32 = 5;

/// The pauses between tries while the database is away.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Whom what became of an event is for.
type Reply = oneshot::Sender<Result<RecordResult, StoreError>>;

/// A connection that stores batches, one after the other.
pub(super) struct Storing {
    shared: Arc<Shared>,
    connection: Kept,
    /// Whether nothing is accepted until the present batch is answered.
    is_in_trouble: bool,
    /// The instance for which the present batch starts runs.
    instance: i64,
}

impl Storing {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { connection: Kept::of_loop(&shared.opener), shared, is_in_trouble: false, instance: 0 }
    }

    /// Stores a batch, and answers who waits for it.
    pub(super) async fn store(&mut self, batch: Vec<Waiting>) {
        let session = Arc::clone(&self.shared.session);
        let _starting = session.starting();
        self.instance = session.id();
        let (mut events, mut others, mut shares) = (Vec::new(), Vec::new(), Vec::new());
        for Waiting { job, share } in batch {
            shares.push(share);
            match job {
                Job::Event(arrival, reply) => events.push((arrival, reply)),
                other @ Job::NotAnEvent { .. } => others.push(other),
            }
        }
        for other in others {
            self.store_other(other).await;
        }
        let again = self.store_new(events).await;
        self.store_known(again).await;
        if std::mem::take(&mut self.is_in_trouble) {
            self.shared.note_trouble(None);
        }
    }

    /// Keeps what is not an event.
    async fn store_other(&mut self, job: Job) {
        let Job::NotAnEvent { body, reason, came_by, reply } = job else { return };
        let shared = Arc::clone(&self.shared);
        let noted = &shared.noted;
        let kept = self
            .transact(1, async |db| {
                quarantine(db, &body, &reason, &came_by, &noted.uses, noted.clock.now()).await
            })
            .await;
        let _ = reply.send(kept.map_err(StoreError::from));
    }

    /// Stores events, and answers for those that are new. Returns the others, which are known.
    async fn store_new(&mut self, events: Vec<(Arrival, Reply)>) -> Vec<(Arrival, Reply)> {
        let mut groups = vec![events];
        let mut known = Vec::new();
        while let Some(events) = groups.pop() {
            if events.is_empty() {
                continue;
            }
            match self.stored_as_new(&events).await {
                Ok(results) => {
                    for ((arrival, reply), result) in events.into_iter().zip(results) {
                        match result {
                            Some(result) => self.answer(reply, result),
                            None => known.push((arrival, reply)),
                        }
                    }
                }
                // One of them may be to blame: they are stored one by one.
                Err(problem) if events.len() > 1 && problem.may_be_of_one() => {
                    groups.extend(events.into_iter().map(|one| vec![one]))
                }
                Err(problem) => refuse(events, &problem),
            }
        }
        known
    }

    /// Stores events in one transaction, and tries again until it is known whether they are stored.
    ///
    /// # Errors
    ///
    /// Fails if they are not stored, or if that cannot be found out.
    async fn stored_as_new(
        &mut self,
        events: &[(Arrival, Reply)],
    ) -> Result<Vec<Option<RecordResult>>, Problem> {
        let batch = random()?;
        let arrivals: Vec<&Arrival> = events.iter().map(|(arrival, _)| arrival).collect();
        let shared = Arc::clone(&self.shared);
        // Whether an earlier try may have stored them.
        let mut again = false;
        let mut tries = 0;
        loop {
            let storing = self
                .transact(events.len(), async |db| {
                    record(db, &shared.session, batch, &arrivals, &shared.noted, again).await
                })
                .await;
            tries += 1;
            match storing {
                Ok(results) => return Ok(results),
                Err(Problem::Collided(_) | Problem::Taken(_)) if tries < TRIES => {}
                Err(problem @ Problem::Taken(_)) => return Err(problem.again_and_again()),
                Err(problem @ (Problem::Unknown(_) | Problem::Slow(_))) => {
                    again = true;
                    self.wait_for_database(problem).await;
                }
                Err(problem) if problem.may_pass() => {
                    if !again {
                        return Err(problem);
                    }
                    self.wait_for_database(problem).await;
                }
                Err(problem) => return Err(problem),
            }
        }
    }

    /// Counts the deliveries of known events, and answers.
    async fn store_known(&mut self, events: Vec<(Arrival, Reply)>) {
        let mut groups = vec![events];
        while let Some(events) = groups.pop() {
            if events.is_empty() {
                continue;
            }
            match self.counted(&events).await {
                Ok(results) => {
                    for ((_, reply), result) in events.into_iter().zip(results) {
                        match result {
                            Some(result) => self.answer(reply, result),
                            // It was deleted meanwhile: when it comes again, it is new.
                            None => drop(reply.send(Err(StoreError::Busy))),
                        }
                    }
                }
                Err(problem) if events.len() > 1 && problem.may_be_of_one() => {
                    groups.extend(events.into_iter().map(|one| vec![one]))
                }
                Err(problem) => refuse(events, &problem),
            }
        }
    }

    /// Counts the deliveries of known events in one transaction.
    ///
    /// # Errors
    ///
    /// Fails if they may not be counted.
    async fn counted(&mut self, events: &[(Arrival, Reply)]) -> Result<Vec<Option<RecordResult>>, Problem> {
        let arrivals: Vec<&Arrival> = events.iter().map(|(arrival, _)| arrival).collect();
        let shared = Arc::clone(&self.shared);
        let mut tries = 0;
        loop {
            let counting = self
                .transact(events.len(), async |db| {
                    record_again(db, &shared.session, &arrivals, &shared.noted).await
                })
                .await;
            tries += 1;
            match counting {
                Err(Problem::Collided(_) | Problem::Taken(_)) if tries < TRIES => {}
                // A delivery that is counted twice does no harm.
                Err(problem @ (Problem::Unknown(_) | Problem::Slow(_))) if tries < TRIES => {
                    self.wait_for_database(problem).await;
                }
                counted => return counted.map_err(Problem::again_and_again),
            }
        }
    }

    /// Tells the sender, and notes what has started first.
    fn answer(&self, reply: Reply, mut result: RecordResult) {
        let (RecordResult::New { started, .. } | RecordResult::Duplicate { started, .. }) = &mut result;
        self.shared.session.started(self.instance, started);
        let _ = reply.send(Ok(result));
    }

    /// Makes the calls of a transaction with this many writes. If they take long, accepts nothing else until the batch is
    /// answered, or until another connection has stored something.
    async fn transact<T>(
        &mut self,
        writes: usize,
        calls: impl AsyncFnOnce(&Connection) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let began = Instant::now();
        let mut calling = pin!(self.connection.call(GIVE_UP, calls));
        let answer = match tokio::time::timeout(OVERDUE, &mut calling).await {
            Ok(answer) => answer,
            Err(_) => {
                self.is_in_trouble = true;
                self.shared.note_trouble(Some(Problem::Slow(OVERDUE)));
                calling.await
            }
        };
        if answer.is_ok() {
            self.shared.committed(writes, began.elapsed());
            self.shared.note_trouble(None);
        }
        answer
    }

    /// Waits until the database answers again. Nothing is accepted until it has stored something.
    async fn wait_for_database(&mut self, problem: Problem) {
        self.is_in_trouble = true;
        self.shared.note_trouble(Some(problem));
        // It may answer this, and fail at what is to be stored.
        tokio::time::sleep(jittered(FIRST_PAUSE)).await;
        let mut pause = FIRST_PAUSE;
        while let Err(problem) =
            self.connection.call(LONGEST_PAUSE, async |db| db.query("SELECT 1", &[]).await).await
        {
            self.shared.note_trouble(Some(problem));
            tokio::time::sleep(jittered(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Tells who waits why their events are not stored.
fn refuse(events: Vec<(Arrival, Reply)>, problem: &Problem) {
    for (_, reply) in events {
        let _ = reply.send(Err(problem.clone().into()));
    }
}
