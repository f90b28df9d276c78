//! Disputes.

use webhook_core::{Event, on_event};

/// Reports everything that happens to a dispute.
#[on_event("charge.dispute.*")]
pub async fn tell(event: Event) {
    println!("{}: {}", event.event_type, event.object["reason"]);
}
