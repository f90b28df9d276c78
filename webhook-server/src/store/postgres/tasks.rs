//! The connection that starts and ends runs.
//!
//! One loop owns it: the ends that have gathered while the last call was under way go out together, then a claim if one
//! waits. An instance makes one claim at a time.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::claim::claim;
use super::connection::{CALL_LIMIT, Connection};
use super::finish::{clear_suspect, finish};
use super::kept::Kept;
use super::low_water::LowWater;
use super::opener::Opener;
use super::problem::Problem;
use super::session::{Session, Timing};
use crate::store::{Capacity, ClaimResult, Disposition, FinishResult, StoreError, Ticket};

/// How many ends one call has at most.
const TOGETHER: usize = 256;

/// What the connection is to do.
pub(super) enum Job {
    Claim(Capacity, Reply<ClaimResult>),
    Finish(Ticket, Disposition, Reply<FinishResult>),
    ClearSuspect(Ticket, Reply<()>),
}

/// Whom the result is for. It may have stopped waiting.
pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// The loop, which starts with the first job, on the runtime of its caller.
pub(super) struct Tasks {
    jobs: mpsc::UnboundedSender<Job>,
    waiting: Mutex<Option<(mpsc::UnboundedReceiver<Job>, Kept)>>,
    session: Arc<Session>,
    timing: Timing,
    low_water: Arc<LowWater>,
}

impl Tasks {
    pub(super) fn new(opener: &Arc<Opener>, session: Arc<Session>, timing: Timing) -> Self {
        let (jobs, received) = mpsc::unbounded_channel();
        let waiting = Mutex::new(Some((received, Kept::of_loop(opener))));
        Self { jobs, waiting, session, timing, low_water: Arc::default() }
    }

    /// From where claims look.
    pub(super) fn low_water(&self) -> &LowWater {
        &self.low_water
    }

    /// Hands a job over. It is done even if its caller stops waiting.
    ///
    /// # Errors
    ///
    /// Fails if the runtime that started the loop has ended.
    pub(super) fn hand_over(&self, job: Job) -> Result<(), StoreError> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((received, connection)) = waiting {
            let (session, low_water) = (Arc::clone(&self.session), Arc::clone(&self.low_water));
            tokio::spawn(work(received, connection, session, self.timing, low_water));
        }
        self.jobs.send(job).map_err(|_| super::ended())
    }
}

/// Works until the sender of jobs is dropped.
async fn work(
    mut jobs: mpsc::UnboundedReceiver<Job>,
    connection: Kept,
    session: Arc<Session>,
    timing: Timing,
    low_water: Arc<LowWater>,
) {
    let mut waiting = Vec::new();
    // The runs whose ends may have been stored, since the answer was lost.
    let mut doubtful: HashSet<Ticket> = HashSet::new();
    while jobs.recv_many(&mut waiting, TOGETHER).await > 0 {
        let (mut ends, mut others) = (Vec::new(), Vec::new());
        for job in waiting.drain(..) {
            match job {
                Job::Finish(ticket, end, reply) => ends.push((ticket, end, reply)),
                other => others.push(other),
            }
        }
        if !ends.is_empty() {
            end_all(&connection, &session, ends, &mut doubtful, &low_water).await;
        }
        for job in others {
            match job {
                Job::Claim(capacity, reply) => {
                    let claimed = claim_due(&connection, &session, &capacity, &timing, &low_water).await;
                    let _ = reply.send(claimed.map_err(StoreError::from));
                }
                Job::ClearSuspect(ticket, reply) => {
                    let cleared = connection
                        .call(CALL_LIMIT, async |db| clear_suspect(db, &session, ticket).await)
                        .await;
                    let _ = reply.send(cleared.map_err(StoreError::from));
                }
                Job::Finish(..) => {}
            }
        }
    }
}

/// Ends runs, and tells who waits.
async fn end_all(
    connection: &Kept,
    session: &Session,
    ends: Vec<(Ticket, Disposition, Reply<FinishResult>)>,
    doubtful: &mut HashSet<Ticket>,
    low_water: &LowWater,
) {
    let told: Vec<(Ticket, &Disposition)> = ends.iter().map(|(ticket, end, _)| (*ticket, end)).collect();
    let again = told.iter().any(|(ticket, _)| doubtful.contains(ticket));
    let finished =
        connection.call(CALL_LIMIT, async |db| finish(db, session, &told, again, low_water).await).await;
    let tickets = told.iter().map(|(ticket, _)| *ticket);
    match &finished {
        Ok(_) => tickets.for_each(|ticket| {
            doubtful.remove(&ticket);
        }),
        // Its statements are committed one by one: another one may have failed than that which ended the run.
        Err(_) => doubtful.extend(tickets),
    }
    match finished {
        Ok(results) => {
            for ((.., reply), result) in ends.into_iter().zip(results) {
                let _ = reply.send(Ok(result));
            }
        }
        Err(problem) => {
            for (.., reply) in ends {
                let _ = reply.send(Err(problem.clone().into()));
            }
        }
    }
}

/// Claims what is due.
async fn claim_due(
    connection: &Kept,
    session: &Session,
    capacity: &Capacity,
    timing: &Timing,
    low_water: &LowWater,
) -> Result<ClaimResult, Problem> {
    let _starting = session.starting();
    let claimed = connection
        .call(CALL_LIMIT, async |db: &Connection| claim(db, session, capacity, timing, low_water).await)
        .await;
    match &claimed {
        Ok(_) | Err(Problem::Collided(_) | Problem::Taken(_)) => {}
        // Another server may have become the primary, and lack what the marks are based on.
        Err(_) => low_water.forget(),
    }
    claimed
}
