//! Argument and return types can be in modules with the same name as what the expansion imports.

use webhook_core::{Registry, on_event};

mod private {
    pub type Paid = webhook_core::Event;
    pub type Outcome = Result<(), std::fmt::Error>;
}

#[on_event("payment_intent.succeeded")]
async fn paid(_event: private::Paid) -> private::Outcome {
    Ok(())
}

fn main() {
    assert_eq!(Registry::linked().registrations().len(), 1);
}
