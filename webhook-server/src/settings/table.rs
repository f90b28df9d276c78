//! The table: every setting, in the order in which they are shown.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::checks::{admin, plain_path, schema_name, site_url, stripe_api, stripe_api_url, tls, tolerable};
use super::setting::{DAY, Group, MAX_KEPT, MIB, MINUTE, SECOND, Setting, at_least, settings, within};
use super::unknown_version::UnknownVersion;
use super::value;
use crate::alerts::AlertUrl;
use crate::store::InboxLocation;

settings! {
    /// The settings of the server.
    ///
    /// The configuration file overrides what the program sets, the environment overrides both, and a flag overrides all.
    /// A field `body_limit` is the key `body-limit` in the file, the variable `WEBHOOK_BODY_LIMIT` and the flag
    /// `--body-limit`. Only `stripe_api_key_file` has a variable of another kind of name: `STRIPE_API_KEY_FILE`.
    #[derive(Clone, Debug)]
    #[non_exhaustive]
    pub struct Settings;

    /// Whether the server refuses to start where it would only warn, such as for a secret file that every user can read.
    /// Default `false`.
    strict: bool = false, {
        group: Starting,
        help: "Refuse to start where the server would only log a warning",
        check: |_| Ok(()),
    }

    /// The address to listen on. Default `127.0.0.1:4242`: the port of Stripe's examples, reachable from this machine
    /// only.
    listen: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 4242)), {
        group: Receiving,
        help: "Address to listen on",
        check: |_| Ok(()),
    }

    /// The path of the endpoint. Default `/webhook`.
    path: String = "/webhook".to_owned(), {
        group: Receiving,
        help: "Path of the endpoint",
        check: |settings| Ok(plain_path(&settings.path)?),
    }

    /// The file of the certificate that the listener shows, followed by those that signed it, in PEM format. Default none:
    /// the listener speaks HTTP. Needs `tls_key` and the feature `tls`.
    ///
    /// The file is read again when it changes.
    tls_certificate: Option<PathBuf> = None, {
        group: Encryption,
        help: "Certificate file of the listener (PEM), with the certificates that signed it",
        check: |settings| tls(settings.tls_certificate.is_some(), settings.tls_key.is_some(), "tls-key"),
    }

    /// The file of the private key of `tls_certificate`, in PEM format without a passphrase. Default none.
    tls_key: Option<PathBuf> = None, {
        group: Encryption,
        help: "Key file of the certificate (PEM)",
        check: |settings| tls(settings.tls_key.is_some(), settings.tls_certificate.is_some(), "tls-certificate"),
    }

    /// The address of the admin pages: health, metrics, and the dashboard. Default `127.0.0.1:4243`, reachable from this
    /// machine only. `None` (in text `off`) for no pages. A mounted application serves them through its own server instead.
    ///
    /// By default, a port that is in use means no pages and a warning; an address that was chosen must be free.
    admin: Option<SocketAddr> = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 4243))), {
        group: Admin,
        help: "Address of the admin pages: health, metrics, and the dashboard; off for none",
        check: |settings| admin(settings.admin, settings.admin_token_file.is_some()),
    }
    /// The URL under which browsers reach the admin pages, if a reverse proxy is in front of them. Default none: then they are
    /// reached under an IP address or as `localhost`, because another name could be anyone's.
    admin_url: Option<String> = None, {
        group: Admin,
        help: "URL of the admin pages, if they are behind a reverse proxy",
        check: |settings| {
            let has_token = settings.admin_token_file.is_some();
            Ok(settings.admin_url.as_deref().map_or(Ok(()), |url| site_url(url, has_token))?)
        },
    }
    /// The file of the token that the admin pages ask for. Default none: everyone who reaches their address may use them.
    /// Health needs no token.
    admin_token_file: Option<PathBuf> = None, {
        group: Admin,
        help: "File of the token that the admin pages ask for",
        check: |_| Ok(()),
    }
    /// Whether the admin pages only show, and change nothing. Default `false`.
    admin_read_only: bool = false, {
        group: Admin,
        help: "Whether the admin pages only show, and change nothing",
        check: |_| Ok(()),
    }
    /// The URL that alerts are posted to, as JSON: see `docs/alerts.md`. Default none. It must be `https`, which needs the
    /// feature `tls`, or of this machine. `dev` posts nothing.
    ///
    /// Such a URL usually holds a token: set it in the environment. On the command line and in the configuration file it is
    /// refused.
    alert_url: Option<AlertUrl> = None, {
        group: Alerts,
        help: "URL that alerts are posted to; with a token in it, set WEBHOOK_ALERT_URL instead",
        check: |settings| Ok(settings.alert_url.as_ref().map_or(Ok(()), AlertUrl::check)?),
    }
    /// How long the oldest due task may be late, and the inbox unreadable, before there is an alert. Default 5 minutes.
    alert_after: Duration = 5 * MINUTE, {
        group: Alerts,
        help: "How long tasks may be late, or the inbox unreadable, before there is an alert",
        check: |settings| within(settings.alert_after, SECOND..=DAY),
    }

    /// The file of the key that Stripe's API is asked with. Default none: the key is in `STRIPE_API_KEY`. Needs the feature
    /// `stripe-api`.
    stripe_api_key_file: Option<PathBuf> = None, {
        group: StripeApi,
        help: "File that contains the key of Stripe's API. Without it, the key is read from STRIPE_API_KEY",
        variable: "STRIPE_API_KEY_FILE",
        check: |settings| stripe_api(settings.stripe_api_key_file.is_some()),
    }
    /// The maximum number of calls of Stripe's API in a second. Default 25, which is what Stripe allows of one operation.
    stripe_api_rate: u32 = 25, {
        group: StripeApi,
        help: "Maximum number of calls of Stripe's API in a second",
        check: |settings| within(settings.stripe_api_rate, 1..=100),
    }
    /// The maximum number of calls of Stripe's API at once. Default 16.
    stripe_api_concurrency: u32 = 16, {
        group: StripeApi,
        help: "Maximum number of calls of Stripe's API at once",
        check: |settings| within(settings.stripe_api_concurrency, 1..=64),
    }
    /// The URL of what stands in for Stripe's API in tests, on this machine. Default none: Stripe's own.
    stripe_api_url: Option<String> = None, {
        group: StripeApi,
        help: "URL of a fake of Stripe's API on this machine, for tests",
        check: |settings| stripe_api_url(settings.stripe_api_url.as_deref()),
    }

    /// The maximum age of a signature, in whole seconds. Default 300 s, as in Stripe's own libraries.
    tolerance: Duration = 5 * MINUTE, {
        group: Receiving,
        help: "Maximum age of a signature",
        check: |settings| tolerable(settings.tolerance),
    }

    /// How far a signature's time may be ahead of this machine's clock, in whole seconds. Default 300 s.
    future_tolerance: Duration = 5 * MINUTE, {
        group: Receiving,
        help: "How far a signature's time may be ahead of this machine's clock",
        check: |settings| tolerable(settings.future_tolerance),
    }

    /// The maximum size of a request's body, in bytes. Default 1 MiB: Stripe publishes no limit, and real events are
    /// much smaller.
    body_limit: u64 = MIB, {
        group: Receiving,
        help: "Maximum size of a body, in bytes",
        check: |settings| within(settings.body_limit, 1..=64 * MIB),
    }

    /// The maximum time for a request's body to arrive. Default 10 s.
    body_timeout: Duration = 10 * SECOND, {
        group: Receiving,
        help: "Maximum time for a body to arrive",
        check: |settings| within(settings.body_timeout, SECOND..=10 * MINUTE),
    }

    /// The maximum time for one run of a handler that sets no timeout of its own. Default 10 s.
    ///
    /// Without an inbox the sender waits for the handler: Stripe gives up after a time that it does not publish, and
    /// counts the delivery as failed.
    handler_timeout: Duration = 10 * SECOND, {
        group: Receiving,
        help: "Maximum time for one run of a handler that sets no timeout of its own",
        check: |settings| within(settings.handler_timeout, Duration::from_millis(1)..=10 * MINUTE),
    }

    /// How long a shutdown waits for requests and handlers in progress. Default 25 s: orchestrators kill after 30 s.
    drain_timeout: Duration = 25 * SECOND, {
        group: Receiving,
        help: "How long a shutdown waits for requests and handlers in progress",
        check: |settings| within(settings.drain_timeout, Duration::ZERO..=10 * MINUTE),
    }

    /// What becomes of events in an API version whose Cargo feature is not enabled. Default `warn`.
    unknown_version: UnknownVersion = UnknownVersion::Warn, {
        group: Receiving,
        help: "What becomes of events in an API version that the program was not made for",
        check: |_| Ok(()),
    }

    /// Whether an event that does not fit its handler's payload type is answered with 200, which gives it up. Default
    /// `false`: it is answered with 500, and Stripe sends it again for three days, enough time to deploy a fix.
    ///
    /// Matters only without an inbox. An inbox parks such an event.
    accept_undecodable: bool = false, {
        group: Inline,
        help: "Without an inbox: answer 200 to events that do not fit their handler's type, and so drop them",
        check: |_| Ok(()),
    }

    /// The inbox. Default the file `webhook-inbox.db` in the working directory. The file needs a local disk, and only one
    /// process can have it open. Several instances can share a database of PostgreSQL (`postgres://…`).
    inbox: InboxLocation = InboxLocation::File("webhook-inbox.db".into()), {
        group: Inbox,
        help: "Inbox file, or the URL of a database of PostgreSQL; :memory: keeps the inbox in memory until the process ends",
        check: |settings| Ok(settings.inbox.check()?),
    }

    /// The schema that contains the inbox in a database. Default `webhook`. Each inbox has a schema of its own.
    inbox_schema: String = "webhook".to_owned(), {
        group: Inbox,
        help: "Schema of an inbox in a database",
        value_name: "NAME",
        check: |settings| Ok(schema_name(&settings.inbox_schema)?),
    }

    /// The maximum number of connections to the inbox's database, for each instance. Default 6.
    inbox_connections: u32 = 6, {
        group: InboxUse,
        help: "Maximum number of connections to the inbox's database",
        check: |settings| within(settings.inbox_connections, 4..=12),
    }

    /// How long an instance keeps its tasks, in an inbox in a database, without showing that it is alive; then another
    /// instance takes them over. Default 60 s. An instance shows it four times in this time, and cancels its own runs when two
    /// thirds of it have passed.
    inbox_lease: Duration = Duration::from_secs(60), {
        group: InboxUse,
        help: "Time after which another instance takes over the tasks of one that is silent",
        check: |settings| within(settings.inbox_lease, Duration::from_secs(2)..=Duration::from_secs(60 * 60)),
    }

    /// How long the tasks of a handler that no live instance has wait before they are parked, in an inbox in a database. Default
    /// 10 minutes. It should be longer than a deploy takes.
    inbox_missing_handler: Duration = Duration::from_secs(10 * 60), {
        group: InboxUse,
        help: "Time after which the tasks of a handler that no instance has are parked",
        check: |settings| within(settings.inbox_missing_handler, Duration::from_secs(1)..=7 * DAY),
    }

    /// Whether a start creates the schema in the inbox's database, or brings it up to date. Default `true`. If `false`, run
    /// `inbox migrate` before the program starts; then its role needs no right to create anything.
    inbox_migrate: bool = true, {
        group: InboxUse,
        help: "Whether a start brings the schema in the inbox's database up to date",
        check: |_| Ok(()),
    }

    /// Whether the inbox may be on a file system that other machines may share, such as NFS, or that is not known to be
    /// local, such as FUSE. Default `false`: on most of them SQLite's log is not safe.
    inbox_on_network_disk: bool = false, {
        group: Inbox,
        help: "Allow an inbox on a file system that other machines may share, such as NFS or FUSE",
        check: |_| Ok(()),
    }

    /// How many handlers run at once. Default 32.
    ///
    /// Where there are several handlers, each gets at most three quarters of these runs (and at least one), so that one
    /// handler whose service is down does not stop the others.
    concurrency: u32 = 32, {
        group: InboxUse,
        help: "Maximum number of handlers that run at once",
        check: |settings| within(settings.concurrency, 1..=4096),
    }

    /// How much space must be free on the inbox's disk to accept events, in bytes. Default 256 MiB.
    disk_floor: u64 = 256 * MIB, {
        group: InboxUse,
        help: "Free space that the inbox's disk must have to accept events, in bytes",
        check: |_| Ok(()),
    }

    /// How long an event's body is kept for replays after its handlers are done. Default 7 days.
    keep_bodies: Duration = 7 * DAY, {
        group: InboxUse,
        help: "How long the bodies of handled events are kept for replays",
        check: |settings| within(settings.keep_bodies, Duration::ZERO..=MAX_KEPT),
    }

    /// How long an event's id is kept, to recognise further deliveries of the event. Default 35 days, because Stripe can
    /// be asked to send an event again for 30 days. At least `keep_bodies`, and a day.
    keep_ids: Duration = 35 * DAY, {
        group: InboxUse,
        help: "How long event ids are kept, to recognise duplicates",
        check: |settings| at_least(settings.keep_ids, ("keep_bodies", settings.keep_bodies), DAY..=MAX_KEPT),
    }

    /// How long quarantined bodies and events with a parked task are kept. Default 90 days. At least `keep_ids`.
    keep_parked: Duration = 90 * DAY, {
        group: InboxUse,
        help: "How long parked events and quarantined bodies are kept",
        check: |settings| at_least(settings.keep_parked, ("keep_ids", settings.keep_ids), Duration::ZERO..=MAX_KEPT),
    }
}
