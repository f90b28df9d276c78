//! The id has a function's raw name without its `r#`.

use webhook_core::{Event, Registry, on_event};

#[on_event("payment_intent.succeeded")]
async fn r#type(r#struct: Event) {
    drop(r#struct);
}

fn main() {
    let id = Registry::linked().registrations()[0].id;
    assert_eq!(id, format!("{}::type", module_path!()));
}
