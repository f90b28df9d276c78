//! The registry has the endpoint that an attribute names.

#![deny(warnings)]

use webhook_core::{Event, Registry, on_event, on_unhandled};

#[on_event("invoice.paid")]
async fn everywhere(_event: Event) {}

#[on_event("invoice.paid", endpoint = "connect")]
async fn connect(_event: Event) {}

#[on_event(endpoint = "/stripe/own", "invoice.paid", timeout = "1s")]
async fn own(_event: Event) {}

#[on_unhandled]
async fn rest() {}

#[on_unhandled(endpoint = "eu-1.connect_2")]
async fn rest_of_connect() {}

fn main() {
    for (name, endpoint) in [
        ("everywhere", None),
        ("connect", Some("connect")),
        ("own", Some("/stripe/own")),
        ("rest", None),
        ("rest_of_connect", Some("eu-1.connect_2")),
    ] {
        let id = format!("{}::{name}", module_path!());
        let found = Registry::linked().get(&id).unwrap_or_else(|| panic!("{name} is not linked"));
        assert_eq!(found.endpoint, endpoint, "{name}");
    }
}
