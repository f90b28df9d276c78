//! An application with a server of its own, which mounts the endpoint beside its own route. MOUNTED says how:
//! `layers` puts the usual layers before it, `hyper` uses plain hyper and no command line, `twice` starts twice.

use std::convert::Infallible;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::trace::TraceLayer;
use webhook_server::{App, Event, State, Webhooks, on_event};

/// Opens once for every line on standard input.
#[derive(Clone, Default)]
struct Gate(Arc<AtomicUsize>);

#[on_event("payment_intent.succeeded")]
async fn paid(event: Event) {
    println!("paid: {}", event.id);
}

/// Blocks the only thread of the application's runtime.
#[on_event("payout.paid", timeout = "10m")]
async fn blocks(event: Event, State(Gate(gate)): State<Gate>) {
    println!("blocks: {}", event.id);
    while gate.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |lines| lines.checked_sub(1)).is_err() {
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[on_event("charge.captured", timeout = "10m")]
async fn held(event: Event) {
    println!("held: {}", event.id);
    std::future::pending().await
}

fn app() -> App {
    let gate = Gate::default();
    let opened = Arc::clone(&gate.0);
    std::thread::spawn(move || {
        std::io::stdin().lines().for_each(|_| _ = opened.fetch_add(1, Ordering::Relaxed));
    });
    App::new().state(gate)
}

async fn serve(webhooks: Webhooks) -> std::io::Result<()> {
    let mut router =
        Router::new().route_service("/webhook", webhooks.service()).route("/", get(async || "the shop"));
    if std::env::var("MOUNTED").is_ok_and(|how| how == "layers") {
        // The second one is for extractors, and so of no concern to a service.
        router = router
            .layer(RequestBodyLimitLayer::new(16 * 1024))
            .layer(DefaultBodyLimit::max(10))
            .layer(TraceLayer::new_for_http());
    }
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("serving {}", listener.local_addr()?);
    axum::serve(listener, router).with_graceful_shutdown(webhooks.stopping()).await
}

async fn serve_with_hyper() -> Result<(), Box<dyn Error>> {
    let webhooks = app().start().await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("serving {}", listener.local_addr()?);
    let (connections, mut stopping) = (GracefulShutdown::new(), std::pin::pin!(webhooks.stopping()));
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted?,
            () = &mut stopping => break,
        };
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(10)).max_buf_size(16 * 1024);
        let service = TowerToHyperService::new(webhooks.service());
        let connection = http.serve_connection(TokioIo::new(stream), service);
        tokio::spawn(connections.watch(connection));
    }
    drop(listener);
    connections.shutdown().await;
    println!("no connection is left");
    webhooks.shutdown().await?;
    println!("everything ended");
    Ok(())
}

async fn start_twice() -> Result<Infallible, Box<dyn Error>> {
    let first = app().start().await?;
    let second = app().start().await.map(drop).map_err(|refused| refused.to_string());
    println!("the second: {second:?}");
    first.shutdown().await?;
    let again = app().start().await?;
    again.shutdown().await?;
    Err("the third had the inbox to itself".into())
}

#[tokio::main(worker_threads = 1)]
async fn main() -> ExitCode {
    let result = match std::env::var("MOUNTED").as_deref() {
        Ok("hyper") => serve_with_hyper().await,
        Ok("twice") => start_twice().await.map(|never| match never {}),
        _ => return app().main_with(serve).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
