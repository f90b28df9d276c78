//! What a delivery and a run are traced as.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Mutex;

use tokio::runtime::Builder;
use tracing::callsite::rebuild_interest_cache;
use tracing::dispatcher::{DefaultGuard, set_default};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Level, Subscriber, info};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry as Spans};
use webhook_core::Attempt;

use super::*;
use crate::report::spans;
use crate::settings::UnknownVersion;

/// The spans that have ended, and for each event its message behind the names of its spans.
#[derive(Clone, Default)]
struct Traced(Arc<Mutex<(Vec<Fields>, Vec<String>)>>);

/// The fields of a span, and its name.
#[derive(Clone, Debug, Default, PartialEq)]
struct Fields(BTreeMap<String, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Traced {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        fields.0.insert("(name)".to_owned(), attributes.metadata().name().to_owned());
        context.span(id).expect("it is new").extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).expect("it has not ended");
        values.record(span.extensions_mut().get_mut::<Fields>().expect("it has some"));
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let names = context.event_scope(event).into_iter().flatten().map(|span| format!("{}: ", span.name()));
        let message = fields.0.get("message").cloned().unwrap_or_default();
        self.0.lock().expect("no panic").1.push(names.collect::<String>() + &message);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).expect("it has just ended");
        let fields = span.extensions().get::<Fields>().expect("it has some").clone();
        self.0.lock().expect("no panic").0.push(fields);
    }
}

impl Traced {
    /// Installs a subscriber on this thread that wants everything from level info on, or only what `but` leaves.
    ///
    /// Another test may be entering a span for the first time just now, and note for all threads that nobody wants it.
    /// `is_wanted` says when that is over.
    fn install(&self, but: Targets, is_wanted: impl Fn() -> bool) -> (Dispatch, DefaultGuard) {
        let subscriber: Dispatch = Spans::default().with(self.clone()).with(but).into();
        let here = set_default(&subscriber);
        while !is_wanted() {
            rebuild_interest_cache();
            std::thread::yield_now();
        }
        self.0.lock().expect("no panic").0.clear();
        (subscriber, here)
    }

    /// The fields of the only span with a name, apart from the name.
    fn only(&self, name: &str) -> Vec<String> {
        let spans = self.0.lock().expect("no panic").0.clone();
        let mut spans = spans.into_iter().filter(|span| span.0["(name)"] == name);
        let (span, more) = (spans.next().expect("there is one"), spans.count());
        assert_eq!(more, 0);
        span.0
            .iter()
            .filter(|(field, _)| *field != "(name)")
            .map(|(field, value)| format!("{field}={value}"))
            .collect()
    }
}

fn everything() -> Targets {
    Targets::new().with_default(Level::INFO)
}

fn deliveries_are_wanted() -> bool {
    !spans::delivery(&request("/webhook", &[], &paid())).is_disabled()
}

async fn answer(server: &Server, request: Request<TestBody>) -> StatusCode {
    let connection = server.receiver.connections.admit(None).expect("there are few");
    server.receiver.answer(request, connection).await.status()
}

#[tokio::test]
async fn a_delivery_says_where_it_came_in_which_event_it_was_and_how_it_was_answered() {
    let traced = Traced::default();
    let _installed = traced.install(everything(), deliveries_are_wanted);
    assert_eq!(answer(&with_inbox(), signed_at(NOW, &paid())).await, 200);
    let fields = traced.only("delivery");
    let id = fields
        .iter()
        .position(|field| field.starts_with("messaging.message.id=evt_"))
        .expect("it has the id");
    let others: Vec<_> =
        fields.iter().enumerate().filter(|(at, _)| *at != id).map(|(_, field)| field.as_str()).collect();
    assert_eq!(
        others,
        [
            "http.request.method=POST",
            "http.response.status_code=200",
            "http.route=/webhook",
            "messaging.destination.name=/webhook",
            "messaging.system=stripe",
            "otel.kind=server",
            "otel.name=POST /webhook",
            "url.path=/webhook",
        ]
    );
}

#[tokio::test]
async fn a_refused_delivery_is_no_error_of_the_server_and_shows_little_of_what_its_sender_chose() {
    let traced = Traced::default();
    let _installed = traced.install(everything(), deliveries_are_wanted);
    let path = format!("/{}", "x".repeat(1_000));
    let mut refused = request(&path, &[], &paid());
    *refused.method_mut() = Method::from_bytes(b"CHOSEN").expect("it is a method");
    assert_eq!(answer(&with_inbox(), refused).await, 404);
    assert_eq!(
        traced.only("delivery"),
        [
            "http.request.method=_OTHER",
            "http.response.status_code=404",
            "messaging.system=stripe",
            "otel.kind=server",
            "otel.name=_OTHER",
            &format!("url.path=/{}", "x".repeat(255)),
        ]
    );
    let traced = Traced::default();
    let _installed = traced.install(everything(), deliveries_are_wanted);
    let delivery = spans::delivery(&request("/webhook", &[], &paid()));
    spans::answered(&delivery, &Err(StoreError::DiskFull.into()), StatusCode::SERVICE_UNAVAILABLE);
    drop(delivery);
    let fields = traced.only("delivery");
    assert!(fields.contains(&"error.type=not-stored".to_owned()), "{fields:?}");
    assert!(fields.contains(&"otel.status_code=error".to_owned()), "{fields:?}");
}

static LOGS: Registration = registration("logs", Subscription::Unhandled, Policy::DEFAULT, |invocation| {
    Box::pin(async move {
        info!("before");
        tokio::task::yield_now().await;
        info!("after");
        if invocation.context.attempt() == 1 { Err(HandlerError::retry("not now")) } else { Ok(None) }
    })
});

/// Runs a handler on a runtime of the application whose threads have the subscriber, which wants spans of this target.
async fn run_logged(traced: &Traced, (but, target): (Targets, &str), attempt: u32) {
    let told = Attempt {
        handler: LOGS.id,
        endpoint: "shop".into(),
        attempt,
        is_replay: false,
        is_stale: false,
        deadline: None,
    };
    let body = r#"{"id":"evt_1","object":"event","type":"invoice.paid","livemode":false,"data":{"object":{"id":"in_1"}}}"#;
    let envelope = Arc::new(Envelope::parse_stored(&Bytes::from(body)).expect("it is an event"));
    let (subscriber, _here) = traced.install(but, || {
        spans::run(&envelope, &told).metadata().is_some_and(|metadata| metadata.target() == target)
    });
    let mut application = Builder::new_multi_thread();
    application.worker_threads(1).on_thread_start(move || {
        // For as long as the thread lives.
        std::mem::forget(set_default(&subscriber));
    });
    let application = application.build().expect("the system has threads");
    let runner = Runner {
        states: Arc::new(States::default()),
        timeout: Duration::from_secs(60),
        unknown_version: UnknownVersion::Warn,
        reader: None,
        runtime: HandlerRuntime::of(application.handle().clone()),
    };
    let ended = runner.start(&LOGS, &envelope, told).end().await.expect("it does not block");
    assert_eq!(ended.outcome.is_ok(), attempt > 1);
    drop(ended);
    // Its threads end, and with them what they hold of the span.
    tokio::task::spawn_blocking(move || drop(application)).await.expect("no panic");
}

#[tokio::test]
async fn what_a_handler_logs_is_in_the_span_of_its_run_on_the_applications_runtime() {
    let traced = Traced::default();
    run_logged(&traced, (everything(), spans::TARGET), 1).await;
    assert_eq!(traced.0.lock().expect("no panic").1, ["run: before", "run: after"]);
    assert_eq!(
        traced.only("run"),
        [
            "attempt=1",
            "error.type=handler",
            "event_id=evt_1",
            "event_type=invoice.paid",
            "handler=logs",
            "messaging.consumer.group.name=logs",
            "messaging.destination.name=shop",
            "messaging.message.id=evt_1",
            "messaging.operation.name=process",
            "messaging.operation.type=process",
            "messaging.system=stripe",
            "otel.kind=consumer",
            "otel.name=process shop",
            "otel.status_code=error",
        ]
    );
}

/// As for the log of our own.
#[tokio::test]
async fn a_subscriber_without_opentelemetrys_names_gets_what_a_person_reads() {
    let traced = Traced::default();
    let without = everything().with_target(spans::TARGET, LevelFilter::OFF);
    run_logged(&traced, (without, "webhook_server::report::spans"), 2).await;
    assert_eq!(traced.0.lock().expect("no panic").1, ["run: before", "run: after"]);
    assert_eq!(
        traced.only("run"),
        ["attempt=2", "event_id=evt_1", "event_type=invoice.paid", "handler=logs"]
    );
}
