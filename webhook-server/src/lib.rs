#![doc = include_str!("docs/front_page.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(feature = "cli"),
    allow(dead_code, unused_imports, reason = "only the command line listens, and operates on an inbox")
)]

#[cfg(not(any(
    feature = "api-2023-08-16",
    feature = "api-2023-10-16",
    feature = "api-2024-04-10",
    feature = "api-2024-06-20",
    feature = "api-acacia",
    feature = "api-basil",
    feature = "api-clover",
    feature = "api-dahlia",
    feature = "api-endive"
)))]
compile_error!(
    "no API version is enabled: enable a feature for each version that your endpoints have: `api-2023-08-16`, `api-2023-10-16`, `api-2024-04-10`, `api-2024-06-20`, `api-acacia`, `api-basil`, `api-clover`, `api-dahlia`, `api-endive`"
);

#[cfg(feature = "admin")]
mod admin;
mod alerts;
mod app;
#[cfg(feature = "cli")]
mod command;
mod endpoint;
mod failpoint;
mod fixtures;
mod future;
mod handlers_lock;
mod http_client;
mod jitter;
mod loopback;
mod mount;
mod operate;
mod phase;
mod problems;
mod receive;
mod reload;
mod report;
mod run;
mod secrets;
mod server;
mod settings;
mod start;
#[cfg_attr(
    not(feature = "sqlite"),
    allow(
        dead_code,
        unreachable_pub,
        unused_imports,
        reason = "nothing implements the storage interface, and no test uses it"
    )
)]
mod store;
#[cfg_attr(not(feature = "stripe-api"), path = "no_stripe.rs")]
#[cfg_attr(
    feature = "stripe-api",
    allow(dead_code, unused_imports, reason = "commands use what the server does not")
)]
mod stripe;
pub mod testing;

#[cfg(feature = "admin")]
pub use admin::AdminBody;
pub use alerts::{Alert, AlertKind, AlertUrl};
pub use app::App;
pub use endpoint::Endpoint;
#[cfg(feature = "admin")]
pub use mount::AdminService;
pub use mount::{ShutdownError, StartError, WebhookService, Webhooks};
pub use settings::{Settings, UnknownVersion};
pub use store::InboxLocation;
#[cfg(any(feature = "chrono", feature = "jiff", feature = "time"))]
pub use webhook_core::TimestampOutOfRange;
pub use webhook_core::{
    Context, Data, DecodeError, Envelope, Event, EventRequest, Expandable, Extract, Fresh, FromStripe,
    HandlerError, IntoOutcome, Invocation, Json, List, Notification, Outcome, Payload, PreviousView, RawJson,
    RelatedObject, Reply, Requirements, ResultExt, Sample, SampleError, Snapshot, State, StateType,
    StateValue, Story, Thin, Timestamp, Transaction, Unchecked, Verdict, View, idempotency, shape,
};
#[doc = include_str!("docs/stripe_enum.md")]
pub use webhook_macros::StripeEnumOfServer as StripeEnum;
#[doc = include_str!("docs/stripe_object.md")]
pub use webhook_macros::StripeObjectOfServer as StripeObject;
#[doc = include_str!("docs/fixture.md")]
pub use webhook_macros::fixture_of_server as fixture;
#[doc = include_str!("docs/objects.md")]
pub use webhook_macros::objects_of_server as objects;
#[doc = include_str!("docs/on_event.md")]
pub use webhook_macros::on_event_of_server as on_event;
#[doc = include_str!("docs/on_unhandled.md")]
pub use webhook_macros::on_unhandled_of_server as on_unhandled;

/// For the crash tests of this project; may change at any time.
#[doc(hidden)]
pub use failpoint::on_failpoint as __on_failpoint;
/// For the fuzz targets of this project.
#[cfg(fuzzing)]
#[doc(hidden)]
pub use receive::fuzzing as __fuzzing;
#[doc(hidden)]
pub use webhook_core::__private;

/// The README's program compiles, and so does what the documentation shows.
#[cfg(all(doctest, feature = "sqlite", feature = "cli"))]
mod documentation {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/alerts.md")]
    struct Alerts;
    #[doc = include_str!("../../docs/deploying.md")]
    struct Deploying;
    #[doc = include_str!("../../docs/first-handler.md")]
    struct FirstHandler;
    #[doc = include_str!("../../docs/mounting.md")]
    struct Mounting;
    #[doc = include_str!("../../docs/ordering.md")]
    struct Ordering;
    #[doc = include_str!("../../docs/payload-types.md")]
    struct PayloadTypes;
    #[doc = include_str!("../../docs/recipes.md")]
    struct Recipes;
    #[doc = include_str!("../../docs/testing.md")]
    struct Testing;
    #[cfg(feature = "stripe-api")]
    #[doc = include_str!("../../docs/thin-events.md")]
    struct ThinEvents;
}
