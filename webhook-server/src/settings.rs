//! The settings of the server: one name in the program, the environment and the flags.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use webhook_core::Tolerance;

use crate::problems::Problems;
use crate::store::Retention;
use crate::store::{InboxLocation, Opening};

/// How the server listens and what it puts up with.
///
/// What the program sets, the environment overrides, and a flag overrides both.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// The address to listen on. Default `127.0.0.1:4242`: Stripe's examples use the port, and a server that nobody
    /// asked to be public is not.
    pub listen: SocketAddr,
    /// The path of the endpoint. Default `/webhook`.
    pub path: String,
    /// How old a signature may be. Default 300 s, Stripe's own.
    pub tolerance: Duration,
    /// How far a signature may be ahead of this machine's clock. Default 300 s.
    pub future_tolerance: Duration,
    /// The longest body, in bytes. Default 1 MiB: Stripe publishes no limit, and real events stay far below.
    pub body_limit: u64,
    /// How long a request's body may take to arrive. Default 10 s.
    pub body_timeout: Duration,
    /// How long one run of a handler may take that sets no timeout itself. Default 10 s. Without an inbox the sender waits
    /// for it: Stripe stops after a time that it does not publish, and counts the delivery as failed.
    pub handler_timeout: Duration,
    /// How long a shutdown waits for deliveries in progress. Default 25 s: orchestrators kill after 30 s.
    pub drain_timeout: Duration,
    /// Whether an event that does not fit its handler's type is answered with 200, and so given up. Default no: it
    /// is answered with 500, and Stripe sends it again for three days, in which a corrected program can be deployed.
    ///
    /// Without an inbox only; with one, it is parked there.
    pub accept_undecodable: bool,
    /// Where the inbox is kept. Default the file `webhook-inbox.db` in the working directory. It needs a local disk, and
    /// has one process at a time.
    pub inbox: InboxLocation,
    /// Whether the inbox may lie on a file system that other machines may share, such as NFS, or that is not known to
    /// be local, such as FUSE. Default no: SQLite's log is not safe on most of them.
    pub inbox_on_network_disk: bool,
    /// How many handlers run at once. Default 32. Where there are several, one of them gets three quarters at
    /// most (and one at least): if it waits for something that is down, it does not stop the others.
    pub concurrency: u32,
    /// How much room there must be on the inbox's disk, in bytes, for events to be taken in. Default 256 MiB.
    pub disk_floor: u64,
    /// How long the body of an event is kept after its handlers are done, for a replay. Default 7 days.
    pub keep_bodies: Duration,
    /// How long an event's id is kept, by which a second delivery is told from a new event. Default 35 days: Stripe can
    /// be asked to send an event again for 30.
    pub keep_ids: Duration,
    /// How long an event with a parked task is kept, and what is in quarantine. Default 90 days; no shorter than
    /// `keep_ids`.
    pub keep_parked: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 4242)),
            path: "/webhook".to_owned(),
            tolerance: Duration::from_secs(300),
            future_tolerance: Duration::from_secs(300),
            body_limit: 1024 * 1024,
            body_timeout: Duration::from_secs(10),
            handler_timeout: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(25),
            accept_undecodable: false,
            inbox: InboxLocation::File("webhook-inbox.db".into()),
            inbox_on_network_disk: false,
            concurrency: 32,
            disk_floor: 256 * 1024 * 1024,
            keep_bodies: 7 * DAY,
            keep_ids: 35 * DAY,
            keep_parked: 90 * DAY,
        }
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MAX_KEPT: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);
const MAX_CONCURRENCY: u32 = 4096;
const MAX_TOLERANCE: Duration = Duration::from_secs(60 * 60);
const MAX_BODY_LIMIT: u64 = 64 * 1024 * 1024;
const MAX_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// How long a server may take from the end of a drain to the end of its process: for runs that are cancelled, and the log.
const AFTER_DRAIN: Duration = Duration::from_secs(5);

impl Settings {
    /// The tolerance as verification takes it. Call after [`check`](Self::check).
    pub(crate) fn tolerance(&self) -> Tolerance {
        let seconds = |duration: Duration| NonZeroU64::new(duration.as_secs()).unwrap_or(NonZeroU64::MIN);
        Tolerance::seconds(seconds(self.tolerance), seconds(self.future_tolerance))
    }

    /// How the inbox is opened by a server. It waits for one that ends, and that may take as long as a shutdown does.
    pub(crate) fn opening(&self) -> Opening {
        Opening {
            disk_floor: self.disk_floor,
            on_network_disk: self.inbox_on_network_disk,
            patience: self.drain_timeout + AFTER_DRAIN,
        }
    }

    /// How long what is in the inbox is kept.
    pub(crate) fn retention(&self) -> Retention {
        Retention { bodies: self.keep_bodies, ids: self.keep_ids, parked: self.keep_parked }
    }

    /// Notes every setting that is out of its range.
    pub(crate) fn check(&self, problems: &mut Problems) {
        let mut refuse = |name: &str, value: &str, why: &str| {
            problems.add(format!("`{name}` is {value}: it must be {why}; {}", how_to_set(name)));
        };
        if !(1..=MAX_CONCURRENCY).contains(&self.concurrency) {
            let why = format!("from 1 to {MAX_CONCURRENCY}");
            refuse("concurrency", &self.concurrency.to_string(), &why);
        }
        if !(1..=MAX_BODY_LIMIT).contains(&self.body_limit) {
            let why = format!("from 1 to {MAX_BODY_LIMIT}");
            refuse("body-limit", &format!("{} bytes", self.body_limit), &why);
        }
        if !is_plain_path(&self.path) {
            let why = "a `/`, and after it only letters, digits and `-._~/`, as Stripe will send it";
            refuse("path", &format!("{:?}", self.path), why);
        }
        let mut range = |name: &str, value: Duration, least: Duration, most: Duration| {
            if !(least..=most).contains(&value) {
                let [value, least, most] = [value, least, most].map(humantime::format_duration);
                refuse(name, &value.to_string(), &format!("from {least} to {most}"));
            }
        };
        let second = Duration::from_secs(1);
        range("tolerance", self.tolerance, second, MAX_TOLERANCE);
        range("future-tolerance", self.future_tolerance, second, MAX_TOLERANCE);
        range("body-timeout", self.body_timeout, second, MAX_TIMEOUT);
        range("handler-timeout", self.handler_timeout, Duration::from_millis(1), MAX_TIMEOUT);
        range("drain-timeout", self.drain_timeout, Duration::ZERO, MAX_TIMEOUT);
        range("keep-bodies", self.keep_bodies, Duration::ZERO, MAX_KEPT);
        // A shorter memory would take an event that Stripe is asked to send again for a new one.
        range("keep-ids", self.keep_ids, self.keep_bodies.max(DAY), MAX_KEPT);
        range("keep-parked", self.keep_parked, self.keep_ids, MAX_KEPT);
    }
}

/// The flag and the environment variable of a setting.
fn names(setting: &str) -> (String, String) {
    (format!("--{setting}"), format!("WEBHOOK_{}", setting.to_uppercase().replace('-', "_")))
}

/// Says by which names a setting can be set.
pub(crate) fn how_to_set(setting: &str) -> String {
    let (flag, variable) = names(setting);
    format!("set {flag}, {variable} or `Settings::{}`", setting.replace('-', "_"))
}

fn is_plain_path(path: &str) -> bool {
    path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte))
}

/// The flags of the server.
#[derive(Args, Debug)]
pub(crate) struct Flags {
    #[command(flatten)]
    pub(crate) listening: ListeningFlags,
    #[command(flatten)]
    pub(crate) keeping: KeepingFlags,
    #[command(flatten)]
    pub(crate) secret: SecretFlag,
}

/// How one listens, and what is put up with.
#[derive(Args, Debug)]
pub(crate) struct ListeningFlags {
    /// Address to listen on [default: 127.0.0.1:4242]
    #[arg(long, value_name = "ADDR:PORT", env = "WEBHOOK_LISTEN")]
    listen: Option<String>,
    /// Path of the endpoint [default: /webhook]
    #[arg(long, value_name = "PATH", env = "WEBHOOK_PATH")]
    path: Option<String>,
    /// How old a signature may be [default: 300s]
    #[arg(long, value_name = "TIME", env = "WEBHOOK_TOLERANCE")]
    tolerance: Option<String>,
    /// How far ahead of this machine's clock a signature may be [default: 300s]
    #[arg(long, value_name = "TIME", env = "WEBHOOK_FUTURE_TOLERANCE")]
    future_tolerance: Option<String>,
    /// Longest body in bytes [default: 1048576]
    #[arg(long, value_name = "BYTES", env = "WEBHOOK_BODY_LIMIT")]
    body_limit: Option<String>,
    /// How long a body may take to arrive [default: 10s]
    #[arg(long, value_name = "TIME", env = "WEBHOOK_BODY_TIMEOUT")]
    body_timeout: Option<String>,
    /// How long a handler may take that sets no timeout itself [default: 10s]
    #[arg(long, value_name = "TIME", env = "WEBHOOK_HANDLER_TIMEOUT")]
    handler_timeout: Option<String>,
    /// How long a shutdown waits for deliveries in progress [default: 25s]
    #[arg(long, value_name = "TIME", env = "WEBHOOK_DRAIN_TIMEOUT")]
    drain_timeout: Option<String>,
    /// Without an inbox: answer 200 to events that do not fit their handler's type, and so give them up [default: false]
    #[arg(
        long,
        value_name = "BOOL",
        env = "WEBHOOK_ACCEPT_UNDECODABLE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    accept_undecodable: Option<String>,
}

/// What is of use with an inbox only.
#[derive(Args, Debug)]
pub(crate) struct KeepingFlags {
    /// How many handlers run at once [default: 32]
    #[arg(long, value_name = "NUMBER", env = "WEBHOOK_CONCURRENCY")]
    concurrency: Option<String>,
    /// Bytes that must be free on the inbox's disk [default: 268435456]
    #[arg(long, value_name = "BYTES", env = "WEBHOOK_DISK_FLOOR")]
    disk_floor: Option<String>,
    /// How long the bodies of handled events are kept [default: 7days]
    #[arg(long, value_name = "TIME", env = "WEBHOOK_KEEP_BODIES")]
    keep_bodies: Option<String>,
    /// How long event ids are kept, to tell duplicates [default: 35days]
    #[arg(long, value_name = "TIME", env = "WEBHOOK_KEEP_IDS")]
    keep_ids: Option<String>,
    /// How long parked events are kept [default: 90days]
    #[arg(long, value_name = "TIME", env = "WEBHOOK_KEEP_PARKED")]
    keep_parked: Option<String>,
    #[command(flatten)]
    pub(crate) inbox: InboxFlag,
}

/// Where the inbox is.
#[derive(Args, Clone, Debug)]
pub(crate) struct InboxFlag {
    /// File of the inbox, or :memory: to lose it with the process [default: webhook-inbox.db]
    #[arg(long, value_name = "FILE", env = "WEBHOOK_INBOX")]
    pub(crate) inbox: Option<PathBuf>,
    /// Allow the inbox on a file system that other machines may share, such as NFS or FUSE [default: false]
    #[arg(
        long,
        value_name = "BOOL",
        env = "WEBHOOK_INBOX_ON_NETWORK_DISK",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    inbox_on_network_disk: Option<bool>,
}

impl InboxFlag {
    /// Applies flag and environment to the program's settings.
    pub(crate) fn apply(&self, settings: &mut Settings) {
        match &self.inbox {
            Some(path) if path.as_os_str() == ":memory:" => settings.inbox = InboxLocation::Memory,
            Some(path) => settings.inbox = InboxLocation::File(path.clone()),
            None => {}
        }
        if let Some(allowed) = self.inbox_on_network_disk {
            settings.inbox_on_network_disk = allowed;
        }
    }
}

/// Where the signing secret is, besides the environment.
#[derive(Args, Debug)]
pub(crate) struct SecretFlag {
    /// File with the endpoint's signing secret, which child processes do not inherit; otherwise STRIPE_WEBHOOK_SECRET
    /// holds it
    #[arg(long, value_name = "FILE", env = "STRIPE_WEBHOOK_SECRET_FILE")]
    pub(crate) secret_file: Option<PathBuf>,
}

impl Flags {
    /// Applies flags and environment to the program's settings, noting every value that cannot be read.
    pub(crate) fn apply(&self, settings: &mut Settings, problems: &mut Problems) {
        self.listening.apply(settings, problems);
        self.keeping.apply(settings, problems);
    }
}

/// What is expected of a value.
const TIME: &str = "a number and its unit, such as 500ms, 30s or 2m";
const BYTES: &str = "a number of bytes";

fn time(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok()
}

impl ListeningFlags {
    /// Applies flags and environment to the program's settings, noting every value that cannot be read.
    pub(crate) fn apply(&self, settings: &mut Settings, problems: &mut Problems) {
        let mut values = Values { problems };
        let address = "an address and a port, such as 127.0.0.1:4242";
        values.read("listen", &self.listen, address, |text| text.parse().ok(), &mut settings.listen);
        values.read("path", &self.path, "a path", |text| Some(text.to_owned()), &mut settings.path);
        values.read("tolerance", &self.tolerance, TIME, time, &mut settings.tolerance);
        let future = &mut settings.future_tolerance;
        values.read("future-tolerance", &self.future_tolerance, TIME, time, future);
        let limit = &mut settings.body_limit;
        values.read("body-limit", &self.body_limit, BYTES, |text| text.parse().ok(), limit);
        values.read("body-timeout", &self.body_timeout, TIME, time, &mut settings.body_timeout);
        values.read("handler-timeout", &self.handler_timeout, TIME, time, &mut settings.handler_timeout);
        values.read("drain-timeout", &self.drain_timeout, TIME, time, &mut settings.drain_timeout);
        let (accept, given) = (&mut settings.accept_undecodable, &self.accept_undecodable);
        values.read("accept-undecodable", given, "true or false", |text| text.parse().ok(), accept);
    }
}

impl KeepingFlags {
    fn apply(&self, settings: &mut Settings, problems: &mut Problems) {
        let mut values = Values { problems };
        let concurrency = &mut settings.concurrency;
        values.read("concurrency", &self.concurrency, "a number", |text| text.parse().ok(), concurrency);
        let floor = &mut settings.disk_floor;
        values.read("disk-floor", &self.disk_floor, BYTES, |text| text.parse().ok(), floor);
        values.read("keep-bodies", &self.keep_bodies, TIME, time, &mut settings.keep_bodies);
        values.read("keep-ids", &self.keep_ids, TIME, time, &mut settings.keep_ids);
        values.read("keep-parked", &self.keep_parked, TIME, time, &mut settings.keep_parked);
        self.inbox.apply(settings);
    }
}

struct Values<'p> {
    problems: &'p mut Problems,
}

impl Values<'_> {
    fn read<T>(
        &mut self,
        name: &str,
        given: &Option<String>,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
        setting: &mut T,
    ) {
        let Some(text) = given else { return };
        match parse(text) {
            Some(value) => *setting = value,
            None => {
                let (flag, variable) = names(name);
                self.problems.add(format!("{flag} (or {variable}) is {text:?}: it must be {expected}"));
            }
        }
    }
}
