//! `dev`: the whole of it on one machine, without Stripe.

use std::sync::Arc;
use std::time::SystemTime;

use clap::Args;
use hyper::Uri;
use webhook_core::{Registry, Sample, Secret, Takes, catalog};

use super::Failure;
use super::table::{Column, Table};
use crate::app::App;
use crate::client::send;
use crate::journal::Journal;
use crate::serve::serve;
use crate::settings::{Flags, Settings};
use crate::startup::Problems;
use crate::terminal::print;
use crate::{log, secrets};

#[derive(Args)]
pub(super) struct Dev {
    /// Stops after the samples; fails if one of them did not succeed
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    flags: Flags,
}

pub(super) async fn run(mut app: App, arguments: &Dev) -> Result<(), Failure> {
    log::write_at_once("info,webhook_server=warn");
    let usual = usual_url(&app.settings);
    let mut problems = Problems::default();
    arguments.flags.apply(&mut app.settings, &mut problems);
    super::handlers::lock::hold(&app, &mut problems);
    if !app.settings.listen.ip().is_loopback() {
        problems.add(format!(
            "`dev` listens on this machine only, and {} is not of this machine: choose an address such as 127.0.0.1:4242",
            app.settings.listen
        ));
    }
    let text = ephemeral_secret().map_err(|error| super::failed("no random secret to be had", &error))?;
    let own = Secret::new(&text).map_err(|error| super::failed("no secret", &error))?;
    let mut secrets = vec![own.clone()];
    // With the Stripe CLI's secret in the environment, its events are welcome as well.
    if arguments.flags.secret.secret_file.is_some() || std::env::var_os(secrets::VARIABLE).is_some() {
        secrets.extend(secrets::read(
            arguments.flags.secret.secret_file.as_deref(),
            "there must be one where one is named",
            &mut problems,
        ));
    }
    let settings = app.settings.clone();
    // Before the answer, so that each line tells what became of an event.
    app.inline = true;
    let service = app.into_service(secrets, Journal::Terminal, Arc::new(SystemTime::now), None, problems)?;
    let listener = super::serve::listen(None, &settings)?;
    let address = listener.local_addr().map_err(|error| super::failed("no address", &error))?;
    let url: Uri = format!("http://{address}{}", settings.path)
        .parse()
        .map_err(|error| super::failed("no URL to send to", &error))?;
    print(&greeting(service.registry(), &url, &text));

    let samples = samples(service.registry())?;
    let sending = async {
        let mut all = Ok(());
        for sample in samples {
            let answer = send(sample, std::slice::from_ref(&own), &url, super::unix_now())
                .await
                .map_err(|error| super::failed("not sent", &error))?;
            if !answer.status().is_success() {
                all = Err(sample_failed());
            }
        }
        all
    };
    if arguments.once {
        let (done, shutdown) = tokio::sync::oneshot::channel::<()>();
        let shutdown = async {
            let _ = shutdown.await;
        };
        let serving = serve(listener, Arc::new(service), shutdown, settings.drain_timeout);
        let sending = async {
            let sent = sending.await;
            drop(done);
            sent
        };
        let (_, sent) = tokio::join!(serving, sending);
        return sent;
    }
    let signal = super::serve::signalled()?;
    let staying = async {
        // A handler that fails on its sample has been shown failing; the server stays for the next try.
        let _ = sending.await;
        print(&farewell(&url, &usual, &text));
        Ok(())
    };
    tokio::try_join!(super::serve::until_signalled(signal, listener, service, &settings), staying).map(|_| ())
}

fn sample_failed() -> Failure {
    Failure::Failed("a handler did not succeed with its sample".to_owned())
}

/// Makes a secret of 192 random bits.
fn ephemeral_secret() -> Result<String, getrandom::Error> {
    let words = [super::random()?, super::random()?, super::random()?];
    Ok(words.iter().fold("whsec_".to_owned(), |text, word| format!("{text}{word:016x}")))
}

/// One sample of every type that a handler names, and one that none does if there is a handler for those.
fn samples(registry: &Registry) -> Result<Vec<Sample>, Failure> {
    let (named, others): (Vec<_>, Vec<_>) =
        catalog::snapshot_types().iter().map(|known| known.name).partition(|name| registry.names(name));
    let takes_others = registry.registrations().iter().any(|handler| handler.takes == Takes::Unhandled);
    let other = others.iter().copied().find(|name| *name == "customer.created").or(others.first().copied());
    let types = named.into_iter().chain(other.filter(|_| takes_others));
    let seed = super::random().map_err(|error| super::failed("no random number to be had", &error))?;
    types
        .map(|name| Sample::new(name, seed).map_err(|error| super::failed("cannot make a sample", &error)))
        .collect()
}

fn greeting(registry: &Registry, url: &Uri, secret: &str) -> String {
    let mut table = Table::new(["", "", ""].map(Column::wraps));
    for handler in registry.registrations() {
        let place = format!("{}:{}", handler.file, handler.line);
        table.add([
            super::handlers::takes(handler).replace(", ", "\n").into(),
            handler.id.into(),
            place.into(),
        ]);
    }
    format!(
        "Handlers (Stripe API {}):\n{}\n\
         Listening on {url}\n\
         Signing secret of this run: {secret}\n\n\
         Sending myself one signed sample of every handled event:\n",
        catalog::api_version(),
        table.text_without_header(crate::terminal::width())
    )
}

fn farewell(url: &Uri, usual: &str, secret: &str) -> String {
    let program = crate::terminal::program();
    let to = if *url == *usual { String::new() } else { format!(" --to {url}") };
    format!(
        "\nStill listening; Ctrl-C stops. To send another event, in a second terminal:\n  \
         STRIPE_WEBHOOK_SECRET={secret} {program} trigger payment_intent.succeeded{to}\n"
    )
}

/// Where `trigger` sends to unless told otherwise.
fn usual_url(settings: &Settings) -> String {
    format!("http://{}{}", settings.listen, settings.path)
}
