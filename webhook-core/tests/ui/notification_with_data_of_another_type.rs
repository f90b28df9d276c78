use webhook_core::{Notification, StripeObject, on_event};

#[derive(StripeObject)]
#[stripe(object = "v1.billing.meter.no_meter_found")]
struct NoMeter {
    developer_message_summary: String,
}

#[on_event("v1.billing.meter.error_report_triggered")]
async fn noted(_notification: Notification<NoMeter>) {}

fn main() {}
