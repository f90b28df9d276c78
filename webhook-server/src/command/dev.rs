//! `dev`: the whole server on one machine, with sample events instead of Stripe.
//!
//! It differs from `serve` in five things: it listens on this machine only, keeps its inbox in memory, may generate its
//! secret, posts no alerts, and prints a line for each run instead of logging it. The samples go through the network like Stripe's
//! events.

mod keys;
#[cfg_attr(not(feature = "admin"), allow(dead_code, reason = "only the admin pages have a playground"))]
mod playground;
mod samples;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::Args;
use hyper::Uri;
use webhook_core::{Registry, catalog};

use self::keys::RunKeys;
use super::Failure;
use super::flags::{SettingFlags, Trying};
use super::table::{Column, Table};
use crate::app::App;
use crate::command::send::send;
use crate::endpoint::{Endpoint, Endpoints, Keys, ServedEndpoint};
use crate::fixtures::Fixtures;
use crate::handlers_lock;
use crate::problems::Problems;
use crate::report::console::{complain, print};
use crate::report::terminal::{Terminal, Unsuccessful};
use crate::report::{Report, stderr};
use crate::run::panics::{self, Texts};
use crate::store::InboxLocation;

#[derive(Args)]
#[command(
    after_help = "The inbox is in memory and starts empty, so `dev` has no inbox flags. Everything else works as in \
    `serve`: an event is stored, then answered with 200, and a handler that fails is retried. An endpoint has its own \
    secret if that is set, or else the one in STRIPE_WEBHOOK_SECRET, such as the Stripe CLI's. If neither is set, `dev` \
    generates one. A handler that takes a transaction commits it in the database of the program's pool, and its task ends \
    right after that; `serve` commits both together. Alerts go to the program's hook only, and are posted nowhere. When it stops, `dev` waits for handlers in progress for 2 s at most, \
    unless you give --drain-timeout."
)]
pub(super) struct Dev {
    /// Stop after the samples, and fail if a handler did not succeed with one of them
    #[arg(long)]
    once: bool,
    /// Send no samples: handlers run only on events that you send
    #[arg(long, conflicts_with = "once")]
    no_samples: bool,
    /// Send the samples to this endpoint only [default: each to the endpoints whose handlers take it]
    #[arg(long, value_name = "NAME", conflicts_with = "no_samples")]
    endpoint: Option<String>,
    #[command(flatten)]
    flags: SettingFlags<Trying>,
}

/// What is printed if a handler takes a transaction.
const APART: &str =
    "Transactions: `dev` records the end of a task right after the commit. `serve` commits both together.\n";

/// How long `dev` waits for handlers in progress by default. Its inbox ends with it, so there is nothing to save.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs the server and sends it the samples; with `--once` ends after them.
pub(super) async fn run(mut app: App, arguments: Dev) -> Result<(), Failure> {
    stderr::write_at_once("info,webhook_server=warn");
    panics::install(Texts::Written);
    let usual = (app.settings.listen, app.settings.path.clone());
    let mut problems = Problems::of_command();
    let secret_file = app.configure(&arguments.flags.sources, &mut problems).map(|file| file.value);
    if app.origins.outside("drain_timeout").is_none() {
        app.settings.drain_timeout = app.settings.drain_timeout.min(DRAIN_TIMEOUT);
    }
    handlers_lock::hold(&app, &mut problems);
    if !app.settings.listen.ip().is_loopback() {
        problems.add(format!(
            "`dev` only listens on this machine, but {} is not a loopback address: use one such as 127.0.0.1:4242",
            app.settings.listen
        ));
    }
    let are_declared = !app.endpoints.is_empty();
    let endpoints = Endpoint::all(app.endpoints.clone(), &app.settings, &Keys::Read { secret_file: None });
    if let Some(name) = &arguments.endpoint {
        Endpoint::find(&endpoints, name).map_err(Failure::Failed)?;
    }
    let keys = RunKeys::new(endpoints, are_declared, secret_file, &mut problems)?;
    app.settings.inbox = InboxLocation::Memory;
    app.reader = Some(Arc::<Fixtures>::default());
    let terminal = Arc::<Terminal>::default();
    let parts = (Report::to(Arc::clone(&terminal)), Arc::new(SystemTime::now) as _, None);
    let server = app.into_server(keys.for_server(), None, parts, problems)?;
    let listener = super::serve::listen(None, &server.parts.settings)?;
    let address = listener
        .socket
        .local_addr()
        .map_err(|error| super::failed("could not read the local address", &error))?;
    // With `--once`, nobody has the time to look.
    let admin = if arguments.once {
        None
    } else {
        let playground = Arc::new(playground::ToItself(address));
        server.start_admin(None, Some(playground)).map_err(super::serve::unavailable)?
    };
    let (registry, endpoints) = (Arc::clone(&server.parts.registry), server.parts.endpoints.clone());
    let only = arguments.endpoint.as_deref().map(|name| endpoints.named(name)).transpose();
    let only = only.map_err(Failure::Failed)?;
    let samples = if arguments.no_samples { Vec::new() } else { samples::of(&registry, &endpoints, only)? };
    let skipped = if arguments.no_samples { Vec::new() } else { registry.unlisted() };
    // Before the greeting: a program that waits for it may stop this one at once.
    let signal = if arguments.once { None } else { Some(super::serve::signalled(&server.reload)?) };
    print(&greeting(&registry, &endpoints, address, &keys));
    if let Some(admin) = admin {
        print(&format!("Dashboard on http://{admin}\nPlayground on http://{admin}/playground\n"));
    }
    if registry.transactions().next().is_some() {
        print(APART);
    }
    if !arguments.no_samples {
        print(&announcement(samples.is_empty(), only));
    }
    print(&skipped.into_iter().map(no_sample).collect::<String>());
    let is_recovered = server.recover().await.map_err(super::serve::no_inbox)?;

    let sending = async {
        for (sample, endpoint) in samples {
            let (now, url) = (super::unix_now(), url(address, &endpoint)?);
            let body = sample.body(i64::try_from(now).unwrap_or(i64::MAX));
            send(body, endpoint.secrets.current().all(), (&url, None), now)
                .await
                .map_err(|error| super::failed("not sent", &error))?;
            // Wait, so that the output lines of each sample stay together.
            if let Some(inbox) = &server.inbox {
                // The terminal has counted a handler that blocks its thread.
                let _ = inbox.worker.run_due().await;
            }
        }
        Ok(())
    };
    let Some(signal) = signal else {
        let (done, shutdown) = tokio::sync::oneshot::channel::<()>();
        let shutdown = async {
            let _ = shutdown.await;
        };
        let sending = async {
            let sent = sending.await;
            drop(done);
            sent
        };
        let (stopped, sent) = tokio::join!(server.run(listener, is_recovered, Box::pin(shutdown)), sending);
        let stopped = stopped.map_err(super::serve::no_inbox)?;
        sent?;
        let result = all_succeeded(&terminal.unsuccessful());
        if let Err(reason) = &result
            && stopped.is_blocked()
        {
            complain(reason);
            // What blocks its thread would keep the process alive.
            stderr::exit(1);
        }
        return result.map_err(Failure::Failed);
    };
    let staying = async {
        // The failure of a handler has already been printed. The server keeps running for the next event.
        if let Err(Failure::Failed(reason)) = sending.await {
            complain(&reason);
        }
        let (event_type, endpoint) = samples::example(&registry, &endpoints, only);
        let to = match url(address, endpoint) {
            Ok(url) if usual.0 != address || (!are_declared && usual.1 != *endpoint.path) => {
                format!(" --to {url}")
            }
            _ => keys.flag_for(&endpoint.path).unwrap_or_default(),
        };
        // Without it, `trigger` sends a test event.
        let live = if endpoint.accepts(false) { "" } else { " --livemode" };
        print(&farewell(&format!("{event_type}{live}{to}"), keys.for_trigger(&endpoint.path)));
        std::future::pending().await
    };
    // A handler that blocks its thread keeps the samples waiting, and must not keep the server from stopping.
    let stopped = tokio::select! {
        stopped = server.run(listener, is_recovered, signal) => stopped,
        stopped = staying => stopped,
    };
    super::serve::ended(
        &server.parts.settings,
        server.inbox.is_none(),
        stopped.map_err(super::serve::no_inbox)?,
    )
}

/// Fails if a handler did not succeed, and repeats which, on which event and how: the lines about the other handlers come
/// between.
fn all_succeeded(unsuccessful: &[Unsuccessful]) -> Result<(), String> {
    match unsuccessful {
        [] => Ok(()),
        [one] => Err(format!("a handler did not succeed with its sample: {one}")),
        several => {
            let list: String = several.iter().map(|one| format!("\n  {one}")).collect();
            Err(format!("{} runs did not succeed:{list}", several.len()))
        }
    }
}

/// The URL of an endpoint.
fn url(address: SocketAddr, endpoint: &ServedEndpoint) -> Result<Uri, Failure> {
    let url = format!("http://{address}{}", endpoint.path).parse();
    url.map_err(|error| super::failed("could not build the URL to send to", &error))
}

/// What is printed at first: handlers, addresses, secrets.
fn greeting(registry: &Registry, endpoints: &Endpoints, address: SocketAddr, keys: &RunKeys) -> String {
    let listening = endpoints.iter().map(|endpoint| {
        let (path, name) = (&*endpoint.path, &*endpoint.name);
        let name = if path == name { String::new() } else { format!(" ({name})") };
        format!("Listening on http://{address}{path}{name}\n")
    });
    let listening: String = listening.collect();
    let mut table = Table::new(["", "", ""].map(Column::wraps));
    for handler in registry.registrations() {
        let place = format!("{}:{}", handler.file, handler.line);
        table.add([
            crate::report::attribute::takes_in_lines(handler).into(),
            handler.id.into(),
            place.into(),
        ]);
    }
    format!(
        "Handlers (Stripe API {}):\n{}\n{listening}{}",
        catalog::enabled_names(),
        table.text_without_header(crate::report::console::width()),
        keys.text()
    )
}

/// What is printed before the samples, which may be those of one endpoint only.
fn announcement(are_none: bool, only: Option<&Arc<ServedEndpoint>>) -> String {
    let whose = only.map(|only| format!(" of endpoint `{}`", only.name)).unwrap_or_default();
    match (are_none, only) {
        (false, _) => format!("\nSending signed sample events for every handler{whose}, as Stripe would:\n"),
        (true, Some(only)) => format!("\nNo samples: no handler takes events of endpoint `{}`.\n", only.name),
        (true, None) => "\n".to_owned(),
    }
}

/// A note about an unlisted type.
fn no_sample(unlisted: &str) -> String {
    format!("No sample of {unlisted}: the catalog does not contain this type.\n")
}

/// What is printed after the samples: how to send another event with `trigger`.
fn farewell(trigger: &str, (terminal, before, flag): (String, String, String)) -> String {
    let program = crate::report::format::program();
    format!(
        "\nStill listening. Press Ctrl-C to stop. To send another event, in a second terminal{terminal}:\n  \
         {before}{program} trigger {trigger}{flag}\n"
    )
}
