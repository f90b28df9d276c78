//! `dev`: the whole server on one machine, with sample events instead of Stripe.
//!
//! It differs from `serve` in four things: it listens on this machine only, keeps its inbox in memory, may generate its
//! secret, and prints a line for each run instead of logging it. The samples go through the network like Stripe's
//! events.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::Args;
use hyper::Uri;
use webhook_core::{Registry, Sample, Secret, Story, Subscription, catalog};

use super::Failure;
use super::flags::{SettingFlags, Trying};
use super::table::{Column, Table};
use crate::app::App;
use crate::command::send::send;
use crate::endpoint::Keys;
use crate::handlers_lock;
use crate::problems::Problems;
use crate::report::console::{complain, print};
use crate::report::terminal::{Terminal, Unsuccessful};
use crate::report::{Report, stderr};
use crate::run::panics::{self, Texts};
use crate::secrets::{self, SigningSecrets, Source};
use crate::settings::Settings;
use crate::store::{InboxLocation, open_in_memory};

#[derive(Args)]
#[command(
    after_help = "The inbox is in memory and starts empty, so `dev` has no inbox flags. Everything else works as in \
    `serve`: an event is stored, then answered with 200, and a handler that fails is retried. Unless you give a secret, \
    `dev` generates one. When it stops, it waits for handlers in progress for 2 s at most, unless you give \
    --drain-timeout."
)]
pub(super) struct Dev {
    /// Stop after the samples, and fail if a handler did not succeed with one of them
    #[arg(long)]
    once: bool,
    /// Send no samples: handlers run only on events that you send
    #[arg(long, conflicts_with = "once")]
    no_samples: bool,
    #[command(flatten)]
    flags: SettingFlags<Trying>,
}

/// How long `dev` waits for handlers in progress by default. Its inbox ends with it, so there is nothing to save.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// Where the signing secret of this run comes from.
enum Signing {
    /// Generated for this run: it may be shown.
    Own(String),
    /// Given by the user, in a file or in the environment (`None`): it must not be shown.
    Given(Option<PathBuf>),
}

/// Runs the server and sends it the samples; with `--once` ends after them.
pub(super) async fn run(mut app: App, arguments: &Dev) -> Result<(), Failure> {
    stderr::write_at_once("info,webhook_server=warn");
    panics::install(Texts::Written);
    let usual = usual_url(&app.settings);
    let mut problems = Problems::of_command();
    let secret_file = arguments.flags.sources.apply(&mut app, &mut problems).map(|file| file.value);
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
    let (signing, secrets) = signing(secret_file, &mut problems)?;
    app.settings.inbox = InboxLocation::Memory;
    let store = if app.inline { None } else { Some(open_in_memory(None)) };
    let store = store.transpose().map_err(|error| super::failed("could not open the inbox", &error))?;
    let terminal = Arc::<Terminal>::default();
    let parts = (Report::to(Arc::clone(&terminal)), Arc::new(SystemTime::now) as _, None);
    let server = app.into_server(Keys::Given(secrets.clone()), store, parts, problems)?;
    let listener = super::serve::listen(None, &server.parts.settings)?;
    let address =
        listener.local_addr().map_err(|error| super::failed("could not read the local address", &error))?;
    let url: Uri = format!("http://{address}{}", server.parts.endpoints.first().path)
        .parse()
        .map_err(|error| super::failed("could not build the URL to send to", &error))?;
    let registry = Arc::clone(&server.parts.registry);
    let samples = if arguments.no_samples { Vec::new() } else { samples(&registry)? };
    let skipped = if arguments.no_samples { Vec::new() } else { registry.unlisted() };
    print(&greeting(&registry, &url, &signing, !samples.is_empty()));
    print(&skipped.into_iter().map(no_sample).collect::<String>());
    let is_recovered = server.recover().await.map_err(super::serve::no_inbox)?;

    let sending = async {
        for sample in samples {
            let now = super::unix_now();
            let body = sample.body(i64::try_from(now).unwrap_or(i64::MAX));
            send(body, secrets.all(), &url, now).await.map_err(|error| super::failed("not sent", &error))?;
            // Wait, so that the output lines of each sample stay together.
            if let Some(inbox) = &server.inbox {
                // The terminal has counted a handler that blocks its thread.
                let _ = inbox.worker.run_due().await;
            }
        }
        Ok(())
    };
    if arguments.once {
        let (done, shutdown) = tokio::sync::oneshot::channel::<()>();
        let shutdown = async {
            let _ = shutdown.await;
        };
        let sending = async {
            let sent = sending.await;
            drop(done);
            sent
        };
        let (stopped, sent) = tokio::join!(server.run(listener, is_recovered, shutdown), sending);
        let stopped = stopped.map_err(super::serve::no_inbox)?;
        sent?;
        let result = all_succeeded(&terminal.unsuccessful());
        if let Err(reason) = &result
            && !stopped.all_ended
        {
            complain(reason);
            // A handler that blocks its thread would keep the process alive.
            stderr::exit(1);
        }
        return result.map_err(Failure::Failed);
    }
    let signal = super::serve::signalled(&server.reload)?;
    let staying = async {
        // The failure of a handler has already been printed. The server keeps running for the next event.
        let _: Result<(), Failure> = sending.await;
        print(&farewell(&registry, &url, &usual, &signing));
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

/// The secrets to sign and to verify with: the user's, such as the Stripe CLI's, so that its events are accepted, too;
/// without any, a generated one.
fn signing(
    secret_file: Option<PathBuf>,
    problems: &mut Problems,
) -> Result<(Signing, SigningSecrets), Failure> {
    if secret_file.is_some() || std::env::var_os(secrets::VARIABLE).is_some() {
        let source = Source::undeclared(secret_file.as_deref());
        let secrets = secrets::read(&[source], None, "`dev` was told to use one", problems);
        return Ok((Signing::Given(secret_file), secrets));
    }
    let text =
        ephemeral_secret().map_err(|error| super::failed("could not generate a random secret", &error))?;
    let own = Secret::new(&text).map_err(|error| super::failed("could not make a secret", &error))?;
    Ok((Signing::Own(text), SigningSecrets::only(own, "dev")))
}

/// Generates a secret of 192 random bits.
fn ephemeral_secret() -> Result<String, getrandom::Error> {
    let words = [super::random()?, super::random()?, super::random()?];
    Ok(words.iter().fold("whsec_".to_owned(), |text, word| format!("{text}{word:016x}")))
}

/// Makes events of all types that a handler names, as Stripe would send them. If there is a handler for unhandled types,
/// adds one event that no handler names.
fn samples(registry: &Registry) -> Result<Vec<Sample>, Failure> {
    let seed =
        || super::random().map_err(|error| super::failed("could not generate a random number", &error));
    let made =
        |name| Sample::new(name, seed()?).map_err(|error| super::failed("could not make a sample", &error));
    let (mut named, others): (BTreeSet<_>, BTreeSet<_>) =
        catalog::snapshot_types().iter().map(|known| known.name).partition(|name| registry.names(name));
    let mut samples = Vec::new();
    for story in stories(&named) {
        let events = story.events(seed()?);
        samples.extend(events.into_iter().filter(|event| registry.names(event.event_type())));
        story.event_types().for_each(|told| {
            named.remove(told);
        });
    }
    let other = others.iter().copied().find(|name| *name == OTHER).or(others.first().copied());
    let other = other
        .filter(|_| registry.registrations().iter().any(|handler| handler.takes == Subscription::Unhandled));
    for name in named.into_iter().chain(other) {
        samples.push(made(name)?);
    }
    Ok(samples)
}

/// The example of a type that no handler names.
const OTHER: &str = "customer.created";

/// Chooses a few stories that contain all of these types that any story contains: repeatedly the story with the most types
/// not yet covered. If several have as many, it is the first, because plain stories come before those about failures.
fn stories(types: &BTreeSet<&'static str>) -> Vec<&'static Story> {
    let mut left = types.clone();
    let mut chosen = Vec::new();
    loop {
        let told =
            |story: &Story| story.event_types().filter(|told| left.contains(told)).collect::<BTreeSet<_>>();
        // `max_by_key` returns the last of several maxima, hence `rev`.
        let best = Story::all().iter().rev().max_by_key(|story| told(story).len());
        let Some((best, told)) = best.map(|best| (best, told(best))).filter(|(_, told)| !told.is_empty())
        else {
            break;
        };
        left.retain(|name| !told.contains(name));
        chosen.push(best);
    }
    chosen
}

/// What is printed before the samples: handlers, address, secret.
fn greeting(registry: &Registry, url: &Uri, signing: &Signing, sends: bool) -> String {
    let mut table = Table::new(["", "", ""].map(Column::wraps));
    for handler in registry.registrations() {
        let place = format!("{}:{}", handler.file, handler.line);
        table.add([
            super::handlers::takes(handler).replace(", ", "\n").into(),
            handler.id.into(),
            place.into(),
        ]);
    }
    let secret = match signing {
        Signing::Own(secret) => format!("Signing secret of this run: {secret}"),
        Signing::Given(Some(file)) => format!("Signing secret: from {}", file.display()),
        Signing::Given(None) => format!("Signing secret: from {}", secrets::VARIABLE),
    };
    let sending =
        if sends { "\nSending signed sample events for every handler, as Stripe would:\n" } else { "" };
    format!(
        "Handlers (Stripe API {}):\n{}\nListening on {url}\n{secret}\n{sending}",
        catalog::api_version(),
        table.text_without_header(crate::report::console::width())
    )
}

/// A note about an unlisted type.
fn no_sample(unlisted: &str) -> String {
    format!("No sample of {unlisted}: the catalog does not contain this type.\n")
}

/// What is printed after the samples: how to send another event.
fn farewell(registry: &Registry, url: &Uri, usual: &str, signing: &Signing) -> String {
    let program = crate::report::format::program();
    let mut names = catalog::snapshot_types().iter().map(|known| known.name);
    let event_type = names.find(|name| registry.names(name)).unwrap_or(OTHER);
    let to = if *url == *usual { String::new() } else { format!(" --to {url}") };
    let (variable, flag) = match signing {
        Signing::Own(secret) => (format!("{}={secret} ", secrets::VARIABLE), String::new()),
        Signing::Given(Some(file)) => (String::new(), format!(" --secret-file {}", file.display())),
        Signing::Given(None) => (String::new(), String::new()),
    };
    let terminal = match signing {
        Signing::Given(None) => format!("in a second terminal with the same {}", secrets::VARIABLE),
        _ => "in a second terminal".to_owned(),
    };
    format!(
        "\nStill listening. Press Ctrl-C to stop. To send another event, {terminal}:\n  \
         {variable}{program} trigger {event_type}{to}{flag}\n"
    )
}

/// The URL that `trigger` sends to by default.
fn usual_url(settings: &Settings) -> String {
    format!("http://{}{}", settings.listen, settings.path)
}
