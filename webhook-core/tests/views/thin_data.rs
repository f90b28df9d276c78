//! Views of the data that some thin events have when they are fetched.

use webhook_core::{StripeEnum, StripeObject};

use crate::read;

#[derive(Debug, StripeObject)]
#[stripe(object = "v1.billing.meter.error_report_triggered")]
struct Report {
    developer_message_summary: String,
    validation_start: String,
    #[stripe(path = "reason.error_count")]
    count: i64,
    #[stripe(path = "reason.error_types")]
    errors: Vec<MeterError>,
}

#[derive(Debug, StripeObject)]
#[stripe(object = "v1.billing.meter.error_report_triggered", at = "reason.error_types")]
struct MeterError {
    code: Code,
    error_count: i64,
}

#[derive(Debug, PartialEq, StripeEnum)]
#[stripe(object = "v1.billing.meter.error_report_triggered", at = "reason.error_types.code")]
enum Code {
    NoMeter,
    Other(String),
}

#[derive(Debug, PartialEq, StripeObject)]
#[stripe(object = "v1.invoice.upcoming")]
struct Upcoming {
    customer: String,
    subscription: Option<String>,
}

#[test]
fn the_data_of_a_thin_event_is_read_through_a_view() {
    let report: Report = read(
        r#"{
            "developer_message_summary": "There are 3 invalid events",
            "reason": {"error_count": 3, "error_types": [
                {"code": "no_meter", "error_count": 2, "sample_errors": []},
                {"code": "archived_meter", "error_count": 1, "sample_errors": []}
            ]},
            "validation_end": "2026-11-26T10:00:10.000Z",
            "validation_start": "2026-11-26T10:00:00.000Z"
        }"#,
    )
    .unwrap();
    assert_eq!((report.developer_message_summary.as_str(), report.count), ("There are 3 invalid events", 3));
    assert_eq!(report.validation_start, "2026-11-26T10:00:00.000Z");
    let errors: Vec<_> = report.errors.iter().map(|error| (&error.code, error.error_count)).collect();
    assert_eq!(errors, [(&Code::NoMeter, 2), (&Code::Other("archived_meter".to_owned()), 1)]);
}

#[test]
fn a_field_of_the_data_may_be_absent_or_is_missed_by_name() {
    let upcoming: Upcoming = read(r#"{"customer": "cus_1"}"#).unwrap();
    assert_eq!(upcoming, Upcoming { customer: "cus_1".to_owned(), subscription: None });
    let error = read::<Upcoming>(r#"{"subscription": "sub_1"}"#).unwrap_err();
    assert_eq!(error.to_string(), "`customer` is missing");
    let error = read::<Report>(
        r#"{"developer_message_summary": "", "validation_start": "2026-11-26T10:00:00.000Z",
            "reason": {"error_count": 1, "error_types": [{"code": "no_meter", "error_count": "4242"}]}}"#,
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`reason.error_types[0].error_count` is not a whole number that fits `i64`"
    );
}
