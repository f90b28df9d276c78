//! A program that handles thin events: what the examples of Stripe's own libraries do with their notification handlers.

use std::process::ExitCode;

use webhook_server::{App, Fresh, Notification, StripeObject, on_event, on_unhandled};

#[derive(StripeObject)]
#[stripe(object = "billing.meter")]
struct Meter {
    id: String,
    display_name: String,
}

#[derive(StripeObject)]
#[stripe(object = "v1.billing.meter.error_report_triggered")]
struct ErrorReport {
    developer_message_summary: String,
}

/// Reads the related object and the event.
#[on_event("v1.billing.meter.error_report_triggered")]
async fn meter_errors(meter: Fresh<Meter>, report: Notification<ErrorReport>) {
    let Meter { id, display_name } = &meter.object;
    println!("meter {id} ({display_name}): {}", report.data.developer_message_summary);
}

/// Says what else comes.
#[on_unhandled]
async fn others(notification: Notification) {
    println!("other: {}", notification.event_type);
}

#[tokio::main]
async fn main() -> ExitCode {
    App::new().main().await
}
