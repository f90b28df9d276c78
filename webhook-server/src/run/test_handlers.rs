//! Handlers of the server's own tests.

use webhook_core::{HandlerFuture, Invocation, Policy, Registration, Subscription};

/// A handler that needs nothing and has no place in a source file.
pub(crate) const fn registration(
    id: &'static str,
    takes: Subscription,
    policy: Policy,
    run: fn(Invocation) -> HandlerFuture,
) -> Registration {
    Registration {
        id,
        takes,
        endpoint: None,
        module: "",
        binary: None,
        file: "",
        line: 0,
        doc: "",
        policy,
        needs: |_| {},
        run,
    }
}
