//! The thread on which handshakes are computed.
//!
//! Anyone can begin a handshake, and the server's signature in it takes milliseconds with a long RSA key. On the thread
//! that receives, a flood of handshakes would delay every answer.
//!
//! The thread runs small tasks, and always continues the one that ranks highest: those from known networks before
//! strangers', then those that the server has answered before new ones, and then the newest first.
//!
//! A handshake needs two turns: one for the signature, and one for the client's last message, a round trip later. The
//! second turn is cheap. If new handshakes came before it, a flood of them would waste every signature.
//!
//! When there are more new handshakes than the thread can compute, the oldest connections are about to end anyway: they
//! give way to new ones, or their 10 seconds are over. A general executor would take tasks in the order in which they
//! became ready, and so do only work that is lost.

#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use tokio::sync::oneshot;

/// The thread. It ends when this is dropped, after the computation that it is in.
pub(super) struct Handshakes(Arc<Queue>);

#[derive(Default)]
struct Queue {
    ready: Mutex<Ready>,
    changed: Condvar,
}

#[derive(Default)]
struct Ready {
    tasks: BTreeMap<Rank, Arc<Task>>,
    /// The number of the next task.
    next: u64,
    is_closed: bool,
}

/// The highest comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    is_known: bool,
    /// Whether the server has answered: see [`note_answer`].
    is_answered: bool,
    /// The number of the task.
    number: u64,
}

thread_local! {
    /// Whether the task that this thread computes has been answered in this turn.
    static IS_ANSWERED: Cell<bool> = const { Cell::new(false) };
}

/// Notes that the server has answered the handshake that this thread computes, so it comes before new ones from now on.
///
/// To have connected must not be enough for that, or an attacker could connect first and send its hello later.
pub(super) fn note_answer() {
    IS_ANSWERED.set(true);
}

/// Whether an answer was noted on this thread since the last call.
#[cfg(test)]
pub(super) fn take_note() -> bool {
    IS_ANSWERED.take()
}

struct Task {
    /// Changed only while the queue is locked, which holds the task under this rank or not at all.
    rank: Mutex<Rank>,
    work: Mutex<Work>,
    queue: Arc<Queue>,
}

/// The future of a task.
enum Work {
    Waiting(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// The thread is computing it.
    Computing,
    /// It has ended, or was dropped.
    Over,
}

/// The result of a handshake. If this is dropped first, the handshake ends at once: what it holds is dropped, and it is
/// not computed any further.
pub(super) struct Handshake<T> {
    result: oneshot::Receiver<T>,
    task: Arc<Task>,
}

impl Handshakes {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// Fails if the system cannot start a thread.
    pub(super) fn start() -> io::Result<Self> {
        let queue = Arc::<Queue>::default();
        let handshakes = Self(Arc::clone(&queue));
        thread::Builder::new().name("webhook-tls".to_owned()).spawn(move || queue.work())?;
        Ok(handshakes)
    }

    /// Begins a handshake on the thread.
    pub(super) fn begin<T: Send + 'static>(
        &self,
        is_known: bool,
        handshake: impl Future<Output = T> + Send + 'static,
    ) -> Handshake<T> {
        let (done, result) = oneshot::channel();
        let work = Work::Waiting(Box::pin(async {
            let _ = done.send(handshake.await);
        }));
        let mut ready = self.0.ready();
        let rank = Rank { is_known, is_answered: false, number: ready.next };
        ready.next += 1;
        drop(ready);
        let task =
            Arc::new(Task { rank: Mutex::new(rank), work: Mutex::new(work), queue: Arc::clone(&self.0) });
        Arc::clone(&task).wake();
        Handshake { result, task }
    }

    /// How many tasks wait for the thread.
    #[cfg(test)]
    pub(super) fn queued(&self) -> usize {
        self.0.ready().tasks.len()
    }
}

impl Drop for Handshakes {
    fn drop(&mut self) {
        let mut ready = self.0.ready();
        ready.is_closed = true;
        let tasks = std::mem::take(&mut ready.tasks);
        drop(ready);
        self.0.changed.notify_one();
        drop(tasks);
    }
}

impl Queue {
    /// Computes what is ready, until the queue is closed.
    fn work(&self) {
        while let Some(task) = self.next() {
            task.compute();
        }
    }

    /// Waits for the next task. `None` when the queue is closed.
    fn next(&self) -> Option<Arc<Task>> {
        let mut ready = self.ready();
        loop {
            if ready.is_closed {
                return None;
            }
            if let Some((_, task)) = ready.tasks.pop_last() {
                return Some(task);
            }
            ready = self.changed.wait(ready).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn ready(&self) -> MutexGuard<'_, Ready> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Task {
    /// Continues the task until it waits for its peer.
    fn compute(self: Arc<Self>) {
        let Work::Waiting(mut future) = self.set(Work::Computing) else {
            // It was dropped after it was taken from the queue.
            self.set(Work::Over);
            return;
        };
        let waker = Waker::from(Arc::clone(&self));
        let mut context = Context::from_waker(&waker);
        // A panic ends this handshake alone: its result is then an error.
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut context)));
        if IS_ANSWERED.take() {
            self.raise();
        }
        let mut work = self.work();
        // Otherwise it was dropped meanwhile.
        if matches!(*work, Work::Computing) {
            match polled {
                Ok(Poll::Pending) => *work = Work::Waiting(future),
                Ok(Poll::Ready(())) | Err(_) => *work = Work::Over,
            }
        }
    }

    /// Ranks the task before new ones, also if it is in the queue again already.
    fn raise(&self) {
        let mut ready = self.queue.ready();
        let old = self.rank();
        let new = Rank { is_answered: true, ..old };
        *self.rank.lock().unwrap_or_else(PoisonError::into_inner) = new;
        if let Some(task) = ready.tasks.remove(&old) {
            ready.tasks.insert(new, task);
        }
    }

    /// The rank, which stays the same while the caller locks the queue.
    fn rank(&self) -> Rank {
        *self.rank.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the work, and returns what was there.
    fn set(&self, work: Work) -> Work {
        std::mem::replace(&mut *self.work(), work)
    }

    /// The lock is never held during a computation.
    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        let queue = Arc::clone(&self.queue);
        let mut ready = queue.ready();
        if !ready.is_closed {
            ready.tasks.insert(self.rank(), self);
        }
        drop(ready);
        queue.changed.notify_one();
    }
}

impl<T> Future for Handshake<T> {
    type Output = io::Result<T>;

    /// Fails if the handshake was dropped before it had a result, as one that panics is.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let result = Pin::new(&mut self.result).poll(context);
        result.map_err(|_| io::Error::other("the handshake was dropped before its end"))
    }
}

impl<T> Drop for Handshake<T> {
    fn drop(&mut self) {
        drop(self.task.set(Work::Over));
        let mut ready = self.task.queue.ready();
        ready.tasks.remove(&self.task.rank());
    }
}

impl fmt::Debug for Handshakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshakes").finish_non_exhaustive()
    }
}
