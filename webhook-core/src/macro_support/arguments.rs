//! How a handler's arguments are made. An expansion adds only the function that calls the handler; the rest is compiled
//! once for all handlers that take the same types.

use std::future::{Future, ready};

use super::{Argument, Extraction};
use crate::handler::HandlerFuture;
use crate::{HandlerError, Invocation};

/// A handler's arguments, as nested pairs: `(first, (second, ()))`.
pub trait ArgumentList: Sync + 'static {
    /// Their values, as nested pairs.
    type Values: Send;

    /// Makes the values, of arguments that do not wait.
    ///
    /// # Errors
    ///
    /// Fails if one of the arguments cannot be made.
    fn extract(&self, invocation: &Invocation) -> Result<Self::Values, HandlerError>;

    /// Makes the values, one after another.
    ///
    /// # Errors
    ///
    /// Fails if one of the arguments cannot be made.
    fn wait(
        &self,
        invocation: &Invocation,
    ) -> impl Future<Output = Result<Self::Values, HandlerError>> + Send;
}

impl ArgumentList for () {
    type Values = ();

    fn extract(&self, _: &Invocation) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn wait(&self, _: &Invocation) -> Result<(), HandlerError> {
        Ok(())
    }
}

impl<T: Send + 'static, Rest: ArgumentList> ArgumentList for (Argument<T>, Rest) {
    type Values = (T, Rest::Values);

    fn extract(&self, invocation: &Invocation) -> Result<Self::Values, HandlerError> {
        let Extraction::Immediate(extract) = self.0.extraction else {
            unreachable!("`Arguments::new` has chosen `wait` if an argument waits")
        };
        Ok((extract(invocation)?, self.1.extract(invocation)?))
    }

    async fn wait(&self, invocation: &Invocation) -> Result<Self::Values, HandlerError> {
        Ok((self.0.extraction.run(invocation).await?, self.1.wait(invocation).await?))
    }
}

/// The arguments of one handler, and how its runs begin.
#[expect(missing_debug_implementations, reason = "only expanded code has one")]
pub struct Arguments<A: ArgumentList> {
    pub(super) list: A,
    start: fn(&'static A, Invocation, Call<A>) -> HandlerFuture,
}

/// Calls the handler.
type Call<A> = fn(<A as ArgumentList>::Values) -> HandlerFuture;

impl<A: ArgumentList> Arguments<A> {
    /// Chooses how runs begin. In a constant, the other way is not compiled.
    pub const fn new(list: A, waits: bool) -> Self {
        Self { list, start: if waits { start_later::<A> } else { start_now::<A> } }
    }

    /// Starts a run.
    pub fn start(&'static self, invocation: Invocation, call: Call<A>) -> HandlerFuture {
        (self.start)(&self.list, invocation, call)
    }
}

fn start_now<A: ArgumentList>(list: &'static A, invocation: Invocation, call: Call<A>) -> HandlerFuture {
    match list.extract(&invocation) {
        Ok(values) => call(values),
        Err(error) => failed(error),
    }
}

fn start_later<A: ArgumentList>(list: &'static A, invocation: Invocation, call: Call<A>) -> HandlerFuture {
    Box::pin(async move { call(list.wait(&invocation).await?).await })
}

fn failed(error: HandlerError) -> HandlerFuture {
    Box::pin(ready(Err(error)))
}
