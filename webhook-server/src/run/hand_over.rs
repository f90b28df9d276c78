//! Handing runs over to the application's runtime.
//!
//! Each hand-over wakes a thread of the application, and where all cores are busy that thread takes the server's place at
//! once. So the runs that start in one turn of the server's thread are handed over together, as one task, which starts
//! each of them as a task of its own.
//!
//! A task of the application's runtime is the panic boundary of its run.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use webhook_core::HandlerResult;

use super::panics::caught;

/// Where handlers run.
#[derive(Clone, Debug, Default)]
pub(crate) struct HandlerRuntime {
    /// `None` is the runtime of the caller.
    application: Option<Arc<Application>>,
}

/// The application's runtime, and the runs that are about to be handed over to it.
#[derive(Debug)]
struct Application {
    runtime: Handle,
    runs: Mutex<Vec<Run>>,
}

/// What a run returns: the handler's result, its error as text, and how long the handler took.
pub(super) type Returned = (HandlerResult, Option<String>, Duration);

/// A run as it is handed over.
struct Run {
    future: Pin<Box<dyn Future<Output = Returned> + Send>>,
    /// Notified to stop it.
    stop: Arc<Notify>,
    /// Told how it ended. Dropped if the runtime ends first.
    ended: oneshot::Sender<RunEnd>,
}

/// How a run ended.
#[derive(Debug)]
pub(super) enum RunEnd {
    Returned(Returned),
    /// It panicked, with this payload.
    Panicked(Box<dyn Any + Send>),
    /// It was stopped.
    Stopped,
    /// The application's runtime has ended, before or during the run.
    RuntimeEnded,
}

/// A run that was handed over. Dropping it does not stop the run.
#[derive(Debug)]
pub(super) struct HandedOver {
    stop: Arc<Notify>,
    ended: oneshot::Receiver<RunEnd>,
}

/// Stops a run.
pub(super) struct Stopper(Arc<Notify>);

impl HandlerRuntime {
    /// Runs handlers on a runtime of the application.
    pub(crate) fn of(runtime: Handle) -> Self {
        Self { application: Some(Arc::new(Application { runtime, runs: Mutex::default() })) }
    }

    /// Starts a run. It is handed over when the tasks that are ready now have had their turn.
    pub(super) fn start(&self, future: impl Future<Output = Returned> + Send + 'static) -> HandedOver {
        let stop = Arc::new(Notify::new());
        let (sender, ended) = oneshot::channel();
        let run = Run { future: Box::pin(future), stop: Arc::clone(&stop), ended: sender };
        match &self.application {
            Some(application) => application.add(run),
            None => drop(tokio::spawn(run.until_it_ends())),
        }
        HandedOver { stop, ended }
    }
}

impl Application {
    /// Hands a run over together with those that are added before the runtime of the caller comes to the end of its queue.
    fn add(self: &Arc<Self>, run: Run) {
        let is_first = {
            let mut runs = self.runs();
            runs.push(run);
            runs.len() == 1
        };
        if is_first {
            let crossing = Crossing(Arc::clone(self));
            tokio::spawn(async move {
                tokio::task::yield_now().await;
                drop(crossing);
            });
        }
    }

    /// Hands over all runs that were added.
    fn hand_over(&self) {
        let mut runs = std::mem::take(&mut *self.runs());
        match runs.pop() {
            Some(only) if runs.is_empty() => drop(self.runtime.spawn(only.until_it_ends())),
            last => {
                runs.extend(last);
                self.runtime.spawn(async move {
                    for run in runs {
                        tokio::spawn(run.until_it_ends());
                    }
                });
            }
        }
    }

    fn runs(&self) -> MutexGuard<'_, Vec<Run>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands the runs over when it is dropped, also if the runtime of the caller ends before.
struct Crossing(Arc<Application>);

impl Drop for Crossing {
    fn drop(&mut self) {
        self.0.hand_over();
    }
}

impl Run {
    /// Runs until the handler returns or panics, or until it is stopped. Tells how it ended when the future is dropped.
    async fn until_it_ends(self) {
        let Self { mut future, stop, ended } = self;
        let end = tokio::select! {
            biased;
            () = stop.notified() => RunEnd::Stopped,
            ended = caught(future.as_mut()) => ended.map_or_else(RunEnd::Panicked, RunEnd::Returned),
        };
        // Dropping it runs destructors of the application, which may panic.
        let end = match catch_unwind(AssertUnwindSafe(|| drop(future))) {
            Ok(()) => end,
            Err(panic) => {
                // So may those of what it returned.
                std::mem::forget(end);
                RunEnd::Panicked(panic)
            }
        };
        let _ = ended.send(end);
    }
}

impl HandedOver {
    /// Waits for the end.
    ///
    /// Cancel safety: call it again.
    pub(super) async fn end(&mut self) -> RunEnd {
        (&mut self.ended).await.unwrap_or(RunEnd::RuntimeEnded)
    }

    /// Returns what stops the run at its next await point.
    pub(super) fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.stop))
    }
}

impl Stopper {
    /// Stops the run at its next await point, or before it begins.
    pub(super) fn stop(&self) {
        self.0.notify_one();
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::runtime::{Builder, Runtime};

    use super::*;

    const RETURNED: Returned = (Ok(None), None, Duration::ZERO);

    /// Panics when it is dropped.
    struct Clumsy;

    impl Drop for Clumsy {
        fn drop(&mut self) {
            panic!("in a destructor");
        }
    }

    fn of_application() -> (Runtime, HandlerRuntime) {
        let application =
            Builder::new_multi_thread().worker_threads(1).build().expect("the system has threads");
        let runtime = HandlerRuntime::of(application.handle().clone());
        (application, runtime)
    }

    /// Drops a runtime, which must not be done on a thread of another one.
    async fn end(application: Runtime) {
        tokio::task::spawn_blocking(move || drop(application)).await.expect("no panic");
    }

    /// How a run ended, as text.
    async fn ended(mut run: HandedOver) -> String {
        match run.end().await {
            RunEnd::Returned(_) => "returned".to_owned(),
            RunEnd::Panicked(text) => {
                format!("panicked {}", text.downcast_ref::<&str>().expect("it is text"))
            }
            RunEnd::Stopped => "stopped".to_owned(),
            RunEnd::RuntimeEnded => "runtime ended".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_run_returns_panics_or_is_stopped() {
        let (application, of_application) = of_application();
        for runtime in [HandlerRuntime::default(), of_application] {
            assert_eq!(ended(runtime.start(ready(RETURNED))).await, "returned");
            assert_eq!(ended(runtime.start(async { panic!("at once") })).await, "panicked at once");
            let later = async {
                tokio::task::yield_now().await;
                panic!("later")
            };
            assert_eq!(ended(runtime.start(later)).await, "panicked later");
            let clumsy = Clumsy;
            let clumsy = runtime.start(async move {
                let _clumsy = clumsy;
                pending().await
            });
            clumsy.stopper().stop();
            assert_eq!(ended(clumsy).await, "panicked in a destructor");
            let before = runtime.start(async { unreachable!("it is stopped before it begins") });
            before.stopper().stop();
            assert_eq!(ended(before).await, "stopped");
            let (began, has_begun) = oneshot::channel();
            let during = runtime.start(async move {
                began.send(()).expect("the test waits");
                pending().await
            });
            has_begun.await.expect("it begins");
            during.stopper().stop();
            assert_eq!(ended(during).await, "stopped");
        }
        end(application).await;
    }

    #[tokio::test]
    async fn the_runs_of_one_turn_are_handed_over_together() {
        let (application, runtime) = of_application();
        let runs: Vec<_> = (0..3).map(|_| runtime.start(ready(RETURNED))).collect();
        let waiting = runtime.application.as_ref().expect("it is there");
        assert_eq!(waiting.runs().len(), 3);
        for run in runs {
            assert_eq!(ended(run).await, "returned");
        }
        assert!(waiting.runs().is_empty());
        end(application).await;
    }

    #[test]
    fn a_caller_whose_runtime_ends_holds_nobody_up() {
        let (application, runtime) = of_application();
        let caller = || Builder::new_current_thread().build().expect("the system has threads");
        let first = caller().block_on(async { runtime.start(ready(RETURNED)) });
        let second = caller().block_on(async { ended(runtime.start(ready(RETURNED))).await });
        assert_eq!(second, "returned");
        assert_eq!(caller().block_on(ended(first)), "returned");
        drop(application);
    }

    #[tokio::test]
    async fn a_runtime_that_ends_takes_its_runs_along() {
        let (application, runtime) = of_application();
        let during: Vec<_> = (0..2).map(|_| runtime.start(pending())).collect();
        while application.metrics().num_alive_tasks() < 2 {
            tokio::task::yield_now().await;
        }
        end(application).await;
        let after: Vec<_> = (0..2).map(|_| runtime.start(ready(RETURNED))).collect();
        for run in during.into_iter().chain(after) {
            assert_eq!(ended(run).await, "runtime ended");
        }
    }
}
