//! `crate = path` names the crate wherever it is re-exported.

mod vendored {
    pub mod hooks {
        pub use webhook_core::*;
    }
}

use vendored::hooks;
use webhook_core as renamed;

#[hooks::on_event("payment_intent.succeeded", crate = hooks)]
async fn imported(_event: hooks::Event, _count: hooks::State<u32>) {}

#[hooks::on_event("payment_intent.succeeded", crate = crate::vendored::hooks, timeout = "5s")]
async fn absolute(_event: hooks::Event) -> Result<(), hooks::HandlerError> {
    Ok(())
}

#[hooks::on_unhandled(crate = renamed)]
async fn note(_event: hooks::Event) {}

#[hooks::on_event(crate = ::webhook_core, "invoice.paid")]
async fn global(_event: hooks::Event) {}

mod deeper {
    #[super::hooks::on_event("invoice.paid", crate = super::hooks)]
    async fn relative(_event: super::hooks::Event) {}
}

fn main() {
    assert_eq!(hooks::Registry::linked().registrations().len(), 5);
}
