//! Decoding a payment intent of 4 KB: a view of five fields compared with its alternatives, in time and allocations.
//!
//! `cargo bench -p webhook-core --bench decode`; compare within one run, because machines differ.

use divan::{AllocProfiler, Bencher, black_box};
use serde::Deserialize;
use serde_json::Value;
use webhook_core::{FromStripe, Json, StripeObject, objects, shape};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

objects! {
    mod stripe { payment_intent }
}

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
#[expect(dead_code, reason = "decoding is the point")]
struct View {
    id: String,
    amount_received: i64,
    currency: String,
    customer: Option<String>,
    #[stripe(path = "metadata.order_id")]
    order: Option<String>,
}

/// The same five fields, by serde.
#[derive(Deserialize)]
#[expect(dead_code, reason = "decoding is the point")]
struct Derived {
    id: String,
    amount_received: i64,
    currency: String,
    customer: Option<String>,
    metadata: Metadata,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoding is the point")]
struct Metadata {
    order_id: Option<String>,
}

/// A payment intent as Stripe sends it, indented by two spaces: a card payment with shipping and metadata.
const PAYMENT_INTENT: &str = include_str!("payment_intent.json");

fn read<T: FromStripe<shape::Object>>(json: &str) -> T {
    T::read(Json::new(json)).expect("the sample fits")
}

#[divan::bench]
fn view_of_five_fields(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| read::<View>(black_box(PAYMENT_INTENT)));
}

#[divan::bench]
fn serde_struct_of_five_fields(bencher: Bencher<'_, '_>) {
    bencher
        .bench_local(|| serde_json::from_str::<Derived>(black_box(PAYMENT_INTENT)).expect("the sample fits"));
}

#[divan::bench]
fn untyped_value(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| {
        serde_json::from_str::<Value>(black_box(PAYMENT_INTENT)).expect("the sample is JSON")
    });
}

#[divan::bench]
fn ready_made_object(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| read::<stripe::PaymentIntent>(black_box(PAYMENT_INTENT)));
}
